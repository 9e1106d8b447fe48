import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type * as z from 'zod';
import { hasErrorCode } from '../../errors.ts';
import { decodeEnvelope, type Envelope } from '../envelope.ts';
import { damaged } from '../stored-json.ts';
import { inStore } from './store-failure.ts';

/**
 * Opens a file of the store to read it; null where there is none. Throws `store_damaged` for anything but a regular
 * file: a link is not followed, and a pipe or a device would be waited for without end.
 */
export async function openOwnFile(path: string): Promise<FileHandle | null> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(path, flags).catch((error: unknown) => {
    if (hasErrorCode(error, 'ENOENT')) return null;
    if (hasErrorCode(error, 'ELOOP', 'EMLINK')) throw damaged(path, 'it is a symbolic link', error);
    if (hasErrorCode(error, 'ENXIO', 'EISDIR')) throw damaged(path, 'it is not a regular file', error);
    throw error;
  });
  if (handle === null) return null;
  try {
    if ((await handle.stat()).isFile()) return handle;
    throw damaged(path, 'it is not a regular file');
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The text of a file of the store; null where there is none. */
export async function readOwnFile(path: string): Promise<string | null> {
  return inStore('read', path, async () => {
    const handle = await openOwnFile(path);
    if (handle === null) return null;
    try {
      return await handle.readFile('utf8');
    } finally {
      await handle.close();
    }
  });
}

/** What a file of the store holds, null where there is none; `store_damaged` where it is no such file. */
export async function readEnvelope<T>(path: string, schema: z.ZodType<T>): Promise<Envelope<T> | null> {
  const text = await readOwnFile(path);
  return text === null ? null : decodeEnvelope(path, text, schema);
}
