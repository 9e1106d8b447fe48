import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type * as z from 'zod';
import { hasErrorCode } from '../../errors.ts';
import { openRegularFile } from '../../lib/files/regular-file.ts';
import { decodeEnvelope, type Envelope, type Standing } from '../envelope.ts';
import { damaged } from '../stored-json.ts';
import { inStore } from './store-failure.ts';

/**
 * Opens a file of the store to read it; null where there is none. Throws `store_damaged` for anything but a regular
 * file: a link is not followed, and a pipe or a device would be waited for without end.
 */
export async function openOwnFile(path: string): Promise<FileHandle | null> {
  try {
    return await openStored(path, constants.O_RDONLY);
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT')) return null;
    throw error;
  }
}

/** As `openOwnFile`, with flags of `fs.constants`; `mode` is of one that is made. Throws Node's own system errors too. */
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
export async function readEnvelope<T>(
  path: string,
  schema: z.ZodType<T>,
  standing?: Standing,
): Promise<Envelope<T> | null> {
  const text = await readOwnFile(path);
  return text === null ? null : decodeEnvelope(path, text, schema, standing);
}
