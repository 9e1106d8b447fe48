import type { Problem } from '../errors.ts';
import { ExactNumber } from './exact-json.ts';
import { quoteName } from './nearest.ts';

const PLAIN_KEY = /^[\w-]{1,60}$/;

const join = (path: string, key: string) => {
  if (!PLAIN_KEY.test(key)) return `${path}[${quoteName(key)}]`;
  return path === '' ? key : `${path}.${key}`;
};

/** A key or a plain value within another, and its path, as `messages[0].content`. */
type Within = { at: string; value: unknown; isKey: boolean };

export function* valuesWithin(value: unknown, path = ''): Generator<Within> {
  if (typeof value !== 'object' || value === null || value instanceof ExactNumber) {
    yield { at: path, value, isKey: false };
  } else if (Array.isArray(value)) {
    for (const [index, each] of value.entries()) yield* valuesWithin(each, `${path}[${index}]`);
  } else {
    for (const [key, each] of Object.entries(value)) {
      const at = join(path, key);
      yield { at, value: key, isKey: true };
      yield* valuesWithin(each, at);
    }
  }
}

/** The paths of all keys and plain values within `value` that `test` holds for. */
export function* findWithin(value: unknown, test: (value: unknown) => boolean): Generator<string> {
  for (const { at, value: each } of valuesWithin(value)) if (test(each)) yield at;
}

/** More of one task are not worth reporting. */
const NAMED_HALVES = 5;

/** How many lone surrogates a text contains, each of which becomes U+FFFD in a UTF-8 file. */
export const countHalves = (text: string): number =>
  text.isWellFormed() ? 0 : (text.match(/\p{Surrogate}/gu)?.length ?? 0);

const isHalf = (value: unknown) => typeof value === 'string' && !value.isWellFormed();

/**
 * Where a value contains half of a surrogate pair, as texts do that were cut in the middle of an emoji. UTF-8 can't
 * represent it, and the API would refuse the whole create, naming a column of a body that nobody has seen.
 */
export function findHalfCharacters(value: unknown): Problem[] {
  const problems: Problem[] = [];
  for (const field of findWithin(value, isHalf)) {
    problems.push({
      ...(field !== '' && { field }),
      problem:
        'holds half of a character (half a surrogate pair), as a text does that was cut within an emoji',
      valid: 'whole characters: cut the text before or after it',
    });
    if (problems.length === NAMED_HALVES) break;
  }
  return problems;
}

/** Whether JSON may contain a lone surrogate at all: its text is valid UTF-8, so only an escape can be one. */
export const mayHoldHalf = (json: string): boolean => json.includes('\\ud') || json.includes('\\uD');
