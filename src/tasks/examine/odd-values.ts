import type { Problem } from '../../errors.ts';
import { ExactNumber } from '../../lib/exact-json.ts';
import { quoteName } from '../../lib/nearest.ts';

const PLAIN_KEY = /^[\w-]{1,60}$/;

const join = (path: string, key: string) => {
  if (!PLAIN_KEY.test(key)) return `${path}[${quoteName(key)}]`;
  return path === '' ? key : `${path}.${key}`;
};

/** The paths of all keys and plain values within `value` that `test` holds for, as `messages[0].content`. */
export function* findWithin(value: unknown, test: (value: unknown) => boolean, path = ''): Generator<string> {
  if (typeof value !== 'object' || value === null || value instanceof ExactNumber) {
    if (test(value)) yield path;
  } else if (Array.isArray(value)) {
    for (const [index, each] of value.entries()) yield* findWithin(each, test, `${path}[${index}]`);
  } else {
    for (const [key, each] of Object.entries(value)) {
      const at = join(path, key);
      if (test(key)) yield at;
      yield* findWithin(each, test, at);
    }
  }
}

/** More of one task are hardly worth the lines. */
const NAMED_HALVES = 5;

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
    if (problems.length === NAMED_HALVES) break;
  }
  return problems;
}

/** Whether JSON can hold such a half at all: its text is valid UTF-8, so only an escape can be one. */
export const mayHoldHalf = (json: string): boolean => json.includes('\\ud') || json.includes('\\uD');

const isRounded = (value: unknown) =>
  typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value);

const NAMED_NUMBERS = 3;

/** Numbers of a call's own arguments that can't be right: the client has parsed them, and only that is seen here. */
export const roundedWarnings = (value: unknown): string[] =>
  [...findWithin(value, isRounded)]
    .slice(0, NAMED_NUMBERS)
    .map(
      (field) =>
        `${field} is a whole number above 2^53, which was rounded on its way here: give it as a text`,
    );

/** How the base64 of files begins that a model could look at. */
const BASE64 =
  /^(?:data:(?:image|application\/pdf)[^,]{0,80};base64,|iVBORw0KGgo|\/9j\/|R0lGOD|UklGR|JVBERi0)/;
const LEAST_BASE64 = 64;
/** A name has few words; a line of a log can end with one. */
const MEDIA_NAME = /^(?!\S+(?:\s+\S+){3})[^\n{}<>]{0,300}\.(?:png|jpe?g|gif|webp|heic|tiff?|bmp|pdf)$/i;
/** More of one task are hardly worth the lines. */
const NAMED_MEDIA = 3;

const isBase64 = (value: unknown) =>
  typeof value === 'string' &&
  value.length >= LEAST_BASE64 &&
  BASE64.test(value) &&
  (value.startsWith('data:') || /^[\w+/=\r\n-]+$/.test(value.slice(0, 200)));
const isName = (value: unknown) => typeof value === 'string' && value.length <= 310 && MEDIA_NAME.test(value);

/** What of a task's input is a file for a person, and for the model only a text. */
export function mediaWarnings(input: Readonly<Record<string, unknown>>, field: string): string[] {
  const warnings: string[] = [];
  for (const at of findWithin(input, (value) => isBase64(value) || isName(value), field)) {
    if (warnings.length === NAMED_MEDIA) break;
    const what = [...findWithin(input, isBase64, field)].includes(at)
      ? 'is the base64 of an image or PDF'
      : 'names an image or PDF, which is not opened';
    warnings.push(
      `${at} ${what}: it is sent as text, and the model sees no image. Give the files in input_files, or native params with an ` +
        'image or document block',
    );
  }
  return warnings;
}
