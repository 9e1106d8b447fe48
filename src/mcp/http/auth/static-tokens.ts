import { createHash, timingSafeEqual } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { BatchError, type Problem } from '../../../errors.ts';
import { fileFailure } from '../../../lib/files/file-failure.ts';
import { readRegularFile } from '../../../lib/files/regular-file.ts';
import { didYouMean, quoteName } from '../../../lib/nearest.ts';
import type { Log } from '../../../log.ts';
import { type Scope, type Subject, scopes } from '../../../state/subject.ts';

type Entry = { hash: Buffer; subject: Subject };

/** Finds whose token this is; null if it is nobody's. */
type Tokens = { find(token: string): Promise<Subject | null> };

const LINE = /^(?<name>[\w.@+-]+):\s*(?<hash>[0-9a-f]{64})\s+(?<scopes>\S.*)$/i;
const VALID = 'name: the SHA-256 of the token in 64 hexadecimal digits, and scopes, as docs/team.md shows';

/** The hash a shell computes when the variable is not set. */
const OF_NOTHING = createHash('sha256').digest('hex');

/** The users a file names, and what is wrong with its other lines. Those are never quoted, since one may hold a token. */
function readEntries(text: string): { entries: Entry[]; problems: Problem[] } {
  const entries: Entry[] = [];
  const lines = new Map<string, string>();
  const problems: Problem[] = [];
  for (const [index, line] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    if (/^\s*(?:#|$)/.test(line)) continue;
    const item = `line ${index + 1}`;
    const { name = '', hash = '', scopes: given = '' } = LINE.exec(line.trim())?.groups ?? {};
    if (name === '') {
      problems.push({ item, problem: 'is not a user', valid: VALID });
      continue;
    }
    const asked = given.split(/[\s,]+/);
    const unknown = asked.find((each) => !isScope(each));
    if (unknown !== undefined) {
      const problem = `${quoteName(unknown)} is not a scope${didYouMean(unknown, scopes)}`;
      problems.push({ item, problem, valid: scopes.join(', ') });
      continue;
    }
    const lower = hash.toLowerCase();
    const before = lines.get(lower);
    if (before !== undefined || lower === OF_NOTHING) {
      const problem = before === undefined ? 'has the hash of an empty token' : `has the token of ${before}`;
      problems.push({ item, problem, valid: 'a token of its own in each line' });
      continue;
    }
    lines.set(lower, item);
    const subject = { name, scopes: new Set(asked.filter(isScope)) };
    entries.push({ hash: Buffer.from(hash, 'hex'), subject });
  }
  return { entries, problems };
}

const isScope = (given: string): given is Scope => scopes.some((scope) => scope === given);

/**
 * Static tokens from a file that is read again whenever it changes, so that removing a user takes effect at once. Throws
 * `invalid_input` if the file can't be used at the start. Later, an unreadable line lets nobody in and is logged.
 */
export async function openTokens(path: string, log: Log): Promise<Tokens> {
  const versionOf = async () => {
    const { mtimeMs, ctimeMs, size, ino } = await stat(path);
    return `${mtimeMs} ${ctimeMs} ${size} ${ino}`;
  };
  const read = async () => {
    try {
      const version = await versionOf();
      return { version, ...readEntries(await readRegularFile(path)) };
    } catch (error) {
      throw fileFailure('read the file of tokens', error);
    }
  };
  let current = await read();
  if (current.problems.length > 0 || current.entries.length === 0) {
    const problems =
      current.problems.length > 0
        ? current.problems
        : [{ item: path, problem: 'names nobody', valid: VALID }];
    throw new BatchError('invalid_input', 'The file of tokens cannot be used; nothing was started.', {
      problems: problems.slice(0, 20),
      problemCount: problems.length,
    });
  }

  async function refresh(): Promise<void> {
    try {
      if ((await versionOf()) === current.version) return;
      current = await read();
      for (const { item, problem } of current.problems) log('warn', `The file of tokens: ${item} ${problem}`);
      log('info', `The file of tokens was read again: ${current.entries.length} tokens`);
    } catch (error) {
      if (current.version !== GONE)
        log('error', `The file of tokens can't be read: nobody is let in (${String(error)})`);
      current = { version: GONE, entries: [], problems: [] };
    }
  }

  return {
    async find(token) {
      await refresh();
      const hash = createHash('sha256').update(token).digest();
      // Every entry is compared, so that the time taken reveals nothing.
      const found = current.entries.filter((entry) => timingSafeEqual(entry.hash, hash));
      return found[0]?.subject ?? null;
    },
  };
}

const GONE = '';
