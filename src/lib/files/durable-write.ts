import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { link as linkFile, mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasErrorCode } from '../../errors.ts';

/**
 * Files that are whole or absent, even after a power cut. Failures are thrown as Node's own system errors: the
 * caller knows what the file was for.
 */

export const FOLDER_MODE = 0o700;
export const FILE_MODE = 0o600;

/** What file systems answer that can't sync folders, such as those of networks, virtual machines and cloud folders. */
const NOT_KNOWN = ['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EPERM', 'EBADF'];

/**
 * Makes names created, renamed or removed in `folder` survive a power cut, if its file system can sync folders. One that
 * can't has ways of its own, and what was written is there all the same.
 */
export async function syncFolder(folder: string): Promise<void> {
  // Windows can't open a folder for this, and journals names by itself.
  if (process.platform === 'win32') return;
  // O_DIRECTORY: if it is no folder by now (a pipe, say), opening it must not block.
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } catch (error) {
    if (!hasErrorCode(error, ...NOT_KNOWN)) throw error;
  } finally {
    await handle.close();
  }
}

/**
 * Makes a folder (0700) and those missing above it, durably. An existing one is left as it is. Not with `recursive`, which
 * retries for ever where the system answers ENOENT to every new folder, as below /proc.
 */
export async function makeFolder(folder: string): Promise<void> {
  await (await beginFolder(folder)).synced;
}

/** As `makeFolder`, but returns as soon as the folder can be used. It survives a power cut once `synced` has resolved. */
export async function beginFolder(folder: string): Promise<{ synced: Promise<void> }> {
  const above = dirname(folder);
  try {
    await mkdir(folder, { mode: FOLDER_MODE });
  } catch (error) {
    if (hasErrorCode(error, 'EEXIST') && (await stat(folder)).isDirectory()) {
      return { synced: Promise.resolve() };
    }
    if (!hasErrorCode(error, 'ENOENT') || above === folder) throw error;
    await makeFolder(above);
    await mkdir(folder, { mode: FOLDER_MODE }).catch((second: unknown) => {
      // Another process was first.
      if (!hasErrorCode(second, 'EEXIST')) throw second;
    });
  }
  const synced = syncFolder(above);
  // A failure reaches whoever awaits it; until then it must not count as an unhandled rejection.
  synced.catch(() => {});
  return { synced };
}

/** The names in a folder, in no order; none if there is no such folder. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT')) return [];
    throw error;
  }
}

/** Removes a file, if it is there. `rm` would look at it twice before. */
async function remove(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!hasErrorCode(error, 'ENOENT')) throw error;
  }
}

/** Writes a new file through to the disk. 'wx' neither overwrites nor follows a link planted at the name. */
async function writeNew(path: string, data: string | Uint8Array): Promise<void> {
  const handle = await open(path, 'wx', FILE_MODE);
  try {
    await handle.writeFile(data);
    await handle.sync();
  } catch (error) {
    await remove(path);
    throw error;
  } finally {
    await handle.close();
  }
}

/** Writes a whole file, replacing any that is there: readers see either the old one or the new one. */
export async function writeFileDurably(path: string, data: string | Uint8Array): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${randomUUID()}.tmp`);
  await writeNew(temporary, data);
  try {
    await move(temporary, path);
  } catch (error) {
    await remove(temporary);
    throw error;
  }
  await syncFolder(folder);
}

export type CreateOptions = {
  /** A folder on the same file system for the unfinished file; made if it is missing. */
  temporary: string;
  /** Replaces `link` of `node:fs`, to imitate file systems that answer differently. */
  link?: (from: string, to: string) => Promise<void>;
};

/**
 * Creates a whole file and returns true, or returns false if anything has the name already. Of any number of
 * processes exactly one gets true; or none, on a file system that answers EEXIST to its own success. So whoever
 * gets false reads the file to see whose it is.
 */
export async function createFileDurably(
  path: string,
  data: string | Uint8Array,
  { temporary, link = linkFile }: CreateOptions,
): Promise<boolean> {
  const unfinished = join(temporary, randomUUID());
  try {
    await writeNew(unfinished, data);
  } catch (error) {
    if (!hasErrorCode(error, 'ENOENT')) throw error;
    await makeFolder(temporary);
    await writeNew(unfinished, data);
  }
  return giveName(unfinished, path, link);
}

/** Gives a finished file its name, durably; false if anything has that name already. The unfinished name is removed. */
export async function giveName(
  unfinished: string,
  path: string,
  link: (from: string, to: string) => Promise<void> = linkFile,
): Promise<boolean> {
  try {
    await link(unfinished, path);
    await syncFolder(dirname(path));
    return true;
  } catch (error) {
    if (hasErrorCode(error, 'EEXIST')) return false;
    throw error;
  } finally {
    await remove(unfinished);
  }
}

/** What Windows answers while another program has the file open: virus scanners look at every new file. */
const HELD = ['EPERM', 'EACCES', 'EBUSY'];
const LONGEST_MS = 2_000;
const FIRST_PAUSE_MS = 10;

type MoveOptions = {
  platform?: NodeJS.Platform;
  rename?: (from: string, to: string) => Promise<void>;
  longestMs?: number;
};

/**
 * Renames a file or a folder, replacing a file that may be there. On Windows a rename fails at once while another program
 * has the file open, so it is retried for 2 seconds; elsewhere that is no obstacle. Throws Node's own system errors.
 */
export async function move(
  from: string,
  to: string,
  { platform = process.platform, rename: attempt = rename, longestMs = LONGEST_MS }: MoveOptions = {},
): Promise<void> {
  const end = performance.now() + longestMs;
  for (let pause = FIRST_PAUSE_MS; ; pause *= 2) {
    try {
      return await attempt(from, to);
    } catch (error) {
      const isHeld = platform === 'win32' && hasErrorCode(error, ...HELD);
      if (!isHeld || performance.now() + pause > end) throw error;
      await sleep(pause);
    }
  }
}
