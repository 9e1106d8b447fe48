import type { Stats } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ulid } from 'ulid';
import { hasErrorCode } from '../../errors.ts';
import { giveName, makeFolder, syncFolder } from '../../lib/files/durable-write.ts';
import { createFileWriter } from '../../lib/files/file-writer.ts';
import { checkedId } from '../names.ts';
import type { Blobs, Pieces } from '../store.ts';
import { damaged } from '../stored-json.ts';
import { openOwnFile } from './own-file.ts';
import { readFrom, readSpans } from './read-file.ts';
import { inStore, linkInStore, storeFailure } from './store-failure.ts';

export type FileBlobsOptions = {
  folder: string;
  /**
   * A folder on the same file system for unfinished files. Null if `folder` is itself unfinished: until it gets its
   * name, its files need not be whole, and their names need not survive a power cut.
   */
  temporary: string | null;
};

/** Blobs as the files of a folder. */
export function createFileBlobs({ folder, temporary }: FileBlobsOptions): Blobs {
  const pathOf = (name: string) => join(folder, checkedId('blob', name));

  async function write(name: string, pieces: Pieces): Promise<number | null> {
    const path = pathOf(name);
    if (temporary === null) return writeFile(path, path, pieces);
    await inStore('write', path, () => makeFolder(temporary));
    const unfinished = join(temporary, ulid());
    const bytes = await writeFile(path, unfinished, pieces);
    return (await linkInStore(path, () => giveName(unfinished, path))) ? bytes : null;
  }

  async function open(path: string) {
    const handle = await inStore('read', path, () => openOwnFile(path));
    if (handle === null) throw damaged(path, 'it is missing');
    return handle;
  }

  return {
    write,
    describe: pathOf,

    async *read(name, start = 0) {
      const path = pathOf(name);
      const handle = await open(path);
      try {
        yield* readFrom(handle, start, (error) => storeFailure('read', path, error));
      } finally {
        await handle.close();
      }
    },

    async readRanges(name, spans) {
      const path = pathOf(name);
      const handle = await open(path);
      try {
        return await inStore('read', path, () => readSpans(handle, spans, path));
      } finally {
        await handle.close();
      }
    },

    size: async (name) => (await statOf(pathOf(name)))?.size ?? null,

    async changedAt(name) {
      const stat = await statOf(pathOf(name));
      // A writer can set back the one time, but not the other.
      return stat === null ? null : Math.max(stat.mtimeMs, stat.ctimeMs);
    },

    async remove(name) {
      const path = pathOf(name);
      await inStore('write', path, async () => {
        await rm(path, { force: true });
        if (temporary !== null) await syncFolder(folder);
      });
    },
  };
}

async function statOf(path: string): Promise<Stats | null> {
  const handle = await inStore('read', path, () => openOwnFile(path));
  if (handle === null) return null;
  try {
    return await handle.stat();
  } finally {
    await handle.close();
  }
}

/**
 * Writes a new file through to the disk; syncing its name is left to the caller. Null if the name is taken. A failed
 * write leaves nothing. A failure of `pieces` is thrown as it is, one of the disk as a failure of `path`.
 */
async function writeFile(path: string, file: string, pieces: Pieces): Promise<number | null> {
  const writer = await inStore('write', path, () => createIfFree(file));
  if (writer === null) return null;
  try {
    for await (const piece of pieces) await inStore('write', path, () => writer.give(piece));
    return (await inStore('write', path, () => writer.finish())).bytes;
  } catch (error) {
    await writer.close();
    await rm(file, { force: true });
    throw error;
  }
}

async function createIfFree(file: string) {
  try {
    return await createFileWriter(file);
  } catch (error) {
    if (hasErrorCode(error, 'EEXIST')) return null;
    throw error;
  }
}
