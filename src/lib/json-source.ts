/** Where the string that begins with the quote at `open` has its closing quote, in a text that is JSON. */
export function endOfString(text: string, open: number): number {
  for (let end = text.indexOf('"', open + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let before = end - 1;
    while (text[before] === '\\') before -= 1;
    // An even number of backslashes are escaped ones; an odd number escape the quote.
    if ((end - before) % 2 === 1) return end;
  }
  return text.length;
}

/** What stands outside the strings of a text that is JSON. */
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
 * The colons in what stands outside strings: one for each member of the text's objects. Where `countMembers` of its value
 * finds fewer, an object has a key twice.
 */
export function countColons(outside: string): number {
  let colons = 0;
  for (let at = outside.indexOf(':'); at !== -1; at = outside.indexOf(':', at + 1)) colons += 1;
  return colons;
}

/** Members of all objects within a value. */
export function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const values: unknown[] = Object.values(value);
  let members = Array.isArray(value) ? 0 : values.length;
  for (const each of values) members += countMembers(each);
  return members;
}
