import { BatchError } from '../errors.ts';
import { type IndexFormat, readIndexBlob, writeIndexBlob } from './index-blob.ts';
import { partResultsIndex } from './names.ts';
import { type Outcome, outcomes } from './saved-results.ts';
import type { Blobs } from './store.ts';

/** Where one task's answer stands in its part's results, in bytes, and what became of the task. */
export type ResultPlace = {
  ordinal: number;
  outcome: Outcome;
  /** Whether the model declined, where the outcome is `incomplete`: an answer that was cut off is worth more. */
  declined: boolean;
  offset: number;
  /** Without the newline. */
  length: number;
};

/** An index as it is written: plain data, which passes between threads. */
export type ResultsIndexData = {
  /** As on disk. */
  readonly rows: Uint8Array;
  /** Bytes of the results that it describes. */
  readonly resultsBytes: number;
};

/** The places of a part's answers, ascending by ordinal: 17 bytes each, in memory as on disk. */
export type ResultsIndex = ResultsIndexData & {
  readonly count: number;
  /** The i-th place, 0 being the first. */
  at(i: number): ResultPlace;
  /** Only the ordinal of the i-th place. */
  ordinal(i: number): number;
  /** Only the outcome of the i-th place. */
  outcome(i: number): Outcome;
  /** Whether the model declined, of the i-th place alone. */
  declined(i: number): boolean;
  /** The place of a task, null where the part has none for it. */
  find(ordinal: number): ResultPlace | null;
};

type ResultsIndexBuilder = {
  /** In any order; a later position has a higher ordinal. Takes the place of what was added there before. */
  add(position: number, place: ResultPlace): void;
  /** What became of the task whose place was added there. */
  outcome(position: number): Pick<ResultPlace, 'outcome' | 'declined'>;
  finish(resultsBytes: number): ResultsIndex;
};

const FORMAT: IndexFormat = { magic: 'BMRI', version: 2, rowBytes: 17 };
// A row, little endian: ordinal (4 bytes), length (4), offset (8, a double), the outcome's code (1), whose
// highest bit says that the model declined.
const LENGTH = 4;
const OFFSET = 8;
const OUTCOME = 16;
const DECLINED = 0x80;

/** The codes of outcomes on disk are their places in `outcomes`: that list may only grow at its end. */
function outcomeOf(code: number): Outcome {
  const outcome = outcomes[code];
  if (outcome === undefined) throw new BatchError('internal', `No outcome has the code ${code}.`);
  return outcome;
}

function createIndex(rows: Buffer, resultsBytes: number): ResultsIndex {
  const count = rows.length / FORMAT.rowBytes;
  const ordinal = (i: number) => rows.readUInt32LE(i * FORMAT.rowBytes);
  const code = (i: number) => rows.readUInt8(i * FORMAT.rowBytes + OUTCOME);
  const outcome = (i: number) => outcomeOf(code(i) & ~DECLINED);
  const declined = (i: number) => (code(i) & DECLINED) !== 0;
  const at = (i: number): ResultPlace => ({
    ordinal: ordinal(i),
    outcome: outcome(i),
    declined: declined(i),
    offset: rows.readDoubleLE(i * FORMAT.rowBytes + OFFSET),
    length: rows.readUInt32LE(i * FORMAT.rowBytes + LENGTH),
  });
  return {
    rows,
    count,
    resultsBytes,
    at,
    ordinal,
    outcome,
    declined,
    find(wanted) {
      if (count === 0) return null;
      // Nearly every part has all its answers: its ordinals have no gap.
      const likely = wanted - ordinal(0);
      if (likely >= 0 && likely < count && ordinal(likely) === wanted) return at(likely);
      let low = 0;
      let high = count;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (ordinal(middle) < wanted) low = middle + 1;
        else high = middle;
      }
      return low < count && ordinal(low) === wanted ? at(low) : null;
    },
  };
}

/**
 * Collects places as a download's lines come, in whatever order; `capacity` is how many positions there are. Each goes
 * where it belongs at once: to sort a hundred thousand at the end holds up everything else for longer than a call may take.
 */
export function createResultsIndexBuilder(capacity: number): ResultsIndexBuilder {
  const rows = Buffer.alloc(capacity * FORMAT.rowBytes);
  const taken = new Uint8Array(capacity);
  let count = 0;

  /** The rows without gaps, of which a whole download, as nearly every one is, has none. */
  function packed(): Buffer {
    if (count === capacity) return rows;
    const runs: Buffer[] = [];
    for (let from = taken.indexOf(1); from !== -1; ) {
      const gap = taken.indexOf(0, from);
      const end = gap === -1 ? capacity : gap;
      runs.push(rows.subarray(from * FORMAT.rowBytes, end * FORMAT.rowBytes));
      from = taken.indexOf(1, end);
    }
    return Buffer.concat(runs);
  }

  return {
    add(position, { ordinal, outcome, declined, offset, length }) {
      if (position >= capacity) {
        throw new BatchError('internal', `A results index made for ${capacity} answers got one more.`);
      }
      const row = position * FORMAT.rowBytes;
      rows.writeUInt32LE(ordinal, row);
      rows.writeUInt32LE(length, row + LENGTH);
      rows.writeDoubleLE(offset, row + OFFSET);
      rows.writeUInt8(outcomes.indexOf(outcome) | (declined ? DECLINED : 0), row + OUTCOME);
      if (taken[position] === 0) count += 1;
      taken[position] = 1;
    },
    outcome(position) {
      const code = rows.readUInt8(position * FORMAT.rowBytes + OUTCOME);
      return { outcome: outcomeOf(code & ~DECLINED), declined: (code & DECLINED) !== 0 };
    },
    finish: (resultsBytes) => createIndex(packed(), resultsBytes),
  };
}

/** Writes the index of a part's results, replacing one that may be there. */
export async function writeResultsIndex(
  blobs: Blobs,
  part: number,
  index: ResultsIndexData,
  download?: number,
): Promise<void> {
  await writeIndexBlob(blobs, partResultsIndex(part, download), FORMAT, index.resultsBytes, index.rows);
}

/**
 * The index of a part's results; null where it is missing, damaged, or not for results of that many bytes: then
 * the caller rebuilds it from the results.
 */
export async function readResultsIndex(
  blobs: Blobs,
  part: number,
  expectedResultsBytes: number,
  download?: number,
): Promise<ResultsIndex | null> {
  const rows = await readIndexBlob(blobs, partResultsIndex(part, download), FORMAT, expectedResultsBytes);
  if (rows === null) return null;
  for (let code = OUTCOME; code < rows.length; code += FORMAT.rowBytes) {
    // Written by a later version, which knows outcomes that this one does not.
    if ((rows.readUInt8(code) & ~DECLINED) >= outcomes.length) return null;
  }
  return createIndex(rows, expectedResultsBytes);
}
