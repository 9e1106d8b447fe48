import { BatchError } from '../../errors.ts';
import { isCanceled } from '../../sending/earlier-work.ts';
import { heldBackNow } from '../../sending/permission.ts';
import type { Context } from '../../state/context.ts';
import type { Job, Refreshed } from '../../state/jobs.ts';
import { isWaiting } from '../../state/parts.ts';
import type { BatchRecord } from '../../store/record.ts';
import { preparingKey } from '../looking/sending-jobs.ts';
import { hasAllAnswers } from './earlier-answers.ts';
import { endWaiting, noteFollower } from './end-waiting.ts';
import { isFreeToMake } from './stages.ts';
import { takeUp } from './take-up.ts';

type Look = (context: Context, record: BatchRecord) => Promise<Refreshed>;
type StartOrJoin = (key: string, failures: Refreshed['failures'], start: () => Job) => Job;

/**
 * Looks at a batch that waits for another one's answers. Looks at that one first; once the answers are there, makes
 * its tasks from them and sends these, once among all processes. Where the answers will never come, ends the batch.
 */
export async function lookAtWaiting(
  context: Context,
  record: BatchRecord,
  look: Look,
  startOrJoin: StartOrJoin,
): Promise<Refreshed> {
  const { batch_id, waits, provider } = record;
  if (waits === undefined) return { record, job: undefined, failures: [] };
  const earlier = await readOrFailure(context, waits.batch_id);
  // The damaged record may be restored.
  if (earlier instanceof BatchError) return { record, job: undefined, failures: [earlier] };
  // The process may have died before it noted that.
  if (earlier !== null && !earlier.followed_by?.includes(batch_id)) await noteFollower(context, record);
  const seen = earlier && (await look(context, earlier));
  const now = seen?.record ?? null;
  const why = now === null ? `${waits.batch_id}, which it waited for, is gone` : whyNeverEnds(now);
  if (why !== null) {
    const ended = await endWaiting(context, batch_id, (current) => current.waits !== undefined, { why });
    return { record: ended ?? record, job: undefined, failures: [] };
  }
  if (seen === null || now === null || !hasAllAnswers(now)) {
    return { record, job: seen?.job, failures: seen?.failures ?? [] };
  }
  const failures: BatchError[] = [];
  const held = await heldBackNow(context, record, failures);
  const isFree = record.parts.some((part) => isFreeToMake(context, part));
  const key = preparingKey(batch_id);
  const job =
    held.isFree && isFree
      ? startOrJoin(key, failures, () =>
          context.jobs.run(key, { stage: 'preparing', provider }, (report) =>
            takeUp(context, batch_id, now, report),
          ),
        )
      : context.jobs.find(key);
  return { record, job, failures, ...(held.why !== null && job === undefined && { heldBack: held.why }) };
}

async function readOrFailure({ store }: Context, batchId: string): Promise<BatchRecord | BatchError | null> {
  try {
    return await store.record(batchId).read();
  } catch (error) {
    if (error instanceof BatchError && error.code.startsWith('store_')) return error;
    throw error;
  }
}

/** Why a batch will never have all its answers, so that nothing can be made from them; null where it still may. */
export function whyNeverEnds(record: BatchRecord): string | null {
  const { batch_id, never_sent, waits } = record;
  if (never_sent !== undefined) return `${batch_id} was never sent, and will not be`;
  if (waits !== undefined && !isWaiting(record)) return `${batch_id} was abandoned before it was sent`;
  if (isCanceled(record)) return `${batch_id} was canceled`;
  const isGivenUp = record.parts.every(
    ({ progress }) => progress.state === 'not_sent' && progress.failure.code === 'canceled',
  );
  return isGivenUp ? `${batch_id} was canceled` : null;
}
