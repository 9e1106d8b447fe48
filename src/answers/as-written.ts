import { crc32 } from 'node:zlib';
import type { SavedResults } from '../store/saved-results.ts';
import type { Blobs, Store } from '../store/store.ts';

/** Reading larger results takes too long for a look, so they are read only if their time shows a change. */
const MOST_SUMMED_BYTES = 16 * 1024 * 1024;
/** The file systems of memory cards keep times in steps of two seconds. */
const TIME_STEP_MS = 2_000;

/** The results that this process found to be as written, and when they had changed last at that time. */
const checked = new WeakMap<Store, Map<string, number | null>>();

/** Whether saved results of the right length are what was written; a process reads each content only once. */
export async function isAsWritten(
  store: Store,
  batchId: string,
  name: string,
  { crc, bytes, saved_at }: SavedResults,
): Promise<boolean> {
  const key = `${batchId} ${name}`;
  const blobs: Blobs = store.blobs(batchId);
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
