import { endOfString } from '../../../lib/json-source.ts';

/** A key that JavaScript puts before all others, whatever order they were written in: a year, or the number of a column. */
export const isMovedKey = (key: string): boolean => /^(0|[1-9]\d{0,9})$/.test(key);

/** The keys of the object that a JSON text holds, in the order in which they were written. */
export function writtenKeys(text: string): string[] {
  const keys: string[] = [];
  let depth = 0;
  let from = 0;
  for (let open = text.indexOf('"'); open !== -1; open = text.indexOf('"', from)) {
    for (const sign of text.slice(from, open)) {
      if (sign === '{' || sign === '[') depth += 1;
      else if (sign === '}' || sign === ']') depth -= 1;
    }
    from = endOfString(text, open) + 1;
    if (depth === 1 && /^\s*:/.test(text.slice(from, from + 64)))
      keys.push(JSON.parse(text.slice(open, from)));
  }
  return keys;
}
