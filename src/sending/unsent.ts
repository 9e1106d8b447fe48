import { isDeepStrictEqual } from 'node:util';
import type { Context } from '../state/context.ts';
import type { BatchRecord } from '../store/record.ts';
import { mayBePaid } from './earlier-work.ts';
import { submissionHash } from './same-work.ts';

/**
 * Removes a batch of which nothing was sent, and notes that in the register that names it; unless another process has
 * gone on with it meanwhile, for instance because this one stood still and was taken for dead.
 */
export async function removeUnsent(context: Context, record: BatchRecord): Promise<void> {
  const { store } = context;
  const { batch_id } = record;
  await endUnsent(context, record, 'its submission was refused');
  if ((await store.record(batch_id).read())?.never_sent === undefined) return;
  // If that can't be written the batch stays, to be taken up: a register that names a missing batch means work that
  // was paid for.
  await store
    .submission(submissionHash(record))
    .update((current) => (current?.batch_id === batch_id ? { ...current, removed: true } : current));
  await store.removeBatch(batch_id);
}

/** Ends a batch of which nothing was sent, or what waits of a paid one, unless somebody went on with it meanwhile. */
export async function endUnsent(
  context: Pick<Context, 'now' | 'store'>,
  before: BatchRecord,
  why: string,
): Promise<void> {
  const at = context.now().toISOString();
  const failure = { code: 'wrong_state', message: `It was never sent, and will not be: ${why}`, at };
  await context.store.record(before.batch_id).update((record) => {
    if (record === null || record.owner.nonce !== before.owner.nonce) return record;
    const isPaid = mayBePaid(record);
    if (isPaid && !isDeepStrictEqual(record.parts, before.parts)) return record;
    const parts = record.parts.map((part) =>
      part.progress.state === 'prepared'
        ? { ...part, progress: { state: 'not_sent' as const, failure } }
        : part,
    );
    return isPaid ? { ...record, parts } : { ...record, parts, never_sent: { at, why } };
  });
}

/** The record of a batch that is to be sent after all. */
export function withoutEnd({ never_sent: _ended, ...record }: BatchRecord): BatchRecord {
  return record;
}
