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

type HashedOutput = Written & { sha256: string };

/** A file being written: nothing appears at its path until it is committed. */
type Output = {
  readonly path: string;
  /** Resolves when more can be written; await it before the next call. */
  write(piece: string | Uint8Array): Promise<void>;
  /**
   * Puts the whole file in its place, durably. `already_exists` if it must not replace one. `announce` gets the
   * file's size and hash before the file appears there.
   */
  commit(announce?: (output: HashedOutput) => Promise<void>): Promise<HashedOutput>;
  /** Removes every trace. Does nothing after `commit`. */
  abort(): Promise<void>;
};

type OutputOptions = {
  /** Whether to replace a file at the path. A link there is itself replaced, never followed. */
  replace: boolean;
  /** Whether a file with this SHA-256 may be replaced; asked about the present file right before replacing it. */
  mayReplace?: (sha256: string) => Promise<boolean>;
  /** Whether to first remove what dead processes began for the same path. Of many files in a folder one does this for all. */
  sweep?: boolean;
  mode?: number;
};

/** Starts like the final name, so that a person who finds it knows what it was; short enough for any file system. */
const beginningOf = (path: string) => `.${basename(path).slice(0, 40)}.`;

function temporaryName(path: string): string {
  return join(dirname(path), `${beginningOf(path)}${randomUUID()}.tmp`);
}

const REST_OF_NAME = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/;
const LEFT_AFTER_MS = 60 * 60 * 1000;

/** Removes what dead processes began for the same path: temporary files not written to for an hour. */
async function sweepLeft(path: string): Promise<void> {
  const folder = dirname(path);
  const beginning = beginningOf(path);
  const begun = (await namesIn(folder)).filter(
    (name) => name.startsWith(beginning) && REST_OF_NAME.test(name.slice(beginning.length)),
  );
  // If one is gone meanwhile, or can't be removed, the new file is written all the same.
  await Promise.allSettled(
    begun.map(async (name) => {
      const found = await lstat(join(folder, name));
      if (found.isFile() && Date.now() - found.mtimeMs > LEFT_AFTER_MS) await rm(join(folder, name));
    }),
  );
}

/** Files being written. A process that ends in the middle, as by Ctrl-C, removes them. */
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
      // The next writer to that path sweeps it.
    }
  }
}

/** What file systems without hard links answer, such as those of most memory sticks. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'] as const;

/** A file being written, the name it will get, and that name as the caller gave it. */
type Names = { temporary: string; target: string; path: string };

async function moveToNewName(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
    await rm(from);
  } catch (error) {
    if (!hasErrorCode(error, ...NO_LINKS)) throw error;
    // An empty file claims the name first.
    await (await open(to, 'wx', FILE_MODE)).close();
    await move(from, to);
  }
}

/** Gives the file about to be replaced a second name; null if there is no file, or it can't have a second name. */
async function keepAside(target: string): Promise<string | null> {
  const aside = temporaryName(target);
  try {
    await link(target, aside);
    removeAtExit(aside);
    return aside;
  } catch (error) {
    // EPERM also means a folder, of which the move will say what is wrong.
    if (hasErrorCode(error, 'ENOENT', ...NO_LINKS)) return null;
    throw error;
  }
}

/** Gives a finished file its name. If its folder has moved since it was checked, everything is put back as it was. */
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
    `${JSON.stringify(path)} was changed while its replacement was written, and is left as it is. Give another name.`,
  );

/**
 * Starts a file at an absolute path that was checked before. Errors are `BatchError`s that name the path; after
 * any of them the caller aborts.
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
      // The folder is closed by then, and its descriptor may belong to something else.
      if (ended) return;
      ended = true;
      await writer.close();
      await rm(temporary, { force: true });
      keepAtExit(temporary);
      await folder.close();
    },
  };
}
