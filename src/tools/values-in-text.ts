import { parseExact } from '../lib/exact-json.ts';
import { isJsonObject } from '../lib/json.ts';
import { repeatsKey } from '../lib/json-source.ts';
import { repeatedKeyIn } from '../tasks/requests/read-item.ts';

/** The list or object that a text holds as JSON; undefined where it holds none. */
export function parsed(text: string): unknown {
  // Also removes the byte order mark that some put before it.
  const json = text.trim();
  if (!/^[[{]/.test(json)) return undefined;
  try {
    return parseExact(json).value;
  } catch {
    return undefined;
  }
}

/** The object that a text holds as JSON, otherwise the text. */
export function objectIn(text: string): unknown {
  const value = parsed(text);
  return isJsonObject(value) ? value : text;
}

/**
 * A key that an object has twice in JSON within a text: an argument, a task of a list, or a field of a task. Null
 * where there is none.
 */
export function keyGivenTwice(given: unknown): string | null {
  if (typeof given === 'string') {
    const json = unwrapped(given).trim();
    const value = parsed(json);
    if (value === undefined) return null;
    return repeatsKey(json, JSON.parse(json)) ? repeatedKeyIn(json) : keyGivenTwice(value);
  }
  for (const each of textsWithin(given)) {
    const found = keyGivenTwice(each);
    if (found !== null) return found;
  }
  return null;
}

/** Fields of a task that are objects, which clients may send as JSON in a text. */
export const OBJECT_FIELDS: readonly string[] = ['params', 'input_data', 'output_schema'];

function textsWithin(given: unknown): unknown[] {
  if (Array.isArray(given)) return given.filter((each) => typeof each === 'string' || isJsonObject(each));
  if (!isJsonObject(given)) return [];
  return OBJECT_FIELDS.map((key) => given[key]).filter((value) => typeof value === 'string');
}

/**
 * Unwraps JSON that was encoded as JSON text again, or is alone in a fenced block; any other text is returned
 * unchanged.
 */
export function unwrapped(text: string, levels = 3): string {
  const inner =
    blockIn(text.trim()) ?? (/^\s*"\s*[[{"`]/.test(text.replaceAll('\\', '')) ? textIn(text) : undefined);
  if (inner === undefined) return text;
  const found = levels > 0 ? unwrapped(inner, levels - 1) : inner;
  return /^\s*[[{]/.test(found) ? found : text;
}

function blockIn(text: string): string | undefined {
  const isFenced = text.startsWith('```') && text.endsWith('```');
  return isFenced ? text.slice(text.indexOf('\n') + 1, -'```'.length) : undefined;
}

function textIn(json: string): string | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A number with what people write around it: `$5`, `1,000`, `20s`; nothing that could change its meaning. */
const NUMBER =
  /^(?:\$|usd)? ?([+-]?\d+(?:\.\d+)?|\d{1,3}(?:,\d{3})+) ?(?:usd|dollars?|\$|s|sec|seconds?|tokens?)?$/i;

/** The number that a text stands for; undefined where it is none, or is ambiguous. */
export function numberIn(text: string): number | undefined {
  const [, digits] = NUMBER.exec(text.trim()) ?? [];
  return digits === undefined ? undefined : Number(digits.replaceAll(',', ''));
}
