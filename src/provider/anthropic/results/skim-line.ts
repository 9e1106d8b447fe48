import { isUtf8 } from 'node:buffer';
import { isBlank, isOnTheWay } from './content.ts';

const CONTENT = Buffer.from('"content":[');
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const BLOCK = Buffer.from('{"type":"');
const TEXT = Buffer.from('{"type":"text","text":"');
const OTHER_TEXT = Buffer.from('{"type":"text"');
const FIRST_TEXT = Buffer.concat([CONTENT, TEXT]);
const BLANK = 0x20;
/** The letters of escapes for white space: `\n`, `\r`, `\t`. */
const BLANK_ESCAPES = new Set([0x6e, 0x72, 0x74]);
/** The letters of escapes for visible characters. */
const INK_ESCAPES = new Set([QUOTE, BACKSLASH, 0x2f]);
/** The only control character that JSON strings hold unescaped. */
const DELETE = 0x7f;
const LONGEST_CHARACTER_BYTES = 4;
/** As many levels as a number has bits. */
const DEEPEST = 31;

/** The position of the closing quote of the string that begins at `start`; -1 if it has none. */
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
 * Whether the block that begins at `start` says something: a text that is not blank, or anything except what only led to
 * an answer. Null if that can't be told without parsing it.
 */
function isAnswer(line: Buffer, start: number): boolean | null {
  if (begins(line, start, TEXT)) return hasInk(line, start + TEXT.length);
  if (begins(line, start, OTHER_TEXT)) return null;
  const at = start + BLOCK.length;
  const type = line.toString('latin1', at, line.indexOf(QUOTE, at));
  return type.includes('\\') ? null : !isOnTheWay(type);
}

/** Whether a string has a visible character; null if an escape would have to be decoded to tell. */
function hasInk(line: Buffer, start: number): boolean | null {
  for (let at = start; at < line.length; at += 1) {
    const byte = line[at] ?? 0;
    if (byte === QUOTE) return false;
    if (byte === BACKSLASH) {
      const escaped = line[at + 1] ?? 0;
      if (INK_ESCAPES.has(escaped)) return true;
      if (!BLANK_ESCAPES.has(escaped)) return null;
      at += 1;
    } else if (byte >= DELETE) {
      const [character = ''] = line.toString('utf8', at, at + LONGEST_CHARACTER_BYTES);
      return isBlank(character) ? null : true;
    } else if (byte !== BLANK) return true;
  }
  return null;
}

type Blocks = {
  /** The position of their list's closing bracket. */
  end: number;
  /** Whether one of them is an answer. */
  isAnswered: boolean;
};

/**
 * The blocks of the list that begins at `start`; null if it does not end, if it holds anything but blocks that begin with
 * their type, or if one of them has to be parsed: then the whole line is parsed.
 */
function skimBlocks(line: Buffer, start: number): Blocks | null {
  let depth = 1;
  /** The open brackets, the innermost in the lowest bit: 1 for a list. */
  let lists = 1;
  let isAnswered = false;
  for (let at = start; at < line.length; at += 1) {
    const byte = line[at] ?? 0;
    if (depth === 1 && byte === OPEN_OBJECT) {
      if (!begins(line, at, BLOCK)) return null;
      const answers: boolean | null = isAnswered || isAnswer(line, at);
      if (answers === null) return null;
      isAnswered = answers;
    } else if (depth === 1 && byte !== CLOSE_LIST && byte !== COMMA) return null;
    if (byte === QUOTE) {
      at = endOfString(line, at);
      if (at === -1) return null;
    } else if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
      if (depth === DEEPEST) return null;
      depth += 1;
      lists = (lists << 1) | (byte === OPEN_LIST ? 1 : 0);
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
      if ((lists & 1) !== (byte === CLOSE_LIST ? 1 : 0)) return null;
      depth -= 1;
      lists >>>= 1;
      if (depth === 0) return { end: at, isAnswered };
    }
  }
  return null;
}

/** Control characters, which JSON strings can't hold, and escapes that `JSON.stringify` does not write. */
const ODD = /[^ -\u00ff]|\\[^"\\bfnrt]/;

/**
 * The span of the first block's text, from quote to quote, if the block begins with its text, the text has something visible,
 * and it is written just as `JSON.stringify` writes it; null otherwise.
 */
export function skimText(line: Buffer): { start: number; end: number } | null {
  const at = line.indexOf(FIRST_TEXT);
  if (at === -1) return null;
  const start = at + FIRST_TEXT.length - 1;
  const end = endOfString(line, start) + 1;
  if (end === 0 || hasInk(line, start + 1) !== true) return null;
  const text = line.subarray(start, end);
  // Read as Latin-1, which is many times faster than decoding; whether the bytes are UTF-8 can be seen from that.
  return isUtf8(text) && !ODD.test(text.toString('latin1')) ? { start, end } : null;
}

/** A results line, reduced to what counting needs. */
type Skimmed = {
  /** Its text, with an empty list in place of its message's content if that was skipped. */
  text: string;
  /** Whether the content holds an answer; null if `text` has all of it. */
  isAnswered: boolean | null;
};

/**
 * Nearly all of a line of 3 KB is content, and counting needs to know only whether there is an answer in it: decoding and
 * parsing it took three quarters of a download's time. The sequence that is searched for can't be part of a string, where
 * its quotes would be escaped. A line without it, or with content that is not plain, is returned as it is.
 */
export function skimLine(line: Buffer): Skimmed {
  const at = line.indexOf(CONTENT);
  const start = at + CONTENT.length;
  const blocks = at === -1 ? null : skimBlocks(line, start);
  if (blocks === null) return { text: line.toString('utf8'), isAnswered: null };
  const { end, isAnswered } = blocks;
  return { text: line.toString('utf8', 0, start) + line.toString('utf8', end), isAnswered };
}
