import * as z from 'zod';
import { databaseFailure } from './failure.ts';
import { migrate } from './migrate.ts';

/**
 * What runs SQL, each text for itself and perhaps on a connection of its own: a `Pool` of the package `pg`, or what behaves as
 * one. A text without values may hold several statements.
 */
export type SqlClient = {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
};

/** One schema of a database, with its tables as this version has them. */
export type Database = {
  /** Names it in a message: no user and no password. */
  readonly place: string;
  /**
   * Runs one statement, in which `@.` stands for the schema, and gives its rows. `doing` says in a message what it is for, as
   * "read the record of …". Throws `store_failed`.
   */
  query<T>(doing: string, text: string, values: unknown[], row: z.ZodType<T>): Promise<T[]>;
};

export type DatabaseOptions = {
  client: SqlClient;
  /** Lower-case letters, digits and `_`. */
  schema: string;
  place: string;
};

/** A row of which nothing is read. */
export const anyRow = z.unknown();

/** Opens a schema. Nothing is asked of the database before the first query, which makes the tables where there are none. */
export function openDatabase({ client, schema, place }: DatabaseOptions): Database {
  const inSchema = (text: string) => text.replaceAll('@.', `"${schema}".`);
  const run = async (text: string, values?: unknown[]) => (await client.query(inSchema(text), values)).rows;
  let ready: Promise<void> | undefined;

  /** Once, unless it failed: a database that was away may be back. */
  function prepared(): Promise<void> {
    ready ??= migrate(run, schema, place).catch((error: unknown) => {
      ready = undefined;
      throw error;
    });
    return ready;
  }

  return {
    place,
    async query(doing, text, values, row) {
      const rows = await (async () => {
        try {
          await prepared();
          return await run(text, values);
        } catch (error) {
          throw databaseFailure(doing, place, error);
        }
      })();
      return z.array(row).parse(rows);
    },
  };
}
