import { createHash, randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { link, lstat, open, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { BatchError, hasErrorCode } from '../../errors.ts';
import { FILE_MODE, move, namesIn, syncFolder } from './durable-write.ts';
import { fileFailure } from './file-failure.ts';
import { sha256OfFile } from './file-hash.ts';
import { createFileWriter, type Written } from './file-writer.ts';
import { type HeldFolder, holdFolder } from './held-folder.ts';

export type HashedOutput = Written & { sha256: string };

/** A file in the making: nothing is seen at its path until it is committed. */
export type Output = {
  readonly path: string;
  /** Resolves when more may be written; await it before the next call. */
  write(piece: string | Uint8Array): Promise<void>;
  /**
   * Puts the whole file in its place, durably. `already_exists` where it must not replace one. `announce` is
   * told what the file holds before it is seen there.
   */
  commit(announce?: (output: HashedOutput) => Promise<void>): Promise<HashedOutput>;
  /** Leaves nothing behind. Does nothing after `commit`. */
  abort(): Promise<void>;
};

export type OutputOptions = {
  /** Whether a file at the path is replaced; a link there is replaced itself, never followed. */
  replace: boolean;
  /** Whether a file of that SHA-256 may be: asked of what stands there right before it is replaced. */
  mayReplace?: (sha256: string) => Promise<boolean>;
  /** Whether to remove first what dead processes began for the same path; a folder of many files is looked through once. */
  sweep?: boolean;
  mode?: number;
};

/** Starts with the name it will get, so that a person who finds it knows what it was; short enough for any. */
const beginningOf = (path: string) => `.${basename(path).slice(0, 40)}.`;

function temporaryName(path: string): string {
  return join(dirname(path), `${beginningOf(path)}${randomUUID()}.tmp`);
}

const REST_OF_NAME = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/;
const LEFT_AFTER_MS = 60 * 60 * 1000;

/** Removes what was begun for the same path by processes that died: what nobody has written to for an hour. */
async function sweepLeft(path: string): Promise<void> {
  const folder = dirname(path);
  const beginning = beginningOf(path);
  const begun = (await namesIn(folder)).filter(
    (name) => name.startsWith(beginning) && REST_OF_NAME.test(name.slice(beginning.length)),
  );
  // One that is gone meanwhile, or that may not be removed, is no reason not to write.
  await Promise.allSettled(
    begun.map(async (name) => {
      const found = await lstat(join(folder, name));
      if (found.isFile() && Date.now() - found.mtimeMs > LEFT_AFTER_MS) await rm(join(folder, name));
    }),
  );
}

/** Files in the making. A process that ends in the middle, as by Ctrl-C, leaves none of them to its user. */
const begun = new Set<string>();

function removeAtExit(temporary: string): void {
  if (begun.size === 0) process.once('exit', removeBegun);
  begun.add(temporary);
}

function keepAtExit(temporary: string): void {
  begun.delete(temporary);
  if (begun.size === 0) process.off('exit', removeBegun);
}

function removeBegun(): void {
  for (const temporary of begun) {
    try {
      rmSync(temporary, { force: true });
    } catch {
      // The next that writes there sweeps it.
    }
  }
}

/** What a file system without links says, as of most memory sticks. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'] as const;

/** A file in the making, the name it is to get, and that name as the caller knows it. */
type Names = { temporary: string; target: string; path: string };

async function moveToNewName(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
    await rm(from);
  } catch (error) {
    if (!hasErrorCode(error, ...NO_LINKS)) throw error;
    // The name is taken by an empty file first.
    await (await open(to, 'wx', FILE_MODE)).close();
    await move(from, to);
  }
}

/** A second name for the file that is about to be replaced; null where there is none, or no second name can be given. */
async function keepAside(target: string): Promise<string | null> {
  const aside = temporaryName(target);
  try {
    await link(target, aside);
    removeAtExit(aside);
    return aside;
  } catch (error) {
    // A folder has no second name either: the move says what is wrong there.
    if (hasErrorCode(error, 'ENOENT', ...NO_LINKS)) return null;
    throw error;
  }
}

/** Gives a finished file its name. Where its folder is no longer where it was checked to be, all is as it was before. */
async function putInPlace(
  folder: HeldFolder,
  { temporary, target, path }: Names,
  { replace, mayReplace }: OutputOptions,
): Promise<void> {
  await folder.requireInPlace();
  const aside = replace ? await keepAside(target) : null;
  try {
    if (aside !== null && mayReplace && !(await mayReplace(await sha256OfFile(aside)))) throw changed(path);
    await (replace ? move(temporary, target) : moveToNewName(temporary, target));
    await folder.requireInPlace().catch(async (error: unknown) => {
      await (aside === null ? rm(target, { force: true }) : move(aside, target));
      throw error;
    });
  } finally {
    if (aside !== null) {
      await rm(aside, { force: true });
      keepAtExit(aside);
    }
  }
}

const changed = (path: string) =>
  new BatchError(
    'not_allowed',
    `${JSON.stringify(path)} was changed while a new one was written, and is left as it is. Give another name.`,
  );

/**
 * Starts a file for the caller at an absolute path that was checked before. Errors are `BatchError`s that
 * name the path; after any of them the caller aborts.
 */
export async function createOutput(path: string, options: OutputOptions): Promise<Output> {
  const what = `write ${JSON.stringify(path)}`;
  const folder = await holdFolder(dirname(path)).catch((error: unknown) => {
    throw fileFailure(what, error);
  });
  const target = join(folder.at, basename(path));
  const temporary = temporaryName(target);
  const hash = createHash('sha256');
  const { mode, sweep = true } = options;
  async function begin() {
    if (sweep) await sweepLeft(target);
    removeAtExit(temporary);
    return createFileWriter(temporary, { hash, ...(mode && { mode }) });
  }
  const writer = await begin().catch(async (error: unknown) => {
    keepAtExit(temporary);
    await folder.close();
    throw fileFailure(what, error);
  });

  let ended = false;

  async function commit(announce?: (output: HashedOutput) => Promise<void>): Promise<HashedOutput> {
    try {
      const { bytes } = await writer.finish();
      const output = { bytes, sha256: hash.digest('hex') };
      await announce?.(output);
      await putInPlace(folder, { temporary, target, path }, options);
      await syncFolder(folder.at);
      ended = true;
      keepAtExit(temporary);
      await folder.close();
      return output;
    } catch (error) {
      if (!hasErrorCode(error, 'EEXIST')) throw fileFailure(what, error);
      throw new BatchError(
        'already_exists',
        `${JSON.stringify(path)} exists already and was left as it is. Give another name.`,
        { cause: error },
      );
    }
  }

  return {
    path,
    async write(piece) {
      try {
        await writer.write(piece);
      } catch (error) {
        throw fileFailure(what, error);
      }
    },
    commit,
    async abort() {
      // Its folder is closed then, and what it was known by may be another's.
      if (ended) return;
      ended = true;
      await writer.close();
      await rm(temporary, { force: true });
      keepAtExit(temporary);
      await folder.close();
    },
  };
}
