import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  readSync,
  realpathSync,
} from 'node:fs';
import { hasErrorCode } from '../../errors.ts';
import { fileFailure } from './file-failure.ts';
import { isInside } from './real-paths.ts';

/** Where files may be, as far as it is there, its links resolved: plain data, which passes between threads. */
export type Roots = {
  /** The allowed folders; null where every path may be named. */
  inside: string[] | null;
  /** Folders never read or written, even inside allowed ones. */
  never: string[];
};

/** Whether a path without links may be read. */
const isAllowed = ({ inside, never }: Roots, real: string): boolean =>
  (inside === null || inside.some((folder) => isInside(folder, real))) &&
  !never.some((folder) => isInside(folder, real));

/** What a file holds, or how it begins where it is longer than was asked for; or why it can't be read. */
export type ReadFile = { size: number; bytes: Buffer } | 'link' | 'unreadable';

/**
 * Reads a regular file whose path had no links when it was found, through a handle that is checked as the allowed folders check
 * theirs: for a thread of its own, which can wait for the disk. A tenth of the time that it takes to be called back for
 * each look-up of the system. Reads at most so many bytes.
 */
export function readFound(path: string, roots: Roots, most: number): ReadFile {
  if (!isAllowed(roots, path)) return 'unreadable';
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    return hasErrorCode(error, 'ELOOP', 'EMLINK') ? 'link' : 'unreadable';
  }
  try {
    const stats = fstatSync(file, { bigint: true });
    if (!stats.isFile()) return 'unreadable';
    if (!isKnownAt(file, path) && !isStillAt(stats, path)) return 'link';
    const size = Number(stats.size);
    const bytes = firstOf(file, Math.min(size, most));
    return { size: size > most ? size : bytes.length, bytes };
  } catch (error) {
    throw fileFailure(`read ${JSON.stringify(path)}`, error);
  } finally {
    closeSync(file);
  }
}

/** So many bytes of an open file, or all that are there by now. */
function firstOf(file: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  for (let read = -1; filled < length && read !== 0; filled += read) {
    read = readSync(file, bytes, filled, length - filled, filled);
  }
  return bytes.subarray(0, filled);
}

/** Whether Linux itself gives this path, with all links resolved, for an open file: one call instead of one per folder. */
function isKnownAt(file: number, path: string): boolean {
  if (process.platform !== 'linux') return false;
  try {
    return readlinkSync(`/proc/self/fd/${file}`) === path;
  } catch {
    return false;
  }
}

/** Whether an open file is still what its path, resolved again, leads to: no folder on the way was swapped meanwhile. */
function isStillAt({ dev, ino }: BigIntStats, path: string): boolean {
  try {
    if (realpathSync.native(path) !== path) return false;
    const named = lstatSync(path, { bigint: true });
    return dev === named.dev && ino === named.ino;
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP')) return false;
    throw error;
  }
}
