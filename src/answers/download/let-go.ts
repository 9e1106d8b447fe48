import { crc32 } from 'node:zlib';
import { BatchError } from '../../errors.ts';
import type { Context } from '../../state/context.ts';
import { downloadOf, isCreated, receivedOf, resultsOf, updatePart } from '../../state/parts.ts';
import { partExpiresAt } from '../../state/status.ts';
import type { BatchRecord, CreatedPart } from '../../store/record.ts';
import type { SavedResults } from '../../store/saved-results.ts';
import type { Blobs, Store } from '../../store/store.ts';
import { unpackPart } from '../packs/saved-scan.ts';

/**
 * Lets go of saved results that are gone from the disk, or are not what was written there, while the provider has them, so that
 * they are fetched again, under a name of their own; what lies there is left as it is. Gives the record as it is then.
 */
export async function letGoOfSpoilt(context: Context, record: BatchRecord): Promise<BatchRecord> {
  let current = record;
  for (const part of record.parts.filter(isCreated)) {
    const { results } = part.progress;
    if (results === null || part.reused_from !== undefined) continue;
    if (partExpiresAt(record, part) <= context.now().getTime()) continue;
    const fate = await fateOf(context, record, part, results);
    if (fate === 'whole' || (fate === 'changed' && !(await isAtProvider(context, record, part)))) continue;
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

/** What can't be looked at is there, and what can be made again of what was received. */
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
    const key = `${record.batch_id} ${name}`;
    return (await isAsWritten(context.store, key, blobs, name, results)) ? 'whole' : 'changed';
  } catch (error) {
    if (error instanceof BatchError) return 'whole';
    throw error;
  }
}

/** What can still be read, if not all of it, is given up for nothing less. */
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

/** What is longer takes too long to read at a look, where nobody has changed it. */
const MOST_SUMMED_BYTES = 16 * 1024 * 1024;
/** File systems of memory cards tell time in steps of two seconds. */
const TIME_STEP_MS = 2_000;

/** What was found to be as it was written, in this process, and when it had been changed last by then. */
const checked = new WeakMap<Store, Map<string, number | null>>();

async function isAsWritten(
  store: Store,
  key: string,
  blobs: Blobs,
  name: string,
  { crc, bytes, saved_at }: SavedResults,
): Promise<boolean> {
  const known = checked.get(store) ?? new Map<string, number | null>();
  checked.set(store, known);
  const changedAt = (await blobs.changedAt?.(name)) ?? null;
  if (crc === undefined || known.get(key) === changedAt) return true;
  const isLeft = changedAt === null || changedAt <= Date.parse(saved_at) + TIME_STEP_MS;
  if (bytes > MOST_SUMMED_BYTES && isLeft && !known.has(key)) {
    known.set(key, changedAt);
    return true;
  }
  let sum = 0;
  for await (const piece of blobs.read(name)) sum = crc32(piece, sum);
  if (sum === crc) known.set(key, changedAt);
  return sum === crc;
}
