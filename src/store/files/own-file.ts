import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type * as z from 'zod';
import { hasErrorCode } from '../../errors.ts';
import { breather } from '../../lib/breathing.ts';
import { openRegularFile, readRegularFileSync } from '../../lib/files/regular-file.ts';
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
    return nullIfMissing(error);
  }
}

/** As `openOwnFile`, with flags from `fs.constants` and the `mode` of a new file. Also throws Node's own system errors. */
export async function openStored(path: string, flags: number, mode?: number): Promise<FileHandle> {
  try {
    return await openRegularFile(path, {
      ...ownFile(path, flags),
      ...(mode !== undefined && { mode }),
    });
  } catch (error) {
    throw unlessLink(path, error);
  }
}

const breathe = breather();

/** The text of a file of the store; null if there is none. Reading many of them lets other work in. */
export async function readOwnFile(path: string): Promise<string | null> {
  await breathe();
  return inStore('read', path, async () => {
    try {
      return readRegularFileSync(path, ownFile(path, constants.O_RDONLY));
    } catch (error) {
      return nullIfMissing(unlessLink(path, error));
    }
  });
}

const ownFile = (path: string, flags: number) => ({
  flags: flags | constants.O_NOFOLLOW,
  refuse: (what: string) => damaged(path, `it is ${what}`),
});

const unlessLink = (path: string, error: unknown) =>
  hasErrorCode(error, 'ELOOP', 'EMLINK') ? damaged(path, 'it is a symbolic link', error) : error;

function nullIfMissing(error: unknown): null {
  if (hasErrorCode(error, 'ENOENT')) return null;
  throw error;
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
