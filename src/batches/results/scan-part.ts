import { createModelCatalog, type ModelCatalogOptions } from '../../provider/models.ts';
import { batchFolder } from '../../store/layout.ts';
import type { Part } from '../../store/record.ts';
import { expectedTasks } from './expected-tasks.ts';
import { type Scan, scanResults } from './scan-results.ts';

/** What results are scanned against: plain data, so that another thread can do it. */
export type ScanJob = {
  /** Where the batch is. */
  folder: string;
  part: Part;
  /** Of the catalog that has the prices. */
  catalog: ModelCatalogOptions;
};

/** Scans a part's results. Gives plain data. */
export async function scanPart(
  chunks: AsyncIterable<Uint8Array>,
  { folder, part, catalog }: ScanJob,
  onLines: (lines: number) => void,
): Promise<Scan> {
  const expected = await expectedTasks(batchFolder(folder), part);
  const { index, ...sums } = await scanResults(chunks, expected, createModelCatalog(catalog), onLines);
  return { ...sums, index: { rows: index.rows, resultsBytes: index.resultsBytes } };
}
