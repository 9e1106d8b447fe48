import pg from 'pg';
import type { Store } from '../store.ts';
import { createDatabaseStore } from './create-store.ts';

/** As many queries at once as a process makes use of. */
const CONNECTIONS = 8;
const CONNECT_MS = 10_000;
/** No statement of ours takes a second on a healthy database: one that goes on so long has lost it. */
const QUERY_MS = 120_000;

/** What the tables are kept under where the address names nothing else. */
export const DEFAULT_SCHEMA = 'batch_mcp';

export type StoreAddress = {
  /** For `pg`, a user and a password in it. */
  url: string;
  schema: string;
  /** Host and database, for messages. */
  place: string;
};

/** Takes an address apart: `schema` is a parameter of ours, all others are PostgreSQL's. Null where it is no such address. */
export function readStoreAddress(text: string): StoreAddress | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^postgres(?:ql)?:$/.test(url.protocol)) return null;
  const schema = url.searchParams.get('schema') ?? DEFAULT_SCHEMA;
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema) || schema.startsWith('pg_')) return null;
  url.searchParams.delete('schema');
  const place = `postgres://${url.host}${url.pathname} (schema ${schema})`;
  return { url: url.href, schema, place };
}

export type StoreSettings = StoreAddress & { log: (message: string) => void };

/** The store at an address, over connections of its own. */
export function createStore({ url, schema, place, log }: StoreSettings): Store & { close(): Promise<void> } {
  const pool = new pg.Pool({
    connectionString: url,
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: QUERY_MS,
    keepAlive: true,
    // A program that has nothing else to do may end.
    allowExitOnIdle: true,
    application_name: 'batch-mcp',
  });
  // An idle connection that breaks is replaced by the next query, which says so if it can't be.
  pool.on('error', (error) => log(`a connection to ${place} broke: ${error.name}`));
  return { ...createDatabaseStore({ client: pool, schema, place, log }), close: () => pool.end() };
}
