import { isDeepStrictEqual } from 'node:util';
import { BatchError } from '../errors.ts';
import type { Context } from '../state/context.ts';
import type { BatchRecord } from '../store/record.ts';
import type { Submission } from '../store/shared-records.ts';
import { hasToOwn, mayBePaid } from './earlier-work.ts';
import { submissionHash } from './same-work.ts';
import { crowded, findEarlier, isYoung, ownWork } from './submission.ts';

function doneBy(batchId: string): BatchError {
  return new BatchError(
    'wrong_state',
    `Nothing was sent: ${batchId} already does the same work. Use that id. To pay for it a second time, ask the ` +
      'person first, then submit it with force_new: true.',
  );
}

/**
 * A register entry that names a batch again. It is never equal to the one before: a process that has judged the batch
 * meanwhile, and found that it does nothing, has to judge it again.
 */
function namedAnew({ now }: Pick<Context, 'now'>, batchId: string, before: Submission | null): Submission {
  const least = before === null ? 0 : Date.parse(before.at) + 1;
  return { batch_id: batchId, at: new Date(Math.max(now().getTime(), least)).toISOString() };
}

/**
 * Before it is sent again, makes a batch that was never paid for, or came to nothing, the one that does its work.
 * Throws `wrong_state` if another one does the work by now: both would be paid for. A caller that adds new parts to its
 * record calls `requireOwned` afterwards.
 */
export async function ownAgain(context: Context, record: BatchRecord): Promise<void> {
  if (!hasToOwn(record)) return;
  const { batch_id } = record;
  const register = context.store.submission(submissionHash(record));
  for (let round = 0; round < 100; round += 1) {
    const current = await register.read();
    const other = await findEarlier(context, record);
    // It was sent beside an older one on purpose.
    const isBeside = record.force_new && other !== null && other.batchId < batch_id;
    if (other?.meaning === 'stands' && other.batchId !== batch_id && !isBeside) throw doneBy(other.batchId);
    const next = namedAnew(context, batch_id, current);
    const held = await register.update((latest) => (isDeepStrictEqual(latest, current) ? next : latest));
    if (held?.batch_id === batch_id && held.at === next.at) return;
  }
  throw crowded();
}

/**
 * Makes sure that a batch which had to own its work still does, once its record names what is about to be sent: from
 * then on nobody finds that it does nothing. Throws `wrong_state` if another batch took the work over in between; then
 * what the record names must not be sent.
 */
export async function requireOwned(context: Context, before: BatchRecord): Promise<void> {
  if (!hasToOwn(before)) return;
  const { batch_id } = before;
  const held = await context.store
    .submission(submissionHash(before))
    .update((latest) => (latest?.batch_id === batch_id ? namedAnew(context, batch_id, latest) : latest));
  if (held !== null && held.batch_id !== batch_id) throw doneBy(held.batch_id);
}

/** Why a batch that has to own its work is not sent again; null if it owns it now. */
export async function whyNotAgain(context: Context, record: BatchRecord): Promise<string | null> {
  try {
    await ownAgain(context, record);
    return null;
  } catch (error) {
    if (error instanceof BatchError && error.code === 'wrong_state') return error.message;
    throw error;
  }
}

/**
 * Why a batch that a dead process prepared will never be sent; null where it still should be, and owns its work. A
 * batch that the register names was authorized, and is sent however late; any other only within a short time.
 */
export async function whyNeverSent(context: Context, record: BatchRecord): Promise<string | null> {
  if (!hasToOwn(record)) return null;
  const { batch_id } = record;
  const current = await context.store
    .submission(submissionHash(record))
    .update((latest) => (latest?.batch_id === batch_id ? namedAnew(context, batch_id, latest) : latest));
  if (current?.batch_id === batch_id) return null;
  if (mayBePaid(record)) return whyNotAgain(context, record);
  const isOld = !isYoung(record, context.now());
  if (current === null && isOld)
    return 'Nobody went on with it within 15 minutes. Submit the work again if it is still wanted.';
  const isLater = current !== null && (isOld || current.batch_id > batch_id);
  const other = isLater ? current.batch_id : (await ownWork(context, record))?.batchId;
  if (other === undefined) return null;
  const done = `${other} does the same work. Use that id.`;
  const isBeside = record.force_new && other < batch_id;
  return isBeside
    ? `${done} This one was submitted beside it with force_new: to pay for the work a second time after all, ask the person first, ` +
        `then call retry_batch with batch_id ${batch_id}.`
    : done;
}
