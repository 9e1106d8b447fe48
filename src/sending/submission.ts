import { isDeepStrictEqual } from 'node:util';
import { BatchError } from '../errors.ts';
import type { Context } from '../state/context.ts';
import { isWaiting } from '../state/parts.ts';
import type { BatchRecord } from '../store/record.ts';
import type { Submission } from '../store/shared-records.ts';
import { judgeEarlier, mayBePaid, SAME_WORK_MS } from './earlier-work.ts';
import {
  type HeldWork,
  hiddenWork,
  lookForWork,
  recordsOf,
  type SubmissionMark,
  submissionHash,
} from './same-work.ts';

/** An earlier batch of the same work that takes the place of a new submission. */
export type EarlierBatch = { batchId: string; meaning: 'stands' | 'take_up' };

/**
 * The earlier batch that does the work under a mark, if any. Throws `invalid_input` for the key of other work, and
 * `store_damaged` where the register can't be read and no record shows that the work is done.
 */
export async function findEarlier(
  context: Pick<Context, 'store' | 'now'>,
  mark: SubmissionMark,
): Promise<EarlierBatch | null> {
  try {
    return await findByRegister(context, mark);
  } catch (error) {
    const isUnread = error instanceof BatchError && error.code.startsWith('store_');
    const found = isUnread ? await findByRecords(context, mark) : null;
    if (found?.meaning === 'stands') return found;
    throw error;
  }
}

async function findByRegister(
  context: Pick<Context, 'store' | 'now'>,
  mark: SubmissionMark,
): Promise<EarlierBatch | null> {
  const named = await context.store.submission(submissionHash(mark)).read();
  const found = named && (await context.store.record(named.batch_id).read());
  // Without a key the register's name is the content's hash: one that names other work was swapped with another
  // register.
  const isOther = mark.idempotency_key === null && found !== null && found.content_hash !== mark.content_hash;
  const [current, record] = isOther ? [null, null] : [named, found];
  if (record === null) {
    const held = await heldWork(context, mark);
    const kept = await judgeHeld(context, mark, held);
    if (kept !== null) return kept;
    if (current === null) await requireNotHidden(context, mark, held);
    else requireNotGone(context, current, mark);
    return null;
  }
  if (mark.idempotency_key !== null && record.content_hash !== mark.content_hash) {
    throw new BatchError(
      'invalid_input',
      `Nothing was sent: the idempotency key already belongs to other work (${record.batch_id}). Use a new key for new work.`,
    );
  }
  const { presence } = context.store;
  await presence.learn([record.owner]);
  const meaning = judgeEarlier(record, presence, context.now(), current?.at);
  if (meaning !== 'void') return { batchId: record.batch_id, meaning };
  // The one that it was sent beside, with force_new, may have done the work.
  const beside = await findByRecords(context, mark);
  return beside?.meaning === 'stands' ? beside : null;
}

/**
 * Throws where the batch that did the work was removed from the store by other hands: nobody knows what it paid for.
 */
function requireNotGone(
  { store, now }: Pick<Context, 'store' | 'now'>,
  { batch_id, at, removed }: Submission,
  { idempotency_key }: SubmissionMark,
): void {
  const isOld = idempotency_key === null && now().getTime() - Date.parse(at) > SAME_WORK_MS;
  if (removed || isOld) return;
  throw new BatchError(
    'store_damaged',
    `Nothing was sent: this work was submitted at ${at} as ${batch_id}, which is gone from ${store.place}, and may have been ` +
      'paid for. Restore it from a backup. To pay for the work a second time, ask the person first, then submit it with ' +
      'force_new: true.',
  );
}

/** Throws where a batch may do the work, but neither its record nor a register can tell. */
async function requireNotHidden(
  { store }: Pick<Context, 'store'>,
  mark: SubmissionMark,
  held: HeldWork,
): Promise<void> {
  const hidden = await hiddenWork(store, submissionHash(mark), held);
  if (hidden === null) return;
  throw new BatchError(
    'store_damaged',
    `Nothing was sent: this work may be that of ${hidden.batch_id}, and may have been paid for. ${hidden.problem} To pay for the work ` +
      'a second time, ask the person first, then submit it with force_new: true.',
  );
}

