import { BatchError } from '../../errors.ts';
import type { Context } from '../../state/context.ts';
import { downloadOf, isCreated, receivedOf, resultsOf, updatePart } from '../../state/parts.ts';
import { partExpiresAt } from '../../state/status.ts';
import type { BatchRecord, CreatedPart } from '../../store/record.ts';
import type { SavedResults } from '../../store/saved-results.ts';
import { isAsWritten } from '../as-written.ts';
import { unpackPart } from '../packs/saved-scan.ts';

/**
 * Lets go of saved results that are gone from disk, or changed there, while the provider still has them, so that they
 * are fetched again under a new name; the old blob is left alone. Returns the record as it is then; adds results that
 * can't be fetched again to `failures`.
 */
export async function letGoOfSpoilt(
  context: Context,
  record: BatchRecord,
  failures: BatchError[],
): Promise<BatchRecord> {
  let current = record;
  for (const part of record.parts.filter(isCreated)) {
    const { results } = part.progress;
    if (results === null || part.reused_from !== undefined) continue;
    const isOver = partExpiresAt(record, part) <= context.now().getTime();
    const fate = await fateOf(context, record, part, results);
    if (fate === 'whole' || (fate === 'gone' && isOver)) continue;
    if (fate === 'changed' && (isOver || !(await isAtProvider(context, record, part)))) {
      failures.push(changedForGood(context.store.blobs(record.batch_id).describe(resultsOf(part))));
      continue;
    }
    context.log(
      'warn',
      `${record.batch_id}: the results of part ${part.number} are ${fate} on the disk, and fetched again`,
    );
    const changed = await updatePart(context.store.record(record.batch_id), part.number, ({ progress }) =>
      progress.state === 'created' && progress.results?.saved_at === results.saved_at
        ? { ...progress, results: null, download: downloadOf(part) + 1 }
        : null,
    );
    current = changed.record ?? current;
  }
  return current;
}

function changedForGood(place: string): BatchError {
  return new BatchError(
    'store_damaged',
    `${place} is not what was written there, and the API does not give these results again: answers in it may not be as they came. ` +
      'Restore it from a backup.',
  );
}

/** Counts as whole what can't be looked at now, and what can be remade from the received lines. */
async function fateOf(
  context: Context,
  record: BatchRecord,
  part: CreatedPart,
  results: SavedResults,
): Promise<'whole' | 'changed' | 'gone'> {
  const blobs = context.store.blobs(record.batch_id);
  const name = resultsOf(part);
  try {
    if ((await blobs.size(receivedOf(part))) === null) return 'gone';
    if (part.packs !== undefined && (await blobs.size(name)) === null)
      await unpackPart(context, record, part);
    if ((await blobs.size(name)) !== results.bytes) return 'changed';
    return (await isAsWritten(context.store, record.batch_id, name, results)) ? 'whole' : 'changed';
  } catch (error) {
    if (error instanceof BatchError) return 'whole';
    throw error;
  }
}

/** Partly readable results are given up only for results that are certainly there. */
async function isAtProvider(
  context: Context,
  { provider }: BatchRecord,
  part: CreatedPart,
): Promise<boolean> {
  try {
    await context.provider(provider).retrieveBatch(part.progress.provider_batch_id);
    return true;
  } catch (error) {
    if (error instanceof BatchError) return false;
    throw error;
  }
}
