import pg from 'pg';
import type { Store } from '../store.ts';
import { createDatabaseStore, type DatabaseStoreOptions } from './create-store.ts';

/** As many concurrent queries as a process makes use of. */
const CONNECTIONS = 8;
const CONNECT_MS = 10_000;
/** No statement of ours takes a second on a healthy database: one this slow has lost its connection. A waiting call ends in time. */
const QUERY_MS = 20_000;

export type StoreSettings = Omit<DatabaseStoreOptions, 'client'> & {
  /** For `pg`, with a user and a password. */
  url: string;
};

/** Connections of this process only. */
export function openPool({ url, place, log }: Pick<StoreSettings, 'url' | 'place' | 'log'>): pg.Pool {
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
  return pool;
}

/** The store at an address, over connections of its own. */
export function createStore({ url, ...options }: StoreSettings): Store & { close(): Promise<void> } {
  const pool = openPool({ url, ...options });
  const store = createDatabaseStore({ client: pool, ...options });
  return {
    ...store,
    async close() {
      await store.close();
      await pool.end();
    },
  };
}
