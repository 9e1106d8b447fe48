import { dialectOf } from '../provider/dialects.ts';
import type { Context } from '../state/context.ts';
import type { BatchRecord, CreatedPart } from '../store/record.ts';
import type { ResultsIndex } from '../store/results-index.ts';
import type { Pieces } from '../store/store.ts';
import { loadAnswerCheck } from './check-answer.ts';
import { expectedTasks } from './expected-tasks.ts';
import { type Scan, scanResults } from './scan-results.ts';

/** Scans a part's results as they come, against the tasks that it was sent with. */
export async function scanPart(
  context: Pick<Context, 'store' | 'catalog'>,
  record: BatchRecord,
  part: CreatedPart,
  chunks: Pieces,
  onLine?: (lines: number) => void,
): Promise<Scan & { index: ResultsIndex }> {
  const blobs = context.store.blobs(record.batch_id);
  const expected = await expectedTasks(blobs, record, part);
  const check = expected.hasForms ? await loadAnswerCheck(blobs, record) : undefined;
  const reading = { dialect: dialectOf(record.provider), catalog: context.catalog, check };
  return scanResults(chunks, expected, reading, onLine);
}
