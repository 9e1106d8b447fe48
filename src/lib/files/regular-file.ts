import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { BatchError, hasErrorCode } from '../../errors.ts';
import { fileFailure } from './file-failure.ts';

export type RegularFileOptions = {
  /** Of `fs.constants`. Default: to read. */
  flags?: number;
  /** Of a file that is made. */
  mode?: number;
  /** What is thrown for anything else, which `what` says in words. Default: `invalid_input`. */
  refuse?: (what: string) => Error;
};

/** What is said of a path of the caller's that is not a regular file. */
export function notRegular(path: string, what: string): BatchError {
  return new BatchError('invalid_input', `${JSON.stringify(path)} is ${what}. Give the path of a file.`);
}

/** An open file, and what it is. */
export type RegularFile = { handle: FileHandle; stats: BigIntStats };

/**
 * Opens a regular file, and nothing else: a pipe would be waited for without end, and a device has none. Links are followed
 * unless `O_NOFOLLOW` is among the flags. Throws Node's own system errors, and what `refuse` gives.
 */
export async function openRegularFile(path: string, options?: RegularFileOptions): Promise<FileHandle> {
  return (await openWithStats(path, options)).handle;
}

/** As `openRegularFile`, with what was looked up to tell. */
export async function openWithStats(
  path: string,
  { flags = constants.O_RDONLY, mode, refuse = (what) => notRegular(path, what) }: RegularFileOptions = {},
): Promise<RegularFile> {
  const handle = await open(path, flags | constants.O_NONBLOCK, mode).catch((error: unknown) => {
    if (hasErrorCode(error, 'ENXIO', 'EOPNOTSUPP')) throw refuse('a pipe, socket or device');
    if (hasErrorCode(error, 'EISDIR')) throw refuse('a folder');
    throw error;
  });
  try {
    const stats = await handle.stat({ bigint: true });
    if (stats.isFile()) return { handle, stats };
    throw refuse(stats.isDirectory() ? 'a folder' : 'a pipe, socket or device');
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** What a regular file holds. Throws as `openRegularFile` does. */
export async function readRegularBytes(path: string, options?: RegularFileOptions): Promise<Buffer> {
  const handle = await openRegularFile(path, options);
  try {
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

/** The text of a regular file. Throws as `openRegularFile` does. */
export async function readRegularFile(path: string, options?: RegularFileOptions): Promise<string> {
  return (await readRegularBytes(path, options)).toString('utf8');
}

/** Whether there is a file to be written over. Throws for anything at `path` that is not a regular file, links too. */
export async function regularFileExists(path: string): Promise<boolean> {
  try {
    const found = await lstat(path);
    if (found.isFile()) return true;
    if (found.isSymbolicLink()) {
      throw new BatchError(
        'not_allowed',
        `${JSON.stringify(path)} is a symbolic link, and is not written through. Give another name.`,
      );
    }
    throw notRegular(path, found.isDirectory() ? 'a folder' : 'a pipe, socket or device');
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT')) return false;
    throw fileFailure(`write ${JSON.stringify(path)}`, error);
  }
}
