const QUOTE = '"';
const RETURN = '\r';

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
  let close = text.indexOf(QUOTE, open + 1);
  while (close !== -1 && text[close + 1] === QUOTE) close = text.indexOf(QUOTE, close + 2);
  return close === -1 ? text.length : close;
}

/**
 * The records of a delimited text (RFC 4180), for the blocks that `splitRecords` cuts: whole records, and lines without anything
 * are none. It goes from quote to quote, as that does, which takes a tenth of csv-parse's way from byte to byte. A field is a
 * part of the text, and keeps all of it in memory.
 */
export function readRecords(text: string, delimiter: string): string[][] {
  const delimiterFrom = placesOf(text, delimiter);
  const newlineFrom = placesOf(text, '\n');
  const records: string[][] = [];
  for (let at = 0; at < text.length; ) {
    const line = newlineFrom(at);
    if (line === at || (line === at + 1 && text[at] === RETURN)) {
      at = line + 1;
      continue;
    }
    const record: string[] = [];
    for (let isLast = false; !isLast; ) {
      const isQuoted = text[at] === QUOTE;
      const close = isQuoted ? closingQuote(text, at) : at;
      const quoted = isQuoted ? text.slice(at + 1, close).replaceAll('""', QUOTE) : '';
      const from = isQuoted ? close + 1 : at;
      const newline = newlineFrom(from);
      const end = Math.min(delimiterFrom(from), newline);
      isLast = end === newline;
      // A carriage return alone ends nothing but the text behind a quote.
      const isReturn = isLast && end > from && text[end - 1] === RETURN && (isQuoted || end < text.length);
      record.push(quoted + text.slice(from, isReturn ? end - 1 : end));
      at = end + 1;
    }
    records.push(record);
  }
  return records;
}
