import { createFileWriter, type FileWriter } from '../../files/file-writer.ts';
import type { CreatedPart, SavedResults } from '../../store/record.ts';
import type { ResultsIndexData } from '../../store/results-index.ts';
import { inStore } from '../../store/store-failure.ts';
import { guardWriter } from '../../store/store-files.ts';
import type { Scan } from './scan-results.ts';
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
 * Receives a download into a new file, while `scan` reads it too. Where it is saved, it is through to the disk; the
 * file is the caller's to rename or remove, whatever becomes of this.
 */
export async function receive(
  chunks: AsyncIterable<Uint8Array>,
  { part, unfinished, target, last }: Reception,
  scan: (chunks: AsyncIterable<Uint8Array>) => Promise<Scan>,
): Promise<Received> {
  const file = await inStore('write', target, () => createFileWriter(unfinished));
  const writer = guardWriter(target, file);
  try {
    const found = await scan(written(chunks, writer));
    // What was taken for ours holds what we never sent: it is somebody else's.
    if (part.progress.tentative && found.strange.unknown > 0) return { kind: 'foreign' };
    if (!isWhole(found, part) && !last) return { kind: 'short', shortfall: shortfall(found, part) };
    const { sha256 } = await writer.finish();
    return { kind: 'saved', saved: scannedResults(found, sha256, part) };
  } finally {
    await writer.close();
  }
}

/** Writes what passes through. */
async function* written(chunks: AsyncIterable<Uint8Array>, writer: FileWriter): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    await writer.write(chunk);
    yield chunk;
  }
}

/** What is kept of results on disk. */
export function scannedResults({ index, ...scan }: Scan, sha256: string, part: CreatedPart): ScannedResults {
  return {
    index,
    results: {
      bytes: index.resultsBytes,
      sha256,
      outcomes: scan.outcomes,
      usage: scan.usage,
      failures: scan.failures,
      warnings: isWhole(scan, part) ? [] : [shortfallWarning(scan, part)],
    },
  };
}
