import { decodeTime } from 'ulid';
import * as z from 'zod';
import { recordOrNull } from '../state/records.ts';
import type { BatchRecord } from '../store/record.ts';
import type { Store, Summaries } from '../store/store.ts';

const sameWork = z.object({ batch_id: z.string(), hash: z.string() });
type SameWork = z.infer<typeof sameWork>;

/** What the store of a process keeps of which batch holds which work. */
const readers = new WeakMap<Store, (ids: readonly string[]) => Promise<Summaries<SameWork>>>();

function readerOf(store: Store, hashOf: (record: BatchRecord) => string) {
  const make = (record: BatchRecord) => ({ batch_id: record.batch_id, hash: hashOf(record) });
  const read = readers.get(store) ?? store.summaries({ name: 'same-work-1', schema: sameWork, make });
  readers.set(store, read);
  return read;
}

/**
 * The batches whose records hold the work with this hash, newest first: the register that says which it is may have been
 * deleted. None older than `since`, by the time in its id.
 */
export async function* recordsOfWork(
  store: Store,
  hash: string,
  { hashOf, since }: { hashOf: (record: BatchRecord) => string; since: number },
): AsyncGenerator<BatchRecord> {
  const ids = await store.batchIds();
  const young = ids.filter((id) => decodeTime(id.slice('batch_'.length)) >= since);
  const { found } = await readerOf(store, hashOf)(young);
  for (const each of found) {
    const record = each.hash === hash ? await recordOrNull(store, each.batch_id) : null;
    if (record !== null) yield record;
  }
}
