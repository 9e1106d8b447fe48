import { gatherBytes } from '../../../lib/gathered-bytes.ts';

/** Records of a delimited text in a row, whole. */
export type RecordBlock = {
  /** In memory of its own, so that it can be handed to another thread. */
  bytes: Uint8Array<ArrayBuffer>;
  /** Of its first record, counted from 0; empty lines don't count. */
  first: number;
  records: number;
  /** Records in which something stands between a closing quote and the next delimiter. */
  strayQuotes: number[];
  /** Set where the record with the number `first` has no end: nothing after it can be read. */
  broken?: 'unclosed' | 'overlong';
};

const QUOTE = 0x22;
const NEWLINE = 10;
const RETURN = 13;
const BLOCK_BYTES = 1024 * 1024;
const ALL = Number.POSITIVE_INFINITY;

/** Pieces that end with a line, except for the last. */
async function* lineEnded(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let begun: Uint8Array[] = [];
  for await (const piece of pieces) {
    const end = piece.lastIndexOf(NEWLINE) + 1;
    if (end === 0) {
      begun.push(piece.slice());
      continue;
    }
    yield begun.length === 0
      ? Buffer.from(piece.subarray(0, end))
      : Buffer.concat([...begun, piece.subarray(0, end)]);
    begun = end < piece.length ? [piece.slice(end)] : [];
  }
  if (begun.length > 0) yield Buffer.concat(begun);
}

/** Where the records of a text end. Keeps its place, and whether it is within quotes, from one piece to the next. */
function createRecordFinder(delimiter: number) {
  let quoted = false;
  /** Whether a record has begun and not ended. */
  let begun = false;
  let strays: number[] = [];
  let records = 0;

  /** Where the last whole record of the piece ends, or that with the number `last`. */
  function find(bytes: Buffer, last: number): number {
    let end = 0;
    let at = 0;
    let start = begun ? -1 : 0;
    let quote = bytes.indexOf(QUOTE);
    let newline = bytes.indexOf(NEWLINE);
    for (;;) {
      if (quoted) {
        let close = at === 0 ? quote : bytes.indexOf(QUOTE, at);
        while (close !== -1 && bytes[close + 1] === QUOTE) close = bytes.indexOf(QUOTE, close + 2);
        if (close === -1) break;
        quoted = false;
        at = close + 1;
        const next = bytes[at];
        const ends =
          next === RETURN ? bytes[at + 1] === NEWLINE || at + 1 === bytes.length : next === NEWLINE;
        if (!ends && next !== undefined && next !== delimiter) strays.push(records);
        quote = bytes.indexOf(QUOTE, at);
        if (newline !== -1 && newline < at) newline = bytes.indexOf(NEWLINE, at);
      }
      while (newline !== -1 && (quote === -1 || newline < quote)) {
        const isBlank = newline === start || (newline === start + 1 && bytes[start] === RETURN);
        if (!isBlank) records += 1;
        at = newline + 1;
        start = at;
        end = at;
        if (!isBlank && records > last) {
          begun = false;
          return end;
        }
        newline = bytes.indexOf(NEWLINE, at);
      }
      if (quote === -1) break;
      // A quote in the middle of a field is a character like any other: 5" pipe.
      quoted = quote === start || bytes[quote - 1] === delimiter;
      at = quote + 1;
      if (!quoted) quote = bytes.indexOf(QUOTE, at);
    }
    begun = end < bytes.length;
    return end;
  }

  return {
    find,
    /** Whole ones so far. */
    get records() {
      return records;
    },
    get quoted() {
      return quoted;
    },
    takeStrays(): number[] {
      const taken = strays;
      strays = [];
      return taken;
    },
  };
}

/**
 * Cuts a delimited text (RFC 4180) into blocks of whole records, without reading their fields; the first block holds the
 * header line alone. A record of more than `longest` bytes is not assembled, as memory is limited.
 */
export async function* splitRecords(
  pieces: AsyncIterable<Uint8Array>,
  { delimiter, longest }: { delimiter: string; longest: number },
): AsyncGenerator<RecordBlock> {
  const finder = createRecordFinder(delimiter.charCodeAt(0));
  let held = gatherBytes(0);
  let first = 0;
  function take(): RecordBlock {
    const records = finder.records - first;
    const block = { bytes: held.bytes(), first, records, strayQuotes: finder.takeStrays() };
    held = gatherBytes(BLOCK_BYTES);
    first = finder.records;
    return block;
  }

  for await (const piece of lineEnded(pieces)) {
    let rest = piece;
    // What follows the header line is searched only once that has been found.
    for (const last of first === 0 ? [0, ALL] : [ALL]) {
      const end = last === 0 || first > 0 ? finder.find(rest, last) : 0;
      held.add(rest.subarray(0, end));
      rest = rest.subarray(end);
      if (end === 0) continue;
      const block = take();
      if (first > 0) yield block;
    }
    held.add(rest);
    if (held.length > longest) {
      yield { bytes: new Uint8Array(0), first, records: 1, strayQuotes: [], broken: 'overlong' };
      return;
    }
  }
  if (finder.quoted)
    yield { bytes: new Uint8Array(0), first, records: 1, strayQuotes: [], broken: 'unclosed' };
  // The last record may have no line end, so it was not counted.
  else if (held.length > 0) yield { ...take(), records: 1 };
}

/** Where a character comes next, for places that are asked for from left to right; the text's length where it does not. */
function placesOf(text: string, character: string): (from: number) => number {
  let next = -1;
  return (from) => {
    if (next < from) next = text.indexOf(character, from);
    if (next === -1) next = text.length;
    return next;
  };
}

/** The quote that closes a field which begins with the one at `open`; quotes within it are doubled. */
function closingQuote(text: string, open: number): number {
  let close = text.indexOf('"', open + 1);
  while (close !== -1 && text[close + 1] === '"') close = text.indexOf('"', close + 2);
  return close === -1 ? text.length : close;
}

/**
 * The records of a delimited text (RFC 4180), for the blocks that `splitRecords` cuts: whole records, and empty lines
 * don't count. It goes from quote to quote, as that does, which takes a tenth of csv-parse's way from byte to byte. A field is a
 * part of the text, and keeps all of it in memory.
 */
export function readRecords(text: string, delimiter: string): string[][] {
  const delimiterFrom = placesOf(text, delimiter);
  const newlineFrom = placesOf(text, '\n');
  const records: string[][] = [];
  for (let at = 0; at < text.length; ) {
    const line = newlineFrom(at);
    if (line === at || (line === at + 1 && text[at] === '\r')) {
      at = line + 1;
      continue;
    }
    const record: string[] = [];
    for (let isLast = false; !isLast; ) {
      const isQuoted = text[at] === '"';
      const close = isQuoted ? closingQuote(text, at) : at;
      const quoted = isQuoted ? text.slice(at + 1, close).replaceAll('""', '"') : '';
      const from = isQuoted ? close + 1 : at;
      const newline = newlineFrom(from);
      const end = Math.min(delimiterFrom(from), newline);
      isLast = end === newline;
      // A carriage return alone only ends the text after a quote.
      const isReturn = isLast && end > from && text[end - 1] === '\r' && (isQuoted || end < text.length);
      record.push(quoted + text.slice(from, isReturn ? end - 1 : end));
      at = end + 1;
    }
    records.push(record);
  }
  return records;
}
