import type { BigIntStats } from 'node:fs';
import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, relative, sep } from 'node:path';
import { hasErrorCode } from '../../errors.ts';

/** Whether `path` is `folder` or below it. Both are absolute; links are not resolved. */
export function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/** A path with its links resolved; null if it leads to nothing that can be used. */
export async function realpathOrNull(path: string): Promise<string | null> {
  try {
    return await realpath(path);
  } catch (error) {
    // Missing, a file on the way, no access, a loop of links: nothing to work with in any of these cases.
    if (hasErrorCode(error, 'ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP', 'ENAMETOOLONG')) return null;
    throw error;
  }
}

/** The folders that exist, resolved. */
export async function realFolders(folders: readonly string[]): Promise<string[]> {
  const found = await Promise.all(folders.map(realpathOrNull));
  return found.filter((folder) => folder !== null);
}

/** The nearest thing above a path that exists, resolved. */
export async function nearestExisting(path: string): Promise<string> {
  for (let above = dirname(path); ; above = dirname(above)) {
    const real = await realpathOrNull(above);
    if (real !== null || above === dirname(above)) return real ?? above;
  }
}

/** The part of a folder's path that exists, with links resolved, and the names that are missing below it. */
export async function splitAtMissing(folder: string): Promise<{ real: string; missing: string[] }> {
  const missing: string[] = [];
  for (let at = folder; ; at = dirname(at)) {
    const real = await realpathOrNull(at);
    if (real !== null || at === dirname(at)) return { real: real ?? at, missing };
    missing.unshift(basename(at));
  }
}

/** Whether a path, resolved again, still leads to the open file: nothing was swapped meanwhile. */
export async function isStill(opened: BigIntStats, real: string): Promise<boolean> {
  if ((await realpathOrNull(real)) !== real) return false;
  const named = await lstat(real, { bigint: true });
  return opened.dev === named.dev && opened.ino === named.ino;
}
