import { isJsonObject } from '../lib/json.ts';

/**
 * A text that equal values share, whatever the order of their keys, and that different ones don't. Strings stand in
 * it as they are, behind their length, for escaping them would take longer than all else. For what JSON can hold.
 */
export function canonicalText(value: unknown): string {
  // Half a surrogate pair has no UTF-8 of its own: all of them would be hashed as the same character.
  if (typeof value === 'string')
    return value.isWellFormed() ? `${value.length}:${value}` : JSON.stringify(value);
  if (typeof value !== 'object' || value === null) return `${JSON.stringify(value) ?? 'null'};`;
  if (Array.isArray(value)) {
    let text = '[';
    for (const each of value) text += canonicalText(each);
    return `${text}]`;
  }
  if (!isJsonObject(value)) return 'null;';
  let text = '{';
  for (const key of Object.keys(value).sort()) {
    const entry = value[key];
    if (entry !== undefined) text += canonicalText(key) + canonicalText(entry);
  }
  return `${text}}`;
}
