import type { BlobWriter } from '../../store/blob-writer.ts';
import type { CreatedPart } from '../../store/record.ts';
import type { ResultsIndexData } from '../../store/results-index.ts';
import { type SavedResults, SCAN } from '../../store/saved-results.ts';
import type { Pieces } from '../../store/store.ts';
import type { Scan } from './scan-results.ts';
import { isWhole, linesCounted, requireResults, shortfall, shortfallWarning } from './shortfall.ts';

/** A download to be received. */
type Reception = {
  part: CreatedPart;
  /** The blob that it becomes. */
  blob: BlobWriter;
  /** Whether it is not fetched again, so that what it lacks is missing. */
  last: boolean;
};

/** What a download is: somebody else's, not whole, or saved; `taken` where another process saved its own meanwhile. */
export type Received =
  | { kind: 'foreign' }
  /** `unproven`: of a part that was taken for ours, whose mark may hide in what can't be read. */
  | { kind: 'short'; shortfall: string; unproven: boolean }
  | { kind: 'taken' }
  | { kind: 'saved'; scan: Scan };

/** Results with all that was found out in one pass over them. */
export type ScannedResults = { index: ResultsIndexData; results: Omit<SavedResults, 'saved_at'> };

/** Receives a download into a blob, and scans it on the way. Nothing is left of it where it is not saved. */
export async function receive(
  chunks: Pieces,
  { part, blob, last }: Reception,
  scan: (chunks: Pieces) => Promise<Scan>,
): Promise<Received> {
  try {
    const found = await scan(saving(chunks, blob));
    requireResults(found, part);
    const proof = part.progress.tentative ? provenBy(found, part) : 'ours';
    if (proof === 'foreign' || (proof === 'without_mark' && last)) return { kind: 'foreign' };
    if (proof !== 'ours' || (!isWhole(found, part) && !last)) {
      return { kind: 'short', shortfall: shortfall(found, part), unproven: proof === 'unproven' };
    }
    if ((await blob.finish()) === null) return { kind: 'taken' };
    return { kind: 'saved', scan: found };
  } finally {
    await blob.abort();
  }
}

/**
 * What a download says of a part that was taken for ours. Its mark decides, whatever else is wrong with the lines; where it
 * is not among them, that counts only for a whole download in which none could hide it, and for the last of several.
 * Of a part without a mark the ids decide.
 */
function provenBy(
  { isMarked, lines, strange }: Scan,
  part: CreatedPart,
): 'ours' | 'without_mark' | 'foreign' | 'unproven' {
  if (isMarked === null) return strange.unknown > 0 ? 'foreign' : 'ours';
  if (isMarked) return 'ours';
  return lines >= linesCounted(part) && strange.unreadable === 0 ? 'without_mark' : 'unproven';
}

/** The chunks as they come, each given to the blob first: the disk works while they are looked at. */
export async function* saving(chunks: Pieces, blob: BlobWriter): Pieces {
  for await (const chunk of chunks) {
    await blob.give(chunk);
    yield chunk;
  }
}

/** What is kept of saved results. */
export function scannedResults(
  { index, ...scan }: Scan,
  part: CreatedPart,
  known: { isWhole: boolean } = { isWhole: isWhole(scan, part) },
): ScannedResults {
  return {
    index,
    results: {
      scan: SCAN,
      bytes: index.resultsBytes,
      crc: scan.crc,
      outcomes: scan.outcomes,
      usage: scan.usage,
      failures: scan.failures,
      warnings: [
        ...(known.isWhole ? [] : [shortfallWarning(scan, part)]),
        ...fencedWarning(scan),
        ...uncheckedWarning(scan),
        ...uncountedWarning(scan),
      ],
    },
  };
}

/** Taken, for the JSON in it is right, and said. */
function fencedWarning({ fenced }: Pick<Scan, 'fenced'>): string[] {
  if (fenced === 0) return [];
  return [
    `${fenced} ${fenced === 1 ? 'answer' : 'answers'} gave JSON in a fenced block, from which it was extracted.`,
  ];
}

/** They may be right: to send them again by itself would cost as much, and end alike. */
function uncheckedWarning({ unchecked }: Pick<Scan, 'unchecked'>): string[] {
  const { count, sample_ordinals, why } = unchecked;
  if (count === 0) return [];
  const places = sample_ordinals.map((ordinal) => ordinal + 1).join(', ');
  const which = count > sample_ordinals.length ? `${places}, …` : places;
  const [answers, tasks, they] =
    count === 1
      ? ['1 answer', 'task', 'It counts as succeeded: look at it']
      : [`${count} answers`, 'tasks', 'They count as succeeded: look at them'];
  return [
    `${answers} (to ${tasks} ${which} in the order given) could not be checked against the output_schema: ${why}. ${they} before use.`,
  ];
}

/** An answer is never hostage to its accounting. */
function uncountedWarning({ uncounted }: Pick<Scan, 'uncounted'>): string[] {
  if (uncounted === 0) return [];
  return [
    `The usage of ${uncounted} ${uncounted === 1 ? 'answer' : 'answers'} can't be read in full: the actual cost leaves out ` +
      'what is missing there, and so is at least what is told.',
  ];
}
