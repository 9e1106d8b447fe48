import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type * as z from 'zod';
import { hasErrorCode } from '../../errors.ts';
import { openRegularFile } from '../../lib/files/regular-file.ts';
import { decodeEnvelope, type Envelope, type Standing } from '../envelope.ts';
import { damaged } from '../stored-json.ts';
import { inStore } from './store-failure.ts';

/**
 * Opens a file of the store for reading; null if there is none. Throws `store_damaged` for anything but a regular
 * file: links are not followed, and reading a pipe or a device might never end.
 */
export async function openOwnFile(path: string): Promise<FileHandle | null> {
  try {
    return await openStored(path, constants.O_RDONLY);
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT')) return null;
    throw error;
  }
}

/** As `openOwnFile`, with flags from `fs.constants` and the `mode` of a new file. Also throws Node's own system errors. */
export async function openStored(path: string, flags: number, mode?: number): Promise<FileHandle> {
  try {
    return await openRegularFile(path, {
      flags: flags | constants.O_NOFOLLOW,
      ...(mode !== undefined && { mode }),
      refuse: (what) => damaged(path, `it is ${what}`),
    });
  } catch (error) {
    if (hasErrorCode(error, 'ELOOP', 'EMLINK')) throw damaged(path, 'it is a symbolic link', error);
    throw error;
  }
}

/** The text of a file of the store; null if there is none. */
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

/** The envelope in a file of the store; null if there is no file. `store_damaged` if it holds something else. */
export async function readEnvelope<T>(
  path: string,
  schema: z.ZodType<T>,
  standing?: Standing,
): Promise<Envelope<T> | null> {
  const text = await readOwnFile(path);
  return text === null ? null : decodeEnvelope(path, text, schema, standing);
}
