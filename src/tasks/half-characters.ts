import type { Problem } from '../errors.ts';
import { findWithin } from './find-within.ts';

/** More of one task are hardly worth the lines. */
const NAMED = 5;

const isHalf = (value: unknown) => typeof value === 'string' && !value.isWellFormed();

/**
 * Where a value holds half of a surrogate pair, as texts do that were cut in the middle of an emoji. UTF-8 has no bytes for
 * it, and the API refuses the whole create that holds one, naming a column of a body that nobody has seen.
 */
export function findHalfCharacters(value: unknown): Problem[] {
  const problems: Problem[] = [];
  for (const field of findWithin(value, isHalf)) {
    problems.push({
      ...(field !== '' && { field }),
      problem:
        'holds half of a character (half a surrogate pair), as a text does that was cut within an emoji',
      valid: 'whole characters: cut the text before or behind it',
    });
    if (problems.length === NAMED) break;
  }
  return problems;
}

/** Whether JSON can hold such a half at all: its text is valid UTF-8, so only an escape can be one. */
export const mayHoldHalf = (json: string): boolean => json.includes('\\ud') || json.includes('\\uD');
