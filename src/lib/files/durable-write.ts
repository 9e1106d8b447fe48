import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { link as linkFile, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasErrorCode } from '../../errors.ts';

/**
 * Files that are whole or absent, also after a power cut. What goes wrong is thrown as Node's own system
 * errors: whoever calls knows what the file was for.
 */

export const FOLDER_MODE = 0o700;
export const FILE_MODE = 0o600;

/** What file systems say that do not sync folders, as those of networks, of virtual machines and of cloud folders. */
const NOT_KNOWN = ['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EPERM', 'EBADF'];

/**
 * Makes names that were created, renamed or removed in `folder` outlast a power cut, as far as its file system can: one
 * that does not know this has its own ways, and what was written is there all the same.
 */
export async function syncFolder(folder: string): Promise<void> {
  // Windows can't open a folder for this, and keeps names in a journal of its own.
  if (process.platform === 'win32') return;
  // What is no folder by now is not waited for.
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
 * Makes a folder (0700) and those missing above it, durably. One that exists is left as it is. Not by `recursive`, which
 * tries for ever where the system says ENOENT to every new folder, as it does below /proc.
 */
export async function makeFolder(folder: string): Promise<void> {
  await (await beginFolder(folder)).synced;
}

/** As `makeFolder`, but gives the folder as soon as it can be used. It outlasts a power cut when `synced` has resolved. */
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
  // Whoever awaits it is told of a failure; that nobody does yet is none of another kind.
  synced.catch(() => {});
  return { synced };
}

/** The names in a folder, in no order; none where there is no such folder. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT')) return [];
    throw error;
  }
}

/** Writes a new file through to the disk. 'wx' neither overwrites nor follows a link planted at the name. */
async function writeNew(path: string, data: string | Uint8Array): Promise<void> {
  const handle = await open(path, 'wx', FILE_MODE);
  try {
    await handle.writeFile(data);
    await handle.sync();
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
}

/** Writes a file whole, in place of one that may be there: readers see the old one or the new one. */
export async function writeFileDurably(path: string, data: string | Uint8Array): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${randomUUID()}.tmp`);
  await writeNew(temporary, data);
  try {
    await move(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(folder);
}

export type CreateOptions = {
  /** A folder on the same file system for the unfinished file; made where it is missing. */
  temporary: string;
  /** In place of `link` of `node:fs`: stands in for file systems that answer otherwise. */
  link?: (from: string, to: string) => Promise<void>;
};

/**
 * Creates a file whole, or not at all where the name is taken by anything: then gives false. Of any number of
 * processes exactly one gets true; none, where a file system answers EEXIST to a success of its own, so
 * whoever gets false reads who did it.
 */
export async function createFileDurably(
  path: string,
  data: string | Uint8Array,
  { temporary, link = linkFile }: CreateOptions,
): Promise<boolean> {
  await makeFolder(temporary);
  const unfinished = join(temporary, randomUUID());
  await writeNew(unfinished, data);
  return giveName(unfinished, path, link);
}

/** Gives a finished file its name, durably, unless the name is taken by anything: then gives false. The unfinished name goes. */
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
    await rm(unfinished, { force: true });
  }
}

/** What Windows says while another program has a file of it open: a virus scanner looks at whatever is new. */
const HELD = ['EPERM', 'EACCES', 'EBUSY'];
const LONGEST_MS = 2_000;
const FIRST_PAUSE_MS = 10;

type MoveOptions = {
  platform?: NodeJS.Platform;
  rename?: (from: string, to: string) => Promise<void>;
  longestMs?: number;
};

/**
 * Renames a file or a folder, in place of a file that may be there. On Windows what another program holds open is tried again
 * for 2 seconds, as a rename there fails at once; elsewhere it never fails for that. Throws Node's own system errors.
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
