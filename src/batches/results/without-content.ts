const CONTENT = Buffer.from('"content":[');
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING = new Set([0x5b, 0x7b]);
const END_OF_LIST = 0x5d;
const CLOSING = new Set([END_OF_LIST, 0x7d]);

/** Where the string that begins with the quote at `start` has its closing quote; -1 where it has none. */
function endOfString(line: Buffer, start: number): number {
  for (let end = line.indexOf(QUOTE, start + 1); end !== -1; end = line.indexOf(QUOTE, end + 1)) {
    let before = end - 1;
    while (line[before] === BACKSLASH) before -= 1;
    // An even number of backslashes are escaped ones; an odd number escape the quote.
    if ((end - before) % 2 === 1) return end;
  }
  return -1;
}

/** Where the list whose elements begin at `start` has its closing bracket; -1 where it has none. */
function endOfList(line: Buffer, start: number): number {
  let depth = 1;
  for (let at = start; at < line.length; at += 1) {
    const byte = line[at] ?? 0;
    if (byte === QUOTE) {
      at = endOfString(line, at);
      if (at === -1) return -1;
    } else if (OPENING.has(byte)) depth += 1;
    else if (CLOSING.has(byte)) {
      depth -= 1;
      if (depth === 0) return byte === END_OF_LIST ? at : -1;
    }
  }
  return -1;
}

/**
 * The text of a results line with an empty list in place of its message's content. Of a line of 3 KB nearly all is
 * content, which checking and counting have no use for: decoding and parsing it took three quarters of a
 * download's time. The sequence looked for can't be part of a string, for there its quotes would be escaped; a line
 * without it, or with a list that does not end, is given as it is.
 */
export function withoutContent(line: Buffer): string {
  const at = line.indexOf(CONTENT);
  if (at === -1) return line.toString('utf8');
  const start = at + CONTENT.length;
  const end = endOfList(line, start);
  if (end === -1) return line.toString('utf8');
  return line.toString('utf8', 0, start) + line.toString('utf8', end);
}
