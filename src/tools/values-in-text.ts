import { parseExact } from '../lib/exact-json.ts';
import { isJsonObject } from '../lib/json.ts';
import { repeatsKey } from '../lib/json-source.ts';
import { repeatedKeyIn } from '../tasks/requests/read-item.ts';

/** The list or object that a text is; undefined where it is none. */
export function parsed(text: string): unknown {
  // Without the byte order mark too that some put before it.
  const json = text.trim();
  if (!/^[[{]/.test(json)) return undefined;
  try {
    return parseExact(json).value;
  } catch {
    return undefined;
  }
}

/** The object that a text is, or the text. */
export function objectIn(text: string): unknown {
  const value = parsed(text);
  return isJsonObject(value) ? value : text;
}

/**
 * A key that an object has twice where JSON stands in a text: an argument, a task of a list, or a field of one. Null where
 * there is none.
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

/** Fields of a task that are objects, in whatever form a client has brought them. */
const OBJECTS = ['params', 'input_data', 'output_schema'];

function textsWithin(given: unknown): unknown[] {
  if (Array.isArray(given)) return given.filter((each) => typeof each === 'string' || isJsonObject(each));
  if (!isJsonObject(given)) return [];
  return OBJECTS.map((key) => given[key]).filter((value) => typeof value === 'string');
}

/** JSON that stands in a text of JSON once more, or in a fenced block alone; any other text as it is. */
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

/** With what people write around one: `$5`, `1,000`, `20s`. Undefined where that could change what it means. */
const NUMBER =
  /^(?:\$|usd)? ?([+-]?\d+(?:\.\d+)?|\d{1,3}(?:,\d{3})+) ?(?:usd|dollars?|\$|s|sec|seconds?|tokens?)?$/i;

/** The number that a text is; undefined where it is none, or could mean another one. */
export function numberIn(text: string): number | undefined {
  const [, digits] = NUMBER.exec(text.trim()) ?? [];
  return digits === undefined ? undefined : Number(digits.replaceAll(',', ''));
}
