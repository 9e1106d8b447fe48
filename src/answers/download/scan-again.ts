import type { Context } from '../../state/context.ts';
import { downloadOf, isCreated, resultsOf, updatePart } from '../../state/parts.ts';
import type { BatchRecord, CreatedPart } from '../../store/record.ts';
import { writeResultsIndex } from '../../store/results-index.ts';
import { type SavedResults, SCAN } from '../../store/saved-results.ts';
import { scanSaved } from '../packs/saved-scan.ts';

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
  const name = resultsOf(part);
  if ((await blobs.size(name)) !== known.bytes) return null;
  const { index, results } = await scanSaved(context, record, part);
  await writeResultsIndex(blobs, part.number, index, downloadOf(part));
  // What it cost was reckoned at the prices of its day.
  const { saved_at, usage, provisional } = known;
  return { ...results, saved_at, usage, ...(provisional && { provisional }) };
}
