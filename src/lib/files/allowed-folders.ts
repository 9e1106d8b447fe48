import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, sep } from 'node:path';
import { BatchError, hasErrorCode } from '../../errors.ts';
import { absolutePath, type Bases } from './absolute-path.ts';
import { FOLDER_MODE, makeFolder } from './durable-write.ts';
import { fileFailure } from './file-failure.ts';
import {
  isInside,
  isStill,
  nearestExisting,
  realFolders,
  realpathOrNull,
  splitAtMissing,
} from './real-paths.ts';
import { notRegular, openWithStats, regularFileExists } from './regular-file.ts';
import type { Roots } from './roots.ts';

type AllowedFoldersOptions = Bases & {
  /**
   * Absolute folders; one that does not exist (yet) allows nothing. `any` lifts the restriction, for a person at a
   * terminal and for a program: they have rights of their own, and naming a path is their consent.
   */
  allowed: readonly string[] | 'any';
  /** One of the allowed folders. It is made when a path in it is named, or when a refusal points to it. */
  workFolder?: string;
  /** Folders never read or written, even inside allowed ones: the data folder. */
  forbidden?: readonly string[];
};

/** A regular file, open for reading; whoever asked for it closes it. */
type OpenedFile = { handle: FileHandle; path: string; size: number };

/** What a path leads to. All paths here are absolute, with links resolved. */
export type FoundPlace = {
  path: string;
  kind: 'file' | 'folder' | 'other';
  /** The allowed folder that it is in. */
  root: string;
  /** The folder against which relative paths resolve. */
  base: string;
  /** The topmost folder whose ignore rules apply. */
  top: string;
};

/** Where a file may be written: `path` is absolute, with its folder's links resolved. */
type WritableFile = { path: string; exists: boolean };

/** Where the paths of a call may point. Every refusal is a `BatchError` that says what would do. */
export type AllowedFolders = {
  /** Looks up what a path leads to, without opening it. `not_allowed` outside the folders, or `not_found`. */
  find(path: string): Promise<FoundPlace>;
  /** `not_allowed` outside the folders, `not_found`, or `invalid_input` for anything but a regular file. */
  openForReading(path: string): Promise<OpenedFile>;
  /** As `openForReading`, for several files: each one, or the error it met. The allowed folders are looked up only once. */
  openAll(paths: readonly string[]): Promise<(OpenedFile | BatchError)[]>;
  /** Where files may be, for a thread that reads the files found there. */
  roots(): Promise<Roots>;
  /**
   * Checks without creating anything. The file's folder must exist; neither the name nor a folder below the
   * allowed one may start with a dot. `exists` means a regular file; anything else at the path is refused.
   */
  checkForWriting(path: string): Promise<WritableFile>;
  /** Checks a folder below which files will be written, whether or not it exists yet. Creates nothing. */
  checkFolder(path: string): Promise<void>;
  /** Makes a file's folder if it is missing, below an allowed one; throws as `checkForWriting` does. */
  makeFolderOf(path: string): Promise<void>;
};

const startsWithDot = (name: string) => name.startsWith('.');

