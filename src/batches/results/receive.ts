import { createFileWriter, type FileWriter } from '../../files/file-writer.ts';
import { createModelCatalog, type ModelCatalogOptions } from '../../provider/models.ts';
import { batchFolder } from '../../store/layout.ts';
import type { CreatedPart, SavedResults } from '../../store/record.ts';
import type { ResultsIndexData } from '../../store/results-index.ts';
import { inStore } from '../../store/store-failure.ts';
import { guardWriter } from '../../store/store-files.ts';
import { expectedTasks } from './expected-tasks.ts';
import { type Scan, scanResults } from './scan-results.ts';
import { isWhole, shortfall, shortfallWarning } from './shortfall.ts';

/** A download to be received: plain data, so that another thread can do it. */
export type Reception = {
  /** Where the batch is. */
  folder: string;
  part: CreatedPart;
  /** Of the catalog that has the prices. */
  catalog: ModelCatalogOptions;
  /** The file to be made, and the one that it is to become. */
  unfinished: string;
  target: string;
  /** Whether it is not fetched again, so that what it lacks is missing. */
  last: boolean;
};

/** What a download is: somebody else's, not whole, or saved in the unfinished file. Plain data. */
export type Received =
  | { kind: 'foreign' }
  | { kind: 'short'; shortfall: string }
  | { kind: 'saved'; saved: ScannedResults };

/** Results with all that was found out in one pass over them. */
export type ScannedResults = { index: ResultsIndexData; results: Omit<SavedResults, 'saved_at'> };

/**
 * Receives a download into a new file, checked and counted as it comes. Where it is saved, it is through to the
 * disk; the file is the caller's to rename or remove, whatever becomes of this.
 */
export async function receive(
  chunks: AsyncIterable<Uint8Array>,
  { folder, part, catalog, unfinished, target, last }: Reception,
  onLines: (lines: number) => void,
): Promise<Received> {
  const expected = await expectedTasks(batchFolder(folder), part);
  const file = await inStore('write', target, () => createFileWriter(unfinished));
  const writer = guardWriter(target, file);
  try {
    const scan = await scanResults(written(chunks, writer), expected, createModelCatalog(catalog), onLines);
    // What was taken for ours holds what we never sent: it is somebody else's.
    if (part.progress.tentative && scan.strange.unknown > 0) return { kind: 'foreign' };
    if (!isWhole(scan, part) && !last) return { kind: 'short', shortfall: shortfall(scan, part) };
    const { sha256 } = await writer.finish();
    return { kind: 'saved', saved: scannedResults(scan, sha256, part) };
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
export function scannedResults(scan: Scan, sha256: string, part: CreatedPart): ScannedResults {
  const { rows, resultsBytes } = scan.index;
  return {
    index: { rows, resultsBytes },
    results: {
      bytes: resultsBytes,
      sha256,
      outcomes: scan.outcomes,
      usage: scan.usage,
      failures: scan.failures,
      warnings: isWhole(scan, part) ? [] : [shortfallWarning(scan, part)],
    },
  };
}
