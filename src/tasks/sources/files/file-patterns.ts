import path from 'node:path';
import picomatch from 'picomatch';
import { BatchError } from '../../../errors.ts';

/** `posix` is for `[!ab]`. */
const OPTIONS = { dot: true, noextglob: true, nonegate: true, posix: true };

/** Parentheses stand for themselves, as in `photo (1).jpg`; as patterns they could take forever to match. */
const plain = (glob: string) => glob.replaceAll(/[()|]/g, '\\$&');

/** However letters are composed: a Mac's archives have them decomposed, people type them composed. */
function matcherOf(globs: string[]): (path: string) => boolean {
  const matches = picomatch(
    globs.map((glob) => plain(glob).normalize()),
    OPTIONS,
  );
  return (file) => matches(file.normalize());
}

/** Takes paths with `/`; none has more than `depth` parts. */
export type Glob = { matches: (path: string) => boolean; depth: number };

/** Where a pattern of `input_files` begins to look, and what it matches there. */
export type FilePattern = {
  given: string;
  /** The path before the first part that is a glob, as given. */
  start: string;
  /** What it matches below that; null where the pattern is just a path. */
  below: Glob | null;
};

/** Whether a path is left out: by its name, or as it is seen from where relative paths begin. */
export type Exclusion = (seen: { absolute: string; relative: string }) => boolean;

export type FilePatterns = {
  wanted: FilePattern[];
  excludes: Exclusion;
  /** What was named to be left out and has not been seen so far. */
  unseen: () => string[];
};

/** With `/` on every system: Windows takes both, and people write both. */
export const slashed = (file: string) => file.split(path.sep).join('/');

const ANY_DEPTH = /\*\*|\{[^}]*\//;

function wantedPattern(given: string): FilePattern {
  const { base, glob } = picomatch.scan(slashed(given));
  if (glob === '') return { given, start: given, below: null };
  if (glob.split('/').includes('..')) throw badPatterns(`${JSON.stringify(given)} has a .. after its glob`);
  const depth = ANY_DEPTH.test(glob) ? Number.POSITIVE_INFINITY : glob.split('/').length;
  const below = { matches: matcherOf([glob]), depth };
  return { given, start: base === '' ? '.' : base, below };
}

/** As in .gitignore: one without a slash applies at any depth, and one that names a folder means everything in it. */
function exclusion(given: string): Exclusion {
  const pattern = slashed(given).replace(/^\.\//, '').replace(/\/$/, '');
  const anywhere = pattern.includes('/') ? pattern : `**/${pattern}`;
  const matches = matcherOf([anywhere, `${anywhere}/**`]);
  return path.isAbsolute(given) ? ({ absolute }) => matches(absolute) : ({ relative }) => matches(relative);
}

function badPatterns(problem: string): BatchError {
  return new BatchError('invalid_input', 'The work was refused; nothing was sent.', {
    problems: [
      { field: 'input_files', problem, valid: 'paths and globs, as in ["src/**/*.ts", "!**/*.test.ts"]' },
    ],
  });
}

/** Reads the entries of `input_files`. Throws `invalid_input`. */
export function readPatterns(given: readonly string[]): FilePatterns {
  const wanted = given.filter((pattern) => !pattern.startsWith('!'));
  if (wanted.length === 0) throw badPatterns('names no files, only what to leave out');
  const exclusions = given
    .filter((pattern) => pattern.startsWith('!'))
    .map((pattern) => ({ pattern, excludes: exclusion(pattern.slice(1)) }));
  const unseen = new Set(exclusions.map(({ pattern }) => pattern).filter(isName));
  return {
    wanted: wanted.map(wantedPattern),
    // Each is asked, as one that another makes redundant is not misspelt.
    excludes: (seen) =>
      exclusions.filter(({ pattern, excludes }) => {
        const isLeftOut = excludes(seen);
        if (isLeftOut) unseen.delete(pattern);
        return isLeftOut;
      }).length > 0,
    unseen: () => [...unseen],
  };
}

/** Whether an exclusion names one thing: kinds of files are excluded for safety, whether there are any or not. */
function isName(pattern: string): boolean {
  const name = pattern.replace(/^!(\.\/|\*\*\/)*/, '').replace(/(\/\**)+$/, '');
  return !/[*?[\]{}]/.test(name) && !/(^|\/)(\.|node_modules(\/|$))/.test(name);
}
