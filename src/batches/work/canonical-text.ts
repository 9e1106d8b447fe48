/**
 * A text that equal values share, whatever the order of their keys, and that different ones don't. Strings stand in
 * it as they are, behind their length, for escaping them would take longer than all else. For what JSON can hold.
 */
export function canonicalText(value: unknown): string {
  // Half a surrogate pair has no UTF-8 of its own: all of them would be hashed as the same character.
  if (typeof value === 'string')
    return value.isWellFormed() ? `${value.length}:${value}` : JSON.stringify(value);
  if (typeof value !== 'object' || value === null) return `${JSON.stringify(value) ?? 'null'};`;
  if (Array.isArray(value)) return `[${value.map(canonicalText).join('')}]`;
  let text = '{';
  const entries = new Map<string, unknown>(Object.entries(value));
  for (const key of [...entries.keys()].sort()) {
    const entry = entries.get(key);
    if (entry !== undefined) text += canonicalText(key) + canonicalText(entry);
  }
  return `${text}}`;
}
