import { createPieceCollector } from '../lib/collect-pieces.ts';
import { createFileWriter } from '../lib/file-writer.ts';
import { flushWhenIdle } from '../lib/flush-when-idle.ts';
import { inStore } from '../store/files/store-failure.ts';
import { guardWriter } from '../store/files/store-files.ts';
import type { CreatedPart, SavedResults } from '../store/record.ts';
import type { ResultsIndexData } from '../store/results-index.ts';
import type { Scan } from './scan-results.ts';
import type { Scanning } from './scanning.ts';
import { isWhole, shortfall, shortfallWarning } from './shortfall.ts';

/** A download to be received. */
export type Reception = {
  part: CreatedPart;
  /** The file to be made, and the one that it is to become. */
  unfinished: string;
  target: string;
  /** Whether it is not fetched again, so that what it lacks is missing. */
  last: boolean;
};

/** What a download is: somebody else's, not whole, or saved in the unfinished file. */
export type Received =
  | { kind: 'foreign' }
  | { kind: 'short'; shortfall: string }
  | { kind: 'saved'; saved: ScannedResults };

/** Results with all that was found out in one pass over them. */
export type ScannedResults = { index: ResultsIndexData; results: Omit<SavedResults, 'saved_at'> };

/**
 * Receives a download into a new file, which is scanned while it grows. Where it is saved, it is through to the disk; the
 * file is the caller's to rename or remove, whatever becomes of this.
 */
export async function receive(
  chunks: AsyncIterable<Uint8Array>,
  { part, unfinished, target, last }: Reception,
  startScan: (file: string) => Scanning,
): Promise<Received> {
  const scan = await save(chunks, unfinished, target, startScan);
  // What was taken for ours holds what we never sent: it is somebody else's.
  if (part.progress.tentative && scan.strange.unknown > 0) return { kind: 'foreign' };
  if (!isWhole(scan, part) && !last) return { kind: 'short', shortfall: shortfall(scan, part) };
  return { kind: 'saved', saved: scannedResults(scan, part) };
}

/** The scan is told of so many bytes at once, for to wake its thread costs as much as to scan some dozen lines. */
const TOLD_BYTES = 512 * 1024;
/** While nothing comes, what has come is brought to the scan this often. */
const IDLE_MS = 500;

async function save(
  chunks: AsyncIterable<Uint8Array>,
  unfinished: string,
  target: string,
  startScan: (file: string) => Scanning,
): Promise<Scan> {
  const file = await inStore('write', target, () => createFileWriter(unfinished));
  const writer = guardWriter(target, file);
  const scanning = startScan(unfinished);
  const doneWith = createPieceCollector();
  let told = 0;
  function tell(): void {
    if (writer.written === told) return;
    told = writer.written;
    scanning.reach(told);
  }
  const idle = flushWhenIdle(writer, tell, IDLE_MS);
  try {
    for await (const chunk of chunks) {
      await idle.resume();
      await writer.give(chunk);
      if (writer.written - told >= TOLD_BYTES) tell();
      if (scanning.failed) break;
      doneWith(chunk.length);
      idle.pause();
    }
    await idle.resume();
    await writer.flush();
    // The rest of the scan takes about as long as the disk does.
    const [scanned, written] = await Promise.allSettled([scanning.finish(writer.written), writer.finish()]);
    if (scanned.status === 'rejected') throw scanned.reason;
    if (written.status === 'rejected') throw written.reason;
    return scanned.value;
  } finally {
    idle.end();
    await scanning.stop();
    await writer.close();
  }
}

/** What is kept of results on disk. */
export function scannedResults({ index, ...scan }: Scan, part: CreatedPart): ScannedResults {
  return {
    index,
    results: {
      bytes: index.resultsBytes,
      outcomes: scan.outcomes,
      usage: scan.usage,
      failures: scan.failures,
      warnings: isWhole(scan, part) ? [] : [shortfallWarning(scan, part)],
    },
  };
}
