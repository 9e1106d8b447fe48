import { BatchError } from '../errors.ts';
import { count } from '../lib/numbers.ts';
import { dialectOf } from './dialects.ts';
import type { Provider } from './provider.ts';

type Pieces = AsyncIterable<Uint8Array>;

const MEGABYTE = 1024 * 1024;
/** Many times the longest answer that a model can give, with everything that its tools brought. */
const LONGEST_LINE_BYTES = 32 * MEGABYTE;
/** Bounds per request on average, and for a small batch as a whole. */
const REQUEST_BYTES = 4 * MEGABYTE;
const LEAST_BYTES = 64 * MEGABYTE;

/** Includes the blank lines that gateways insert, and repeated ones. */
const LINES_A_REQUEST = 10;
const LEAST_LINES = 10_000;

const NEWLINE = 10;

/** How much of overlong lines is skipped in one download before it is given up. */
const MOST_SKIPPED_BYTES = 1024 * MEGABYTE;

/**
 * Streams a batch's results from the provider. Throws `api_uncertain` where there are more than its requests can have.
 */
export function boundedResults(provider: Provider, id: string, requests: number): Pieces {
  return bounded(provider.streamResults(id), {
    id,
    most: LEAST_BYTES + requests * REQUEST_BYTES,
    mostLines: LEAST_LINES + requests * LINES_A_REQUEST,
    mostSkipped: MOST_SKIPPED_BYTES,
    longestLine: LONGEST_LINE_BYTES,
    standIn: (head, tail, why) => dialectOf(provider.name).results.unread(head, tail, why),
  });
}

type Bounds = {
  id: string;
  most: number;
  mostLines: number;
  mostSkipped: number;
  longestLine: number;
  /** Makes the line that takes the place of one that is too long. */
  standIn: (head: string, tail: string, why: string) => string | null;
};

/**
 * Passes pieces on, and throws once there are more bytes or lines than there can be. A line longer than any answer
 * does not spoil the download: a line that says so takes its place.
 */
export async function* bounded(
  pieces: Pieces,
  { id, most, mostLines, mostSkipped, longestLine, standIn }: Bounds,
): Pieces {
  let bytes = 0;
  let lines = 0;
  let skippedBytes = 0;
  let begun: Uint8Array[] = [];
  let begunBytes = 0;
  const long: { line: Skipped | null } = { line: null };
  const why = `The line of this answer is longer than any answer (over ${megabytes(longestLine)}), and was not kept.`;
  const inPlaceOf = ({ head, tail }: Skipped) => {
    const line =
      standIn(head.toString('utf8'), tail.toString('utf8'), why) ??
      '(a line that was longer than any answer)';
    return Buffer.from(`${line}\n`);
  };
  for await (const piece of pieces) {
    let rest = piece;
    if (long.line !== null) {
      const end = rest.indexOf(NEWLINE);
      const over = end === -1 ? rest : rest.subarray(0, end);
      skippedBytes += over.length;
      if (skippedBytes > mostSkipped)
        throw tooMuch(`The results of ${id} have lines longer than any answer`, megabytes(mostSkipped));
      long.line = { ...long.line, tail: lastOf(long.line.tail, over) };
      if (end === -1) continue;
      yield inPlaceOf(long.line);
      long.line = null;
      rest = rest.subarray(end + 1);
    }
    bytes += rest.length;
    if (bytes > most)
      throw tooMuch(`The results of ${id} are larger than its requests can have`, megabytes(most));
    lines += linesIn(rest);
    if (lines > mostLines)
      throw tooMuch(`The results of ${id} have more lines than its requests can have`, count(mostLines));
    const end = rest.lastIndexOf(NEWLINE) + 1;
    if (end > 0) {
      yield* begun;
      yield rest.subarray(0, end);
      begun = [];
      begunBytes = 0;
      rest = rest.subarray(end);
    }
    if (rest.length === 0) continue;
    begun.push(rest);
    begunBytes += rest.length;
    if (begunBytes <= longestLine) continue;
    bytes -= begunBytes;
    skippedBytes += begunBytes;
    const [head = rest] = begun;
    long.line = { head: Buffer.from(head.subarray(0, KEPT_BYTES)), tail: lastOf(Buffer.alloc(0), rest) };
    begun = [];
    begunBytes = 0;
  }
  if (long.line !== null) yield inPlaceOf(long.line);
  yield* begun;
}

/** The beginning and the end of a skipped line: its id is in one of them. */
type Skipped = { head: Buffer; tail: Buffer };
const KEPT_BYTES = 1024;

function lastOf(tail: Buffer, next: Uint8Array): Buffer {
  return Buffer.concat([tail, next.subarray(Math.max(0, next.length - KEPT_BYTES))]).subarray(-KEPT_BYTES);
}

const megabytes = (bytes: number) => `${Math.round(bytes / MEGABYTE)} MB`;

function linesIn(piece: Uint8Array): number {
  let lines = 0;
  for (let at = piece.indexOf(NEWLINE); at !== -1; at = piece.indexOf(NEWLINE, at + 1)) lines += 1;
  return lines;
}

function tooMuch(what: string, most: string): BatchError {
  return new BatchError(
    'api_uncertain',
    `${what} (over ${most}), and they were not read on. None of them was kept: ask the person to look ` +
      'at what answers in place of the API (ANTHROPIC_BASE_URL, a proxy), then call batch_status.',
  );
}
