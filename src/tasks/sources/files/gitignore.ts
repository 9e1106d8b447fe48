import { constants } from 'node:fs';
import path from 'node:path';
import ignore, { type Ignore } from 'ignore';
import { BatchError, hasErrorCode } from '../../../errors.ts';
import { openRegularFile } from '../../../lib/files/regular-file.ts';
import { slashed } from './file-patterns.ts';

const LONGEST_BYTES = 1_000_000;

/** The rules of the `.gitignore` files above a folder and in it, those nearest to it last. */
type Rules = { folder: string; matcher: Ignore }[];

export type Gitignore = {
  /** Whether a file or folder is left out; asked of a folder before what is in it. */
  ignores: (file: string, isFolder: boolean) => Promise<boolean>;
};

async function readRules(folder: string): Promise<Ignore | null> {
  const file = path.join(folder, '.gitignore');
  try {
    const handle = await openRegularFile(file, { flags: constants.O_RDONLY | constants.O_NOFOLLOW });
    try {
      if ((await handle.stat()).size > LONGEST_BYTES) return null;
      return ignore({ ignorecase: false }).add(await handle.readFile('utf8'));
    } finally {
      await handle.close();
    }
  } catch (error) {
    const isNone = error instanceof BatchError || hasErrorCode(error, 'ENOENT', 'ELOOP', 'EMLINK');
    if (isNone || hasErrorCode(error, 'EACCES', 'EPERM')) return null;
    throw error;
  }
}

function decides({ folder, matcher }: Rules[number], file: string, isFolder: boolean): boolean | null {
  const { ignored, unignored } = matcher.test(slashed(path.relative(folder, file)) + (isFolder ? '/' : ''));
  return ignored ? true : unignored ? false : null;
}

/** The nearest file that says anything decides. */
function ignoredBy(rules: Rules, file: string, isFolder: boolean): boolean {
  for (const each of rules.toReversed()) {
    const decided = decides(each, file, isFolder);
    if (decided !== null) return decided;
  }
  return false;
}

/**
 * The `.gitignore` files that concern what is below `start`, from `root` down. Where they leave out `start` itself, it is
 * wanted all the same, as it was named: those files then say nothing about what is in it.
 */
export function createGitignore(root: string, start: string): Gitignore {
  const known = new Map<string, Promise<Rules>>();

  function rulesIn(folder: string): Promise<Rules> {
    const found = known.get(folder) ?? load(folder);
    known.set(folder, found);
    return found;
  }

  async function load(folder: string): Promise<Rules> {
    const above = folder === root ? [] : await rulesIn(path.dirname(folder));
    const matcher = await readRules(folder);
    const rules = matcher === null ? above : [...above, { folder, matcher }];
    return folder === start ? rules.filter((each) => each.folder === start || !leavesOut(each)) : rules;
  }

  /** Whether rules leave out the start, or a folder on the way to it. */
  function leavesOut(rules: Rules[number]): boolean {
    return decides(rules, start, true) === true;
  }

  return {
    ignores: async (file, isFolder) => ignoredBy(await rulesIn(path.dirname(file)), file, isFolder),
  };
}
