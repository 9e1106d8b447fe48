import { BatchError } from '../errors.ts';
import { dialectOf } from '../provider/dialects.ts';
import type { Context } from '../state/context.ts';
import { isCreated } from '../state/parts.ts';
import { readStoreFile } from '../store/files/store-files.ts';
import { readPartTasks } from '../store/part-tasks.ts';
import type { BatchRecord, CreatedPart, Part } from '../store/record.ts';
import { type ResultsIndex, readResultsIndex, writeResultsIndex } from '../store/results-index.ts';
import type { BatchFolder } from '../store/store.ts';
import { expectedTasks } from './expected-tasks.ts';
import type { AttemptedPart } from './merge.ts';
import { scanResults } from './scan-results.ts';

/** A part of an opened view. */
export type ViewedPart = AttemptedPart & {
  /** Its results file, which is there where the index is. */
  readonly path: string;
  /** Which of its tasks were asked for JSON, where the part's own list tells; else the batch's list does. */
  readonly structured: ReadonlySet<number> | null;
};

/** What is on disk of a part: where its answers stand, and its tasks where it lists them. */
export async function viewPart(context: Context, record: BatchRecord, part: Part): Promise<ViewedPart> {
  const folder = context.store.folder(record.batch_id);
  const path = folder.partResults(part.number);
  const saved = isCreated(part) && part.progress.results !== null;
  const index = saved ? await openIndex(context, record, part, path) : null;
  return { part, path, index, ...(await listOf(folder, part)) };
}

async function listOf(folder: BatchFolder, part: Part): Promise<Pick<ViewedPart, 'listed' | 'structured'>> {
  if (part.tasks === 'run') return { listed: null, structured: null };
  const listed = new Uint32Array(part.request_count);
  const structured = new Set<number>();
  let position = 0;
  for await (const tasks of readPartTasks(folder.partTasks(part.number), part.request_count)) {
    for (const task of tasks) {
      listed[position] = task.ordinal;
      position += 1;
      if (task.structured) structured.add(task.ordinal);
    }
  }
  return { listed, structured };
}

/** A part's index; one that is lost or damaged is made again from the results. */
async function openIndex(
  context: Context,
  record: BatchRecord,
  part: CreatedPart,
  path: string,
): Promise<ResultsIndex> {
  const bytes = part.progress.results?.bytes ?? 0;
  const folder = context.store.folder(record.batch_id);
  const indexPath = folder.partResultsIndex(part.number);
  const known = await readResultsIndex(indexPath, bytes);
  if (known !== null) return known;
  const expected = await expectedTasks(folder, part);
  const { index } = await scanResults(readStoreFile(path), expected, {
    dialect: dialectOf(record.provider),
    catalog: context.catalog,
  });
  if (index.resultsBytes !== bytes) {
    throw new BatchError(
      'store_damaged',
      `The results file of part ${part.number} is not as it was saved: ${path}.`,
    );
  }
  await writeResultsIndex(indexPath, index);
  return index;
}
