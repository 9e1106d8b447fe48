/** What stands outside the strings of a JSON text. */
function outsideStrings(text: string): string {
  let outside = '';
  let from = 0;
  for (let open = text.indexOf('"'); open !== -1; open = text.indexOf('"', from)) {
    outside += text.slice(from, open);
    from = endOfString(text, open) + 1;
    if (from === 0) return outside;
  }
  return outside + text.slice(from);
}

/** Where the string that begins with the quote at `open` has its closing quote; -1 where it has none. */
function endOfString(text: string, open: number): number {
  for (let end = text.indexOf('"', open + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let before = end - 1;
    while (text[before] === '\\') before -= 1;
    // An even number of backslashes are escaped ones; an odd number escape the quote.
    if ((end - before) % 2 === 1) return end;
  }
  return -1;
}

/** Members of all objects within a value. */
function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const values: unknown[] = Object.values(value);
  let members = Array.isArray(value) ? 0 : values.length;
  for (const each of values) members += countMembers(each);
  return members;
}

/** Numbers that a parser may round, or take for another type: fractions, powers, and more digits than are exact. */
const UNSURE_NUMBER = /\d[.eE]|\d{16}|-0/;

/**
 * Whether a JSON text, of which `value` was read, says the same to whoever else reads it, so that it can be sent as it
 * stands: what was checked is then what counts. Where a key comes twice in an object one parser takes the first, another
 * the last; the value has fewer members then than the text has colons.
 */
export function isUnambiguous(text: string, value: unknown): boolean {
  const outside = outsideStrings(text);
  let colons = 0;
  for (let at = outside.indexOf(':'); at !== -1; at = outside.indexOf(':', at + 1)) colons += 1;
  return colons === countMembers(value) && !UNSURE_NUMBER.test(outside);
}
