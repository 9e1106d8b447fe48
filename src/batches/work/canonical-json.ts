/** JSON with the keys of every object in order, so that equal values give equal text. For what JSON can hold. */
export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const entries = new Map<string, unknown>(Object.entries(value));
  let text = '';
  for (const key of [...entries.keys()].sort()) {
    const entry = entries.get(key);
    if (entry !== undefined)
      text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonicalJson(entry)}`;
  }
  return `{${text}}`;
}
