import path from 'node:path';
import { BatchError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Movable } from '../store/moving/movable.ts';
import type { Config } from './config.ts';
import { type StoreAddress, storeAddress } from './store-address.ts';

type OpenMovable = { store: Movable; close: () => Promise<void> };

/**
 * Opens a store to be copied: a database by its address, a data folder by its path, or else the configured store. The code
 * for a database is loaded only if there is one. Throws `invalid_input` for an invalid address.
 */
export async function openMovable(given: string | undefined, config: Config, log: Log): Promise<OpenMovable> {
  const address = given === undefined ? config.store : addressOf(given);
  if (address === null) {
    const { openMovableFolder } = await import('../store/files/movable.ts');
    const folder = given === undefined ? config.dataDir : path.resolve(given);
    return { store: openMovableFolder(folder), close: async () => {} };
  }
  const warn = (message: string) => log('warn', message);
  const { openPool } = await import('../store/postgres/open-store.ts');
  const { openMovableDatabase } = await import('../store/postgres/movable.ts');
  const { schema, place } = address;
  const client = openPool({ url: address.url, place, log: warn });
  const objects = await blobsOf(config, warn);
  return { store: openMovableDatabase({ client, schema, place, objects }), close: () => client.end() };
}

/** Null for the path of a folder. */
function addressOf(given: string): StoreAddress | null {
  if (!/^[a-z]+:\/\//i.test(given)) return null;
  const read = storeAddress.schema.safeParse(given);
  if (read.success) return read.data;
  const valid = read.error.issues.map(({ message }) => message).join(', ');
  throw new BatchError(
    'invalid_input',
    `This is not the address of a store. Valid: the path of a data folder, or ${valid}.`,
  );
}

/** Without a cache on this machine, since each object is read once. */
async function blobsOf({ blobs }: Config, log: (message: string) => void) {
  if (blobs === null) return null;
  const { openObjects } = await import('../store/objects/open-objects.ts');
  return openObjects(blobs, { folder: '', limitBytes: 0, log });
}
