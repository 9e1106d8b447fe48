/** The index of the closing quote of the string that begins at `open`, in a JSON text. */
export function endOfString(text: string, open: number): number {
  for (let end = text.indexOf('"', open + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let before = end - 1;
    while (text[before] === '\\') before -= 1;
    // An even number of backslashes are escaped ones; an odd number escape the quote.
    if ((end - before) % 2 === 1) return end;
  }
  return text.length;
}

/** A JSON text without its strings. */
export function outsideStrings(text: string): string {
  let outside = '';
  let from = 0;
  for (let open = text.indexOf('"'); open !== -1; open = text.indexOf('"', from)) {
    outside += text.slice(from, open);
    from = endOfString(text, open) + 1;
  }
  return outside + text.slice(from);
}

/**
 * The number of colons outside strings: one for each member of the text's objects. Where `countMembers` of its value
 * finds fewer, an object has a key twice.
 */
export function countColons(outside: string): number {
  let colons = 0;
  for (let at = outside.indexOf(':'); at !== -1; at = outside.indexOf(':', at + 1)) colons += 1;
  return colons;
}

/** Members of all objects within a value, however deep. */
export function countMembers(value: unknown): number {
  const open: unknown[] = [value];
  let members = 0;
  while (open.length > 0) {
    const each = open.pop();
    if (typeof each !== 'object' || each === null) continue;
    const values: unknown[] = Object.values(each);
    if (!Array.isArray(each)) members += values.length;
    for (const inner of values) if (typeof inner === 'object' && inner !== null) open.push(inner);
  }
  return members;
}

/** Whether an object in a JSON text, whose value this is, has a key twice. */
export const repeatsKey = (text: string, value: unknown): boolean =>
  countColons(outsideStrings(text)) !== countMembers(value);
