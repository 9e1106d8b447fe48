import { decodeTime } from 'ulid';
import * as z from 'zod';
import { BatchError } from '../errors.ts';
import { isWaiting } from '../state/parts.ts';
import { partBody } from '../store/names.ts';
import type { BatchRecord } from '../store/record.ts';
import type { Store, Summaries } from '../store/store.ts';
import { recordOrNull, unlessUnreadable } from '../store/stored-json.ts';

const sameWork = z.object({ batch_id: z.string(), hash: z.string() });
type SameWork = z.infer<typeof sameWork>;

/** The reader, per store, of which batch holds which work. */
const readers = new WeakMap<Store, (ids: readonly string[]) => Promise<Summaries<SameWork>>>();

function readerOf(store: Store, hashOf: (record: BatchRecord) => string) {
  const make = (record: BatchRecord) => ({ batch_id: record.batch_id, hash: hashOf(record) });
  const read = readers.get(store) ?? store.summaries({ name: 'same-work-1', schema: sameWork, make });
  readers.set(store, read);
  return read;
}

type Wanted = { hashOf: (record: BatchRecord) => string; since: number };

/** The summaries of the batches since `since`, by the time in their ids. */
async function readSince(store: Store, { hashOf, since }: Wanted): Promise<Summaries<SameWork>> {
  const ids = await store.batchIds();
  return readerOf(store, hashOf)(ids.filter((id) => decodeTime(id.slice('batch_'.length)) >= since));
}

/**
 * The batches no older than `since` whose records hold the work with this hash, newest first: the register that names
 * the batch may have been deleted.
 */
export async function* recordsOfWork(
  store: Store,
  hash: string,
  wanted: Wanted,
): AsyncGenerator<BatchRecord> {
  const { found } = await readSince(store, wanted);
  for (const each of found) {
    const record = each.hash === hash ? await recordOrNull(store, each.batch_id) : null;
    if (record !== null) yield record;
  }
}

/**
 * The newest batch with an unreadable record that may hold the work with this hash: it held it before, or nothing
 * shows what it holds, as no register names it either. Comes with the reason why it can't be read; null where there
 * is none.
 */
export async function hiddenWork(
  store: Store,
  hash: string,
  wanted: Wanted,
): Promise<{ batch_id: string; problem: string } | null> {
  const { found, damaged } = await readSince(store, wanted);
  const doubtful = [...damaged, ...found.filter((each) => each.hash === hash)];
  for (const { batch_id } of doubtful) {
    const problem = await problemOf(store, batch_id);
    if (problem !== null && (await mayHold(store, batch_id, hash, wanted))) return { batch_id, problem };
  }
  return null;
}

async function problemOf(store: Store, batchId: string): Promise<string | null> {
  try {
    await store.record(batchId).read();
    return null;
  } catch (error) {
    if (error instanceof BatchError && error.code.startsWith('store_')) return error.message;
    throw error;
  }
}

async function mayHold(store: Store, batchId: string, hash: string, { hashOf }: Wanted): Promise<boolean> {
  const revisions = (await unlessUnreadable(() => store.record(batchId).history())) ?? [];
  const last = revisions.at(-1)?.value;
  // A waiting batch gets another hash when its tasks are made.
  if (last !== undefined && !isWaiting(last)) return revisions.some(({ value }) => hashOf(value) === hash);
  if (await store.isSubmitted(batchId)) return false;
  // Of an adopted batch nothing was ever sent from here.
  const body = await unlessUnreadable(
    async () => (await store.blobs(batchId).size(partBody(1))) ?? ('none' as const),
  );
  return body !== 'none';
}
