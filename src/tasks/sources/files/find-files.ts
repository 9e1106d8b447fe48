import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { BatchError, hasErrorCode } from '../../../errors.ts';
import type { AllowedFolders, FoundPlace } from '../../../lib/files/allowed-folders.ts';
import { fileFailure } from '../../../lib/files/file-failure.ts';
import { isInside } from '../../../lib/files/real-paths.ts';
import { type FilePattern, type Glob, readPatterns, slashed } from './file-patterns.ts';
import { createGitignore } from './gitignore.ts';
import { isSecretName, NOT_MEANT, type Skipped, type SkipReason, skip } from './skipped.ts';

/** A file of the work. */
export type FoundFile = {
  /** Relative, with `/` on every system: the task's id. */
  name: string;
  /** Absolute, without links. */
  path: string;
};

const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

/** Whether a name on the way from an allowed folder starts with a dot. */
const isHidden = (root: string, file: string) =>
  slashed(path.relative(root, file))
    .split('/')
    .some((name) => name.startsWith('.'));

/** As the caller knows it: relative to where relative paths start, else to the allowed folder that it is in. */
function nameOf(file: string, { root, base }: FoundPlace): string {
  return slashed(path.relative(isInside(base, file) ? base : root, file));
}

/** The name of a file in a folder. */
const nameIn = (folder: string, name: string) => (folder === '' ? name : `${folder}/${name}`);

async function entriesOf(folder: string, leaveOut: (reason: SkipReason) => void): Promise<Dirent[]> {
  try {
    return (await readdir(folder, { withFileTypes: true })).sort(byName);
  } catch (error) {
    // It was there a moment ago: what has gone since counts as never seen.
    if (hasErrorCode(error, 'ENOENT', 'ENOTDIR')) return [];
    if (!hasErrorCode(error, 'EACCES', 'EPERM')) throw fileFailure(`read ${JSON.stringify(folder)}`, error);
    leaveOut('unreadable');
    return [];
  }
}

/** Why a file that a pattern matches is left out; null where it is not. */
async function whyNot(
  entry: Dirent,
  file: string,
  ignores: (file: string, isFolder: boolean) => Promise<boolean>,
): Promise<SkipReason | null> {
  if (entry.name.startsWith('.')) return 'hidden';
  if (entry.isSymbolicLink()) return 'link';
  if (entry.isDirectory() && entry.name === 'node_modules') return 'node_modules';
  if (entry.isFile() && isSecretName(entry.name)) return 'key';
  return (await ignores(file, entry.isDirectory())) ? 'ignored' : null;
}

const everything: Glob = { matches: () => true, depth: Number.POSITIVE_INFINITY };

/** Everything that a glob matches below a folder, in the order of the names. Links are not followed. */
async function* walk(
  place: FoundPlace,
  glob: Glob,
  leaveOut: (file: FoundFile, reason: SkipReason) => void,
): AsyncGenerator<FoundFile> {
  const { path: start, top } = place;
  const { ignores } = createGitignore(top, start);
  async function* below(folder: string, way: string, depth: number): AsyncGenerator<FoundFile> {
    // Once for all in it: for each of ten thousand files it would take as long as opening them.
    const folderName = nameOf(folder, place);
    const unread = (reason: SkipReason) => leaveOut({ name: folderName, path: folder }, reason);
    for (const entry of await entriesOf(folder, unread)) {
      const file = { name: nameIn(folderName, entry.name), path: path.join(folder, entry.name) };
      const name = way + entry.name;
      const isTaken = entry.isDirectory() ? depth < glob.depth : glob.matches(name);
      if (!isTaken || entry.name === '.git') continue;
      const reason = await whyNot(entry, file.path, ignores);
      if (reason !== null) leaveOut(file, reason);
      else if (entry.isDirectory()) yield* below(file.path, `${name}/`, depth + 1);
      else if (entry.isFile()) yield file;
      else leaveOut(file, 'special');
    }
  }
  yield* below(start, '', 1);
}

/** What one pattern matches; `leaveOut` is told of matches that can't be used. */
async function* taken(
  pattern: FilePattern,
  folders: AllowedFolders,
  leaveOut: (file: FoundFile, reason: SkipReason) => void,
): AsyncGenerator<FoundFile> {
  const { place, below } = await startOf(pattern, folders);
  const named: FoundFile = { name: nameOf(place.path, place), path: place.path };
  if (isHidden(place.root, place.path)) leaveOut(named, 'named_hidden');
  else if (place.kind === 'folder') yield* walk(place, below ?? everything, leaveOut);
  else if (isSecretName(place.path)) leaveOut(named, 'key');
  else yield named;
}

/** An existing path is meant literally, even if its name looks like a glob: `notes [old].txt`. */
async function startOf(
  { given, start, below }: FilePattern,
  folders: AllowedFolders,
): Promise<{ place: FoundPlace; below: Glob | null }> {
  if (below === null) return { place: await findComposed(start, folders), below };
  try {
    return { place: await folders.find(given), below: null };
  } catch (error) {
    if (!(error instanceof BatchError)) throw error;
    return { place: await findComposed(start, folders), below };
  }
}

/** A name exists however its letters are composed: most systems distinguish these forms, no reader can. */
async function findComposed(given: string, folders: AllowedFolders): Promise<FoundPlace> {
  try {
    return await folders.find(given);
  } catch (error) {
    const others = ['NFC', 'NFD'].map((form) => given.normalize(form)).filter((form) => form !== given);
    for (const other of others) {
      const [found] = await Promise.allSettled([folders.find(other)]);
      if (found.status === 'fulfilled') return found.value;
    }
    throw error;
  }
}

/**
 * The files that `input_files` names, each once, in the order of the patterns and then of their names; what is left out
 * is counted in `skipped`. Throws `invalid_input` for patterns that match nothing, and what finding a folder throws.
 */
export async function* findFiles(
  given: readonly string[],
  folders: AllowedFolders,
  skipped: Skipped,
): AsyncGenerator<FoundFile> {
  const { wanted, excludes, unseen } = readPatterns(given);
  const seen = new Set<string>();
  const isNew = ({ path, name }: FoundFile): boolean => {
    if (seen.has(path) || excludes({ absolute: slashed(path), relative: name })) return false;
    seen.add(path);
    return true;
  };
  let takes = false;
  const leaveOut = (file: FoundFile, reason: SkipReason) => {
    // What nobody means can be a folder on the way, which may hold no such file.
    takes ||= !NOT_MEANT.includes(reason);
    if (isNew(file)) skip(skipped, reason, file.name);
  };
  const unmatched: string[] = [];
  for (const pattern of wanted) {
    takes = false;
    for await (const file of taken(pattern, folders, leaveOut)) {
      takes = true;
      if (isNew(file)) yield file;
    }
    if (!takes) unmatched.push(pattern.given);
  }
  // Where none matches anything, the error says so.
  if (unmatched.length === wanted.length) return;
  for (const each of unmatched) skip(skipped, 'unmatched', each);
  for (const each of unseen()) skip(skipped, 'not_there', each);
}
