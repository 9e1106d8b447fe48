import { encodeTime } from 'ulid';
import * as z from 'zod';
import { BatchError } from '../errors.ts';
import { sha256OfText } from '../lib/files/file-hash.ts';
import { isWaiting } from '../state/parts.ts';
import { apartOf } from '../state/subject.ts';
import { partBody } from '../store/names.ts';
import type { BatchRecord } from '../store/record.ts';
import type { DamagedBatch, Store } from '../store/store.ts';
import { recordOrNull, summaryReader, unlessUnreadable } from '../store/stored-json.ts';

const sameWork = z.object({
  batch_id: z.string(),
  hash: z.string(),
  /** A waiting batch gets another hash when its tasks are made. */
  waits: z.boolean(),
});
type SameWork = z.infer<typeof sameWork>;

const readSameWork = summaryReader({
  name: 'same-work-2',
  schema: sameWork,
  make: (record) => ({
    batch_id: record.batch_id,
    hash: submissionHash(record),
    waits: isWaiting(record),
  }),
  isFinal: ({ waits }) => !waits,
});

/**
 * The hash that identifies a submission: by its idempotency key where it has one, otherwise by its content; separate
 * for each user where users are kept apart.
 */
export function submissionHash(mark: SubmissionMark): string {
  const { content_hash, idempotency_key } = mark;
  const hash = idempotency_key === null ? content_hash : sha256OfText(`idempotency key\n${idempotency_key}`);
  const apart = apartOf(mark);
  return apart === '' ? hash : sha256OfText(`${apart}\n${hash}`);
}

export type SubmissionMark = Pick<BatchRecord, 'content_hash' | 'idempotency_key' | 'user' | 'apart'>;

/** The batches whose records hold some work, or may hold it, newest first. */
export type HeldWork = { records: readonly SameWork[]; damaged: readonly DamagedBatch[] };

/**
 * Looks for work by its hash in the records of all batches: the register that names the batch may have been deleted, and an old
 * batch may have been sent lately. Unreadable ones are those made at `since`, in milliseconds, or later.
 */
export async function lookForWork(store: Store, hash: string, since: number): Promise<HeldWork> {
  const { found, damaged } = await readSameWork(store, await store.batchIds());
  // Ids begin with their time and sort by it.
  const oldest = `batch_${encodeTime(Math.max(0, since))}`;
  return {
    records: found.filter((each) => each.hash === hash),
    damaged: damaged.filter(({ batch_id }) => batch_id >= oldest),
  };
}

/** The records among them that can be read. One that was exchanged since is of other work. */
export async function* recordsOf(store: Store, { records }: HeldWork): AsyncGenerator<BatchRecord> {
  for (const { batch_id, hash } of records) {
    const record = await recordOrNull(store, batch_id);
    if (record !== null && submissionHash(record) === hash) yield record;
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
  { records, damaged }: HeldWork,
): Promise<{ batch_id: string; problem: string } | null> {
  for (const { batch_id } of [...damaged, ...records]) {
    const problem = await problemOf(store, batch_id);
    if (problem !== null && (await mayHold(store, batch_id, hash))) return { batch_id, problem };
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

async function mayHold(store: Store, batchId: string, hash: string): Promise<boolean> {
  const revisions = (await unlessUnreadable(() => store.record(batchId).history())) ?? [];
  const last = revisions.at(-1)?.value;
  if (last !== undefined && !isWaiting(last))
    return revisions.some(({ value }) => submissionHash(value) === hash);
  if (await store.isSubmitted(batchId)) return false;
  // Of an adopted batch nothing was ever sent from here.
  const body = await unlessUnreadable(
    async () => (await store.blobs(batchId).size(partBody(1))) ?? ('none' as const),
  );
  return body !== 'none';
}
