import type { Growth } from '../lib/growing-file.ts';
import { dialectOf } from '../provider/dialects.ts';
import { createModelCatalog, type ModelCatalogOptions } from '../provider/models.ts';
import type { ProviderName } from '../provider/provider.ts';
import { batchFolder } from '../store/files/layout.ts';
import { readStoreFile } from '../store/files/store-files.ts';
import type { Part } from '../store/record.ts';
import { expectedTasks } from './expected-tasks.ts';
import { type Scan, scanResults } from './scan-results.ts';

/** A results file, and what it is scanned against: plain data, so that another thread can do it. */
export type ScanJob = {
  file: string;
  /** Where the batch is. */
  folder: string;
  part: Part;
  provider: ProviderName;
  /** Of the catalog that has the prices. */
  catalog: ModelCatalogOptions;
};

/** Scans a part's results while their file grows. Gives plain data. */
export async function scanPart(
  { file, folder, part, provider, catalog }: ScanJob,
  growth: Growth,
  onLines: (lines: number) => void,
): Promise<Scan> {
  const expected = await expectedTasks(batchFolder(folder), part);
  const chunks = readStoreFile(file, growth);
  const dialect = dialectOf(provider);
  const reading = { dialect, catalog: createModelCatalog(dialect.models, catalog) };
  const { index, ...sums } = await scanResults(chunks, expected, reading, onLines);
  return { ...sums, index: { rows: index.rows, resultsBytes: index.resultsBytes } };
}