export function createAllowedFolders(options: AllowedFoldersOptions): AllowedFolders {
  const { base, workFolder, forbidden = [] } = options;
  const isConfined = options.allowed !== 'any';
  const allowed = options.allowed === 'any' ? [] : options.allowed;

  const absolute = (path: string) => absolutePath(path, options);

  async function makeWorkFolderFor(path: string): Promise<void> {
    if (workFolder === undefined || !isInside(workFolder, path)) return;
    await makeFolder(workFolder).catch((error: unknown) => {
      throw fileFailure(`make the folder ${JSON.stringify(workFolder)}`, error);
    });
  }

  async function outside(path: string): Promise<BatchError> {
    const looked = await Promise.all(
      allowed.map(async (folder) => ({ folder, exists: (await realpathOrNull(folder)) !== null })),
    );
    const place = looked.find(({ exists }) => exists)?.folder ?? workFolder;
    if (place !== undefined) await makeWorkFolderFor(place);
    const list = looked.map(
      ({ folder, exists }) =>
        `${JSON.stringify(folder)}${exists || folder === place ? '' : ' (does not exist)'}`,
    );
    const advice = place === undefined ? '' : `put the file into ${JSON.stringify(place)}, or `;
    return new BatchError(
      'not_allowed',
      `${JSON.stringify(path)} is outside the folders this server may use (allowed: ${list.join(', ') || 'none'}). ` +
        `To go on, ${advice}ask the person to start the server with --allow-dir and the file's folder.`,
    );
  }

  async function lookUpRoots(): Promise<Roots> {
    const [inside, never] = await Promise.all([realFolders(allowed), realFolders(forbidden)]);
    return { inside: isConfined ? inside : null, never };
  }

  /** The allowed folders that contain `real`. Throws if there must be one and is none, or if `real` is forbidden. */
  async function requireInside(real: string, named: string, given?: Roots): Promise<string[]> {
    const { inside, never } = given ?? (await lookUpRoots());
    const roots = inside?.filter((folder) => isInside(folder, real)) ?? [];
    if (inside !== null && roots.length === 0) throw await outside(named);
    if (never.some((folder) => isInside(folder, real))) {
      throw new BatchError(
        'not_allowed',
        `${JSON.stringify(named)} is in this server's own data folder, which no argument may name. Use another folder.`,
      );
    }
    return roots;
  }

  /** Says "not found" only inside the allowed folders: whether a file exists elsewhere is not ours to reveal. */
  async function missing(path: string, given: string, what: string): Promise<BatchError> {
    await requireInside(await nearestExisting(path), path);
    const how = isAbsolute(given) ? '' : ` (the relative path was resolved against ${JSON.stringify(base)})`;
    return new BatchError(
      'not_found',
      `There is no ${what} at ${JSON.stringify(path)}${how}. Check the path.`,
    );
  }

  async function find(given: string): Promise<FoundPlace> {
    const path = absolute(given);
    await makeWorkFolderFor(path);
    const real = await realpathOrNull(path);
    if (real === null) throw await missing(path, given, 'readable file or folder');
    const [root = real] = await requireInside(real, path);
    const found = await lstat(real).catch((error: unknown) => {
      throw fileFailure(`read ${JSON.stringify(path)}`, error);
    });
    const kind = found.isFile() ? 'file' : found.isDirectory() ? 'folder' : 'other';
    const realBase = (await realpathOrNull(base)) ?? base;
    // Without a restriction there is no allowed folder; the working folder is where a person sees the work.
    const top = !isConfined && isInside(realBase, real) ? realBase : root;
    return { path: real, kind, root, base: realBase, top };
  }

  async function openForReading(given: string, roots?: Roots): Promise<OpenedFile> {
    const path = absolute(given);
    await makeWorkFolderFor(path);
    const real = await realpathOrNull(path);
    if (real === null) throw await missing(path, given, 'readable file');
    await requireInside(real, path, roots);
    const name = JSON.stringify(path);
    const changed = () =>
      new BatchError('not_allowed', `${name} was changed while it was opened. Look at it, then call again.`);
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW;
    const refuse = (what: string) => notRegular(path, what);
    const { handle, stats } = await openWithStats(real, { flags, refuse }).catch((error: unknown) => {
      if (hasErrorCode(error, 'ELOOP', 'EMLINK')) throw changed();
      throw fileFailure(`read ${name}`, error);
    });
    try {
      if (!(await isStill(stats, real))) throw changed();
      return { handle, path: real, size: Number(stats.size) };
    } catch (error) {
      await handle.close();
      throw fileFailure(`read ${name}`, error);
    }
  }

  async function openAll(paths: readonly string[]): Promise<(OpenedFile | BatchError)[]> {
    const roots = await lookUpRoots();
    const all = await Promise.allSettled(paths.map((path) => openForReading(path, roots)));
    return all.map((each) => {
      if (each.status === 'fulfilled') return each.value;
      if (each.reason instanceof BatchError) return each.reason;
      throw each.reason;
    });
  }

  /** Whether every allowed folder that contains the path sees a dot on the way to it. */
  const isHidden = (path: string, roots: readonly string[]): boolean =>
    isConfined && roots.every((root) => relative(root, path).split(sep).some(startsWithDot));

  async function checkForWriting(given: string): Promise<WritableFile> {
    const path = absolute(given);
    if (given.endsWith('/') || given.endsWith(sep)) throw notRegular(path, 'a folder');
    await makeWorkFolderFor(path);
    const folder = await realpathOrNull(dirname(path));
    if (folder === null) throw await missing(dirname(path), given, 'folder');
    const roots = await requireInside(folder, path);
    const target = join(folder, basename(path));
    if (isHidden(target, roots)) {
      throw new BatchError(
        'not_allowed',
        `${JSON.stringify(path)} is hidden: its name or a folder on the way starts with a dot. Give another one.`,
      );
    }
    return { path: target, exists: await regularFileExists(target) };
  }

  async function requireFolder(folder: string): Promise<{ real: string; missing: string[] }> {
    await makeWorkFolderFor(folder);
    const split = await splitAtMissing(folder);
    const roots = await requireInside(split.real, folder);
    const whole = join(split.real, ...split.missing);
    await requireInside(whole, folder);
    if (isHidden(whole, roots)) {
      const why = 'is hidden: a folder on the way starts with a dot. Give another one.';
      throw new BatchError('not_allowed', `${JSON.stringify(folder)} ${why}`);
    }
    return split;
  }

  async function makeFolderOf(given: string): Promise<void> {
    const folder = dirname(absolute(given));
    const { real, missing } = await requireFolder(folder);
    let made = real;
    for (const name of missing) {
      made = join(made, name);
      // One by one, so that a link put there meanwhile is not followed out of the folder.
      await mkdir(made, { mode: FOLDER_MODE }).catch(async (error: unknown) => {
        // By now it may be gone again.
        const found = hasErrorCode(error, 'EEXIST') ? await lstat(made).catch(() => null) : null;
        if (found?.isDirectory()) return;
        if (hasErrorCode(error, 'EEXIST', 'ENOTDIR', 'ENAMETOOLONG')) throw notRegular(made, 'no folder');
        throw fileFailure(`make the folder ${JSON.stringify(made)}`, error);
      });
    }
  }

  return {
    find,
    openForReading: (path) => openForReading(path),
    openAll,
    roots: lookUpRoots,
    checkForWriting,
    makeFolderOf,
    async checkFolder(given) {
      await requireFolder(absolute(given));
    },
  };
}
