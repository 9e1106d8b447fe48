import { BatchError } from '../errors.ts';
import { sha256OfText } from '../lib/file-hash.ts';
import type { Context } from '../state/context.ts';
import { isProvenDead } from '../store/process-identity.ts';
import type { BatchRecord, OutcomeCounts } from '../store/record.ts';

/** For how long the same work is taken for the same submission. */
const SAME_WORK_MS = 24 * 60 * 60 * 1000;

/** Whether anything of a batch was paid, or may have been. */
export function mayBePaid(record: BatchRecord): boolean {
  return record.parts.some(
    ({ progress, reused_from }) =>
      reused_from === undefined && progress.state !== 'prepared' && progress.state !== 'not_sent',
  );
}

function successes(outcomes: readonly OutcomeCounts[]): number {
  return outcomes.reduce((sum, counts) => sum + counts.succeeded + counts.incomplete, 0);
}

/** Whether a batch has come to its end without one success: submitting its work again is no second payment. */
function cameToNothing(record: BatchRecord): boolean {
  const results = record.parts.map(({ progress }) =>
    progress.state === 'created' ? progress.results : null,
  );
  const saved = results.filter((result) => result !== null);
  return saved.length === record.parts.length && successes(saved.map((result) => result.outcomes)) === 0;
}

/** Whether it was canceled, in part at least, and no retry has sent again what was. */
function isCanceled(record: BatchRecord): boolean {
  const retried = record.parts.some(({ attempt }) => attempt > 1);
  return record.parts.some(({ progress }) => {
    if (progress.state !== 'created') return false;
    const { processing_status, request_counts } = progress.seen;
    return processing_status === 'canceling' || (request_counts.canceled > 0 && !retried);
  });
}

/**
 * What an earlier batch of the same work means for a new submission:
 *
 * - `stands`: it does this work already; nothing is to be sent.
 * - `take_up`: it was never paid and nobody is sending it; send that one, under its own id.
 * - `void`: it is gone, too old, canceled or without a success; the new one goes out.
 */
export type EarlierMeaning = 'stands' | 'take_up' | 'void';

export function judgeEarlier(record: BatchRecord | null, now: Date): EarlierMeaning {
  if (record === null) return 'void';
  if (record.idempotency_key !== null) return canBeTakenUp(record) ? 'take_up' : 'stands';
  if (now.getTime() - Date.parse(record.created_at) > SAME_WORK_MS) return 'void';
  if (cameToNothing(record) || isCanceled(record)) return 'void';
  return canBeTakenUp(record) ? 'take_up' : 'stands';
}

/** Whether nothing of a batch was paid and nobody is at it. */
function canBeTakenUp(record: BatchRecord): boolean {
  if (mayBePaid(record)) return false;
  return record.parts.some(({ progress }) => progress.state === 'not_sent') || isProvenDead(record.owner);
}

/** Under which a submission is known: its key where a program gave one, else what it holds. */
export function submissionHash({ content_hash, idempotency_key }: SubmissionMark): string {
  return idempotency_key === null ? content_hash : sha256OfText(`idempotency key\n${idempotency_key}`);
}

type SubmissionMark = Pick<BatchRecord, 'content_hash' | 'idempotency_key'>;

/** An earlier batch of the same work that serves for a new submission. */
export type EarlierBatch = { batchId: string; meaning: 'stands' | 'take_up' };

/** The earlier batch that serves for the work under a mark, if any. Throws `invalid_input` for a key of other work. */
export async function findEarlier(
  context: Pick<Context, 'store' | 'now'>,
  mark: SubmissionMark,
): Promise<EarlierBatch | null> {
  const current = await context.store.submission(submissionHash(mark)).read();
  if (current === null) return null;
  const record = await context.store.record(current.batch_id).read();
  if (record !== null && mark.idempotency_key !== null && record.content_hash !== mark.content_hash) {
    throw new BatchError(
      'invalid_input',
      `Nothing was sent: the idempotency key stands for other work already (${current.batch_id}). Use a new key for new work.`,
    );
  }
  const meaning = judgeEarlier(record, context.now());
  return meaning === 'void' ? null : { batchId: current.batch_id, meaning };
}

/**
 * Makes `record`'s batch the one that does its work: null then, or the earlier batch that does it already. Of any
 * number of processes with the same work, exactly one becomes the owner.
 */
export async function ownWork(
  context: Pick<Context, 'store' | 'now'>,
  record: BatchRecord,
): Promise<EarlierBatch | null> {
  // What was sent once is this batch's own, whatever was submitted since.
  if (mayBePaid(record)) return null;
  const register = context.store.submission(submissionHash(record));
  for (let round = 0; round < 100; round += 1) {
    const current = await register.read();
    if (current?.batch_id === record.batch_id) return null;
    const earlier = record.force_new ? null : await findEarlier(context, record);
    if (earlier !== null) return earlier;
    const at = context.now().toISOString();
    const held = await register.update((latest) =>
      latest?.batch_id === current?.batch_id ? { batch_id: record.batch_id, at } : latest,
    );
    if (held?.batch_id === record.batch_id) return null;
  }
  throw new BatchError(
    'store_failed',
    'Many processes submit this work at once. Submit it again in a minute.',
  );
}