/** The time from which on the same work counts as the same submission, in milliseconds since 1970. */
function sinceOf({ idempotency_key }: SubmissionMark, now: Date): number {
  return idempotency_key === null ? now.getTime() - SAME_WORK_MS : 0;
}

function heldWork({ store, now }: Pick<Context, 'store' | 'now'>, mark: SubmissionMark): Promise<HeldWork> {
  return lookForWork(store, submissionHash(mark), sinceOf(mark, now()));
}

/** Finds the work in the batches' own records, since the register may have lost it, or never have had it. */
async function findByRecords(
  context: Pick<Context, 'store' | 'now'>,
  mark: SubmissionMark,
): Promise<EarlierBatch | null> {
  return judgeHeld(context, mark, await heldWork(context, mark));
}

/**
 * The batch among those that hold the work which takes the place of a new submission. A batch of which nothing was sent
 * counts only if a dead process has just left it: among living processes, the owner of the register sends.
 */
async function judgeHeld(
  { store, now }: Pick<Context, 'store' | 'now'>,
  mark: SubmissionMark,
  held: HeldWork,
): Promise<EarlierBatch | null> {
  let left: EarlierBatch | null = null;
  for await (const record of recordsOf(store, held)) {
    if (record.content_hash !== mark.content_hash) continue;
    await store.presence.learn([record.owner]);
    const meaning = judgeEarlier(record, store.presence, now());
    const isLeft = !mayBePaid(record) && isYoung(record, now()) && store.presence.isGone(record.owner);
    if (meaning === 'stands' && (mayBePaid(record) || isWaiting(record)))
      return { batchId: record.batch_id, meaning };
    if (meaning === 'take_up' && isLeft) left ??= { batchId: record.batch_id, meaning };
  }
  return left;
}

/** For how long a batch that no register names is sent by whoever looks at it. */
const UNOWNED_MS = 15 * 60_000;

/** A creation time in the future means that the clock was set back: then the true age is unknown. */
export function isYoung({ created_at }: BatchRecord, now: Date): boolean {
  return Math.abs(now.getTime() - Date.parse(created_at)) <= UNOWNED_MS;
}

/**
 * Makes `record`'s batch the one that does its work: null then, or the earlier batch that does it already. Of any
 * number of processes with the same work, exactly one becomes the owner.
 */
export async function ownWork(
  context: Pick<Context, 'store' | 'now'>,
  record: BatchRecord,
): Promise<EarlierBatch | null> {
  // Once sent, the work is this batch's own, whatever was submitted since.
  if (mayBePaid(record)) return null;
  const register = context.store.submission(submissionHash(record));
  for (let round = 0; round < 100; round += 1) {
    const current = await register.read();
    if (current?.batch_id === record.batch_id) return null;
    const earlier = record.force_new ? null : await findEarlier(context, record);
    if (earlier !== null && earlier.batchId !== record.batch_id) return earlier;
    const at = context.now().toISOString();
    // A retry of the same batch meanwhile writes its id anew.
    const held = await register.update((latest) =>
      isDeepStrictEqual(latest, current) ? { batch_id: record.batch_id, at } : latest,
    );
    if (held?.batch_id === record.batch_id) return null;
  }
  throw crowded();
}

export function crowded(): BatchError {
  return new BatchError(
    'store_failed',
    'Many processes are submitting this work at once. Submit it again in a minute.',
  );
}

/**
 * Registers a pilot as the latest one of its settings, so that the whole can reuse its answers. Whoever sends the
 * pilot does this first.
 */
export async function notePilot(
  { store, now }: Pick<Context, 'store' | 'now'>,
  { batch_id, pilot_keys = [] }: Pick<BatchRecord, 'batch_id' | 'pilot_keys'>,
): Promise<void> {
  const at = now().toISOString();
  for (const key of pilot_keys) await store.submission(key).update(() => ({ batch_id, at }));
}
