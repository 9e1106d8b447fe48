import { type BigIntStats, closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { BatchError, hasErrorCode } from '../../errors.ts';
import { fileFailure } from './file-failure.ts';

type RegularFileOptions = {
  /** From `fs.constants`. Default: read only. */
  flags?: number;
  /** For a new file. */
  mode?: number;
  /** Makes the error for anything else; `what` says what was found. Default: `invalid_input`. */
  refuse?: (what: string) => Error;
};

/** The error for a caller's path that is not a regular file. */
export function notRegular(path: string, what: string): BatchError {
  return new BatchError('invalid_input', `${JSON.stringify(path)} is ${what}. Give the path of a file.`);
}

/** An open file and its stats. */
type RegularFile = { handle: FileHandle; stats: BigIntStats };

/**
 * Opens a regular file and nothing else: a pipe might never answer, and a device might never end. Links are followed unless
 * `O_NOFOLLOW` is among the flags. Throws Node's own system errors, and what `refuse` returns.
 */
export async function openRegularFile(path: string, options?: RegularFileOptions): Promise<FileHandle> {
  return (await openWithStats(path, options)).handle;
}

/** As `openRegularFile`, with the stats that were read for the check. */
export async function openWithStats(
  path: string,
  { flags = constants.O_RDONLY, mode, refuse = (what) => notRegular(path, what) }: RegularFileOptions = {},
): Promise<RegularFile> {
  const handle = await open(path, flags | constants.O_NONBLOCK, mode).catch((error: unknown) => {
    throw openingFailure(error, refuse);
  });
  try {
    const stats = await handle.stat({ bigint: true });
    if (stats.isFile()) return { handle, stats };
    throw refuse(kindOf(stats));
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * The text of a small regular file. Synchronous: through the thread pool it would take ten times as long. Throws as
 * `openRegularFile` does.
 */
export function readRegularFileSync(
  path: string,
  { flags = constants.O_RDONLY, refuse = (what) => notRegular(path, what) }: RegularFileOptions = {},
): string {
  let file: number;
  try {
    file = openSync(path, flags | constants.O_NONBLOCK);
  } catch (error) {
    throw openingFailure(error, refuse);
  }
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) throw refuse(kindOf(stats));
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}

const SPECIAL = 'a pipe, socket or device';

const kindOf = (stats: { isDirectory(): boolean }) => (stats.isDirectory() ? 'a folder' : SPECIAL);

function openingFailure(error: unknown, refuse: (what: string) => Error): unknown {
  if (hasErrorCode(error, 'ENXIO', 'EOPNOTSUPP')) return refuse(SPECIAL);
  if (hasErrorCode(error, 'EISDIR')) return refuse('a folder');
  return error;
}

/** The contents of a regular file. Throws as `openRegularFile` does. */
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

/** Whether there is a file to overwrite. Throws for anything else at `path`, even a link. */
export async function regularFileExists(path: string): Promise<boolean> {
  try {
    const found = await lstat(path);
    if (found.isFile()) return true;
    if (found.isSymbolicLink()) {
      throw new BatchError(
        'not_allowed',
        `${JSON.stringify(path)} is a symbolic link, and files are not written through links. Give another name.`,
      );
    }
    throw notRegular(path, found.isDirectory() ? 'a folder' : 'a pipe, socket or device');
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT')) return false;
    throw fileFailure(`write ${JSON.stringify(path)}`, error);
  }
}
