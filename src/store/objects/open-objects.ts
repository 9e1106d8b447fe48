import { constants } from 'node:fs';
import { type FileHandle, lstat, rename, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { ulid } from 'ulid';
import { BatchError } from '../../errors.ts';
import { makeFolder, namesIn } from '../../lib/files/durable-write.ts';
import { createFileWriter, type FileWriter } from '../../lib/files/file-writer.ts';
import { openRegularFile } from '../../lib/files/regular-file.ts';
import { readFrom, readSpans } from '../files/read-file.ts';
import type { S3ObjectsOptions } from '../s3/objects.ts';
import type { Pieces } from '../store.ts';
import { checked, type Objects, type StoredObject } from './objects.ts';

/** Where the bytes of blobs are kept, beside the database that holds their names. */
export type BlobsAddress =
  | { kind: 'folder'; path: string; place: string }
  | ({ kind: 's3' } & S3ObjectsOptions);

/** Opens what an address names, with copies on this machine where they save time. Nothing is asked of it yet. */
export async function openObjects(address: BlobsAddress, cache: CacheOptions): Promise<Objects> {
  if (address.kind === 'folder') {
    const { createFolderObjects } = await import('./folder.ts');
    return createFolderObjects(address.path);
  }
  const { createS3Objects } = await import('../s3/objects.ts');
  const { kind: _kind, ...options } = address;
  const objects = createS3Objects(options);
  return cache.limitBytes === 0 ? objects : cachedObjects(objects, cache);
}

type CacheOptions = {
  /** A folder for the cache alone; created when something is first kept. */
  folder: string;
  limitBytes: number;
  /** Is told why a copy could not be kept. */
  log: (message: string) => void;
};

/** If a piece of an object is wanted, the whole is fetched up to this size: the next page will want another piece. */
const WHOLE_BYTES = 16 * 1024 * 1024;
/** The share of the limit that a single object may take. */
const LARGEST_SHARE = 0.5;

/**
 * The same objects, with local copies of what was read. A copy is named by its hash and checked when it is made. Any number of processes
 * can share the folder, and it can be removed at any time.
 */
export function cachedObjects(origin: Objects, { folder, limitBytes, log }: CacheOptions): Objects {
  const pathOf = ({ sha256 }: StoredObject) => join(folder, sha256);
  const fits = ({ bytes }: StoredObject) => bytes <= limitBytes * LARGEST_SHARE;

  /** A failing disk costs the copy, never the object. */
  async function orNothing<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Error && 'code' in error && !(error instanceof BatchError)) {
        if (error.code !== 'ENOENT') log(`no copy is kept in ${folder} (${String(error.code)})`);
        return undefined;
      }
      throw error;
    }
  }

  async function openCopy(object: StoredObject): Promise<FileHandle | undefined> {
    const path = pathOf(object);
    return orNothing(async () => {
      const handle = await openRegularFile(path, { flags: constants.O_RDONLY | constants.O_NOFOLLOW });
      if ((await handle.stat()).size === object.bytes) {
        const now = new Date();
        await utimes(path, now, now);
        return handle;
      }
      await handle.close();
      await rm(path, { force: true });
      return undefined;
    });
  }

  async function* readCopy(handle: FileHandle, object: StoredObject, start: number): Pieces {
    const path = pathOf(object);
    const failure = (error: unknown) =>
      new BatchError('store_failed', `Could not read ${path}, a copy. Remove it, then try again.`, {
        cause: error,
      });
    try {
      const pieces = readFrom(handle, start, failure);
      yield* start === 0 ? checked(pieces, object, path) : pieces;
    } catch (error) {
      // The next read fetches it again.
      await rm(path, { force: true });
      throw error;
    } finally {
      await handle.close();
    }
  }

  /** Passes on a whole object, and keeps a copy once it has been checked. */
  async function* readAndKeep(object: StoredObject): Pieces {
    const unfinished = join(folder, `${ulid()}.tmp`);
    let writer: FileWriter | undefined = await orNothing(async () => {
      await makeFolder(folder);
      return createFileWriter(unfinished);
    });
    try {
      for await (const piece of origin.read(object)) {
        const copy = writer;
        if (copy !== undefined && !(await orNothing(async () => copy.give(piece).then(() => true)))) {
          await copy.close();
          writer = undefined;
        }
        yield piece;
      }
      const copy = writer;
      if (copy === undefined) return;
      await orNothing(async () => {
        await copy.finish();
        await rename(unfinished, pathOf(object));
        await makeRoom();
      });
    } finally {
      await writer?.close();
      await orNothing(() => rm(unfinished, { force: true }));
    }
  }

  /** Removes what has not been read for longest until the limit holds. */
  async function makeRoom(): Promise<void> {
    const files = await Promise.all(
      (await namesIn(folder)).map(async (name) => {
        const path = join(folder, name);
        const found = await orNothing(() => lstat(path));
        return found === undefined ? [] : [{ path, size: found.size, at: found.mtimeMs }];
      }),
    );
    let held = 0;
    for (const { path, size } of files.flat().sort((a, b) => b.at - a.at)) {
      held += size;
      if (held > limitBytes) await rm(path, { force: true });
    }
  }

  return {
    ...origin,

    async *read(object, start = 0) {
      const copy = await openCopy(object);
      if (copy !== undefined) yield* readCopy(copy, object, start);
      else if (start === 0 && fits(object)) yield* readAndKeep(object);
      else yield* origin.read(object, start);
    },

    async readRanges(object, spans) {
      if (spans.length === 0) return [];
      let copy = await openCopy(object);
      if (copy === undefined && fits(object) && object.bytes <= WHOLE_BYTES) {
        for await (const _piece of readAndKeep(object));
        copy = await openCopy(object);
      }
      if (copy === undefined) return origin.readRanges(object, spans);
      try {
        return await readSpans(copy, spans, pathOf(object));
      } finally {
        await copy.close();
      }
    },
  };
}
