import { rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BatchError, hasErrorCode } from '../../errors.ts';
import { makeFolder, syncFolder } from '../../lib/files/durable-write.ts';
import { systemErrorCode } from '../../lib/files/file-failure.ts';
import { createFileWriter, type FileWriter } from '../../lib/files/file-writer.ts';
import { openOwnFile } from '../files/own-file.ts';
import { readFrom, readSpans } from '../files/read-file.ts';
import type { Pieces } from '../store.ts';
import { damaged } from '../stored-json.ts';
import { checked, type Objects, type StoredObject, summed } from './objects.ts';

const advice: Record<string, string> = {
  ENOSPC: 'Its disk is full: make room.',
  EDQUOT: 'Its quota is used up: make room.',
  EROFS: 'It is read-only: let this user write to it.',
  EACCES: 'Access is denied: let this user read and write it.',
};

function failure(verb: string, path: string, error: unknown): BatchError {
  if (error instanceof BatchError) return error;
  const system = systemErrorCode(error) ?? 'unknown cause';
  const next = advice[system] ?? 'Check that the folder of BATCH_MCP_BLOBS exists and is mounted.';
  const message = `Could not ${verb} ${path} (${system}). ${next} Nothing new is sent meanwhile; then try again.`;
  return new BatchError('store_failed', message, { cause: error });
}

async function doing<T>(verb: 'read' | 'write' | 'remove', path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw failure(verb, path, error);
  }
}

/**
 * Objects as files of a folder that several machines share. `root` is created by its owner, never here: if it is missing, it is not
 * mounted, and nothing must be written in its place.
 */
export function createFolderObjects(root: string): Objects {
  const pathOf = (key: string) => join(root, key);

  /** A batch's folder is removed with its last file, perhaps just now. */
  async function create(path: string): Promise<FileWriter> {
    const folder = dirname(path);
    for (let tries = 1; ; tries += 1) {
      try {
        return await createFileWriter(path);
      } catch (error) {
        if (!hasErrorCode(error, 'ENOENT') || tries === 5) throw error;
        await stat(root);
        await makeFolder(folder);
      }
    }
  }

  async function writeFile(path: string, pieces: Pieces): Promise<void> {
    const writer = await doing('write', path, () => create(path));
    try {
      for await (const piece of pieces) await doing('write', path, () => writer.give(piece));
      await doing('write', path, () => writer.finish());
      await doing('write', path, () => syncFolder(dirname(path)));
    } catch (error) {
      await writer.close().catch(() => {});
      // The first failure is the one to report; what is left here is removed with its batch.
      await remove(path).catch(() => {});
      throw error;
    }
  }

  async function remove(path: string): Promise<void> {
    await doing('remove', path, async () => {
      await rm(path, { force: true });
      try {
        await rmdir(dirname(path));
      } catch (error) {
        if (!hasErrorCode(error, 'ENOTEMPTY', 'EEXIST', 'ENOENT')) throw error;
      }
    });
  }

  async function open({ key, bytes }: StoredObject) {
    const path = pathOf(key);
    return doing('read', path, async () => {
      const handle = await openOwnFile(path);
      if (handle === null) {
        await stat(root);
        throw damaged(path, 'it is missing');
      }
      try {
        const { size } = await handle.stat();
        if (size !== bytes) throw damaged(path, `it has ${size} bytes instead of ${bytes}`);
        return handle;
      } catch (error) {
        await handle.close();
        throw error;
      }
    });
  }

  async function* readPieces(object: StoredObject, start: number): Pieces {
    const handle = await open(object);
    try {
      yield* readFrom(handle, start, (error) => failure('read', pathOf(object.key), error));
    } finally {
      await handle.close();
    }
  }

  return {
    place: `file://${root}`,

    async write(key, pieces) {
      const all = summed(pieces);
      await writeFile(pathOf(key), all.pieces);
      return { key, ...all.sum() };
    },

    read(object, start = 0) {
      const pieces = readPieces(object, start);
      return start === 0 ? checked(pieces, object, pathOf(object.key)) : pieces;
    },

    async readRanges(object, spans) {
      const path = pathOf(object.key);
      const handle = await open(object);
      try {
        return await doing('read', path, () => readSpans(handle, spans, path));
      } finally {
        await handle.close();
      }
    },

    remove: (key) => remove(pathOf(key)),
    removeUnfinished: (key) => remove(pathOf(key)),
  };
}
