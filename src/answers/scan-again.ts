import { dialectOf } from '../provider/dialects.ts';
import type { Context } from '../state/context.ts';
import { isCreated, updatePart } from '../state/parts.ts';
import { partResults } from '../store/blob-names.ts';
import type { BatchRecord, CreatedPart } from '../store/record.ts';
import { writeResultsIndex } from '../store/results-index.ts';
import { type SavedResults, SCAN } from '../store/saved-results.ts';
import { loadAnswerCheck } from './check-answer.ts';
import { expectedTasks } from './expected-tasks.ts';
import { scannedResults } from './receive.ts';
import { scanResults } from './scan-results.ts';

/** Parts whose results an older version has judged: what counts as an answer has changed since. */
export function partsToScanAgain(record: BatchRecord): CreatedPart[] {
  return record.parts
    .filter(isCreated)
    .filter(({ progress }) => progress.results !== null && (progress.results.scan ?? 1) < SCAN);
}

/** Judges saved results anew, so that totals, pages and files say the same of them. What can't be read is left as it is. */
export async function scanAgain(context: Context, record: BatchRecord, part: CreatedPart): Promise<void> {
  const { results: known } = part.progress;
  if (known === null) return;
  const results = (await scanned(context, record, part, known)) ?? { ...known, scan: SCAN };
  await updatePart(context.store.record(record.batch_id), part.number, ({ progress }) =>
    progress.state === 'created' && progress.results?.saved_at === known.saved_at
      ? { ...progress, results }
      : null,
  );
}

async function scanned(
  context: Context,
  record: BatchRecord,
  part: CreatedPart,
  known: SavedResults,
): Promise<SavedResults | null> {
  const blobs = context.store.blobs(record.batch_id);
  const name = partResults(part.number);
  if ((await blobs.size(name)) !== known.bytes) return null;
  const expected = await expectedTasks(blobs, record, part);
  const check = expected.hasForms ? await loadAnswerCheck(blobs, record) : undefined;
  const reading = { dialect: dialectOf(record.provider), catalog: context.catalog, check };
  const { index, results } = scannedResults(await scanResults(blobs.read(name), expected, reading), part);
  await writeResultsIndex(blobs, part.number, index);
  // What it cost was reckoned at the prices of its day.
  return { ...results, saved_at: known.saved_at, usage: known.usage };
}
