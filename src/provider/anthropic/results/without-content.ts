const CONTENT = Buffer.from('"content":[');
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const BLOCK = Buffer.from('{"type":"');
/** As many levels as the bits of a number tell apart. */
const DEEPEST = 31;

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

function begins(line: Buffer, at: number, beginning: Buffer): boolean {
  return line.subarray(at, at + beginning.length).equals(beginning);
}

/**
 * Where the list of blocks that begins at `start` has its closing bracket; -1 where it has none, or holds anything but
 * blocks that say their type first: these are left to whoever parses all of the line.
 */
function endOfBlocks(line: Buffer, start: number): number {
  let depth = 1;
  /** Of the brackets that are open, the innermost in the lowest bit: 1 for a list. */
  let lists = 1;
  for (let at = start; at < line.length; at += 1) {
    const byte = line[at] ?? 0;
    if (depth === 1 && byte === OPEN_OBJECT && !begins(line, at, BLOCK)) return -1;
    if (depth === 1 && byte !== OPEN_OBJECT && byte !== CLOSE_LIST && byte !== COMMA) return -1;
    if (byte === QUOTE) {
      at = endOfString(line, at);
      if (at === -1) return -1;
    } else if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
      if (depth === DEEPEST) return -1;
      depth += 1;
      lists = (lists << 1) | (byte === OPEN_LIST ? 1 : 0);
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
      if ((lists & 1) !== (byte === CLOSE_LIST ? 1 : 0)) return -1;
      depth -= 1;
      lists >>>= 1;
      if (depth === 0) return at;
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
  const end = endOfBlocks(line, start);
  if (end === -1) return line.toString('utf8');
  return line.toString('utf8', 0, start) + line.toString('utf8', end);
}
