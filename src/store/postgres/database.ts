import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { type BatchError, hasErrorCode } from '../../errors.ts';
import { decodeEnvelope } from '../envelope.ts';
import { closedFailure, moveState } from '../moving/movable.ts';
import { databaseFailure } from './failure.ts';
import { migrate } from './migrate.ts';

/**
 * What runs SQL, each text by itself and perhaps on its own connection: a `Pool` of the package `pg`, or what behaves like
 * one. A text without values may hold several statements.
 */
export type SqlClient = {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
};

/** One schema of a database, with its tables as this version has them. */
export type Database = {
  /** Its name in messages, without user or password. */
  readonly place: string;
  /**
   * Runs one statement, in which `@.` stands for the schema, and gives its rows. `doing` says in messages what it is for, as
   * "read the record of …". Throws `store_failed`.
   */
  query<T>(doing: string, text: string, values: unknown[], row: z.ZodType<T>): Promise<T[]>;
};

export type DatabaseOptions = {
  client: SqlClient;
  /** Lower-case letters, digits and `_`. */
  schema: string;
  place: string;
  /** For a closed store, whose table of batches has another name meanwhile: only what copies it reads that. */
  isClosed?: boolean;
};

/** A row of which nothing is read. */
export const anyRow = z.unknown();

/** The register of a store's moves to others. */
export const MOVE = { kind: 'move', name: 'store' };

const UNDEFINED_TABLE = '42P01';

/** For a statement that was rolled back, or never begun, because of others: it may succeed next time. */
const PASSING = [
  '40001', // serialization_failure, where the owner has set an isolation that is stricter than PostgreSQL's own
  '40P01', // deadlock_detected
  '55P03', // lock_not_available
  '53300', // too_many_connections
  '57P05', // idle_session_timeout
];
const PATIENCE_MS = 8_000;
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 640;

/** Retries what conflicted with others, waiting twice as long each time, with some jitter. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
    try {
      return await work();
    } catch (error) {
      if (performance.now() - start > PATIENCE_MS || !hasErrorCode(error, ...PASSING)) throw error;
      await sleep(pauseMs * (0.5 + Math.random() / 2));
    }
  }
}

const contentRow = z.tuple([z.object({ content: z.string() })]);

/** Opens a schema. The database is not contacted before the first query, which creates the tables where there are none. */
export function openDatabase({ client, schema, place, isClosed = false }: DatabaseOptions): Database {
  const named = (text: string) => (isClosed ? text.replaceAll(/@\.batch\b/g, '@.batch_closed') : text);
  const inSchema = (text: string) => named(text).replaceAll('@.', `"${schema}".`);
  const run = (text: string, values?: unknown[]) =>
    patiently(async () => (await client.query(inSchema(text), values)).rows);
  let ready: Promise<void> | undefined;

  /** Once, unless it failed: a database that was away may be back. */
  function prepared(): Promise<void> {
    ready ??= migrate(run, schema, place).catch((error: unknown) => {
      ready = undefined;
      throw error;
    });
    return ready;
  }

  /** The table of batches is there under its name, unless the store was closed: whoever did that wrote down why. */
  async function whyClosed(): Promise<BatchError | null> {
    const text = 'select content from @.revision where kind = $1 and name = $2 order by number desc limit 1';
    const found = contentRow.safeParse(await run(text, [MOVE.kind, MOVE.name]));
    if (!found.success) return null;
    const [{ content }] = found.data;
    return closedFailure(place, decodeEnvelope(`the move of ${place}`, content, moveState).value);
  }

  return {
    place,
    async query(doing, text, values, row) {
      const rows = await (async () => {
        try {
          await prepared();
          return await run(text, values);
        } catch (error) {
          const closed = hasErrorCode(error, UNDEFINED_TABLE) ? await whyClosed() : null;
          throw closed ?? databaseFailure(doing, place, error);
        }
      })();
      return z.array(row).parse(rows);
    },
  };
}
