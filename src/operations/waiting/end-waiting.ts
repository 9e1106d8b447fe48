import type { Context } from '../../state/context.ts';
import { isWaiting } from '../../state/parts.ts';
import type { BatchRecord } from '../../store/record.ts';
import { changeWhere } from '../../store/store.ts';
import { recordOrNull } from '../../store/stored-json.ts';
import { boundWarning } from './stages.ts';

/**
 * Ends a batch that waits, which gives back what was reserved for it, and all that wait for it in turn. One that does not
 * wait any more stays as it is, and so does one that `isMeant` says waits for something else by now. Gives its record as it is then.
 */
export async function endWaiting(
  context: Context,
  batchId: string,
  isMeant: (current: BatchRecord) => boolean,
  { why, code = 'wrong_state' }: { why: string; code?: string },
): Promise<BatchRecord | null> {
  const failure = { code, message: `It was not sent: ${why}.`, at: context.now().toISOString() };
  const { value: record, changed } = await changeWhere(context.store.record(batchId), (current) => {
    if (!isWaiting(current) || !isMeant(current)) return null;
    const parts = current.parts.map((part) =>
      part.progress.state === 'waiting'
        ? { ...part, progress: { state: 'not_sent' as const, failure } }
        : part,
    );
    const bound = current.waits && boundWarning(current.waits.batch_id);
    return { ...current, parts, warnings: current.warnings.filter((warning) => warning !== bound) };
  });
  if (changed && record !== null) await endFollowers(context, record, `${batchId} was not sent`);
  return record;
}

/** Ends all that wait for a batch's answers. */
export async function endFollowers(context: Context, record: BatchRecord, why: string): Promise<void> {
  const isMeant = (follower: BatchRecord) => waitsFor(follower, record);
  for (const follower of record.followed_by ?? []) await endWaiting(context, follower, isMeant, { why });
}

/** One that has made its tasks of the answers may wait for stages of its own. */
const waitsFor = ({ waits }: BatchRecord, { batch_id }: BatchRecord) => waits?.batch_id === batch_id;

/** Notes in the batch that is waited for who does, so that a look at its end leads on to that. */
export async function noteFollower({ store }: Pick<Context, 'store'>, record: BatchRecord): Promise<void> {
  if (record.waits === undefined) return;
  const { batch_id } = record;
  await store
    .record(record.waits.batch_id)
    .update((current) =>
      current === null || current.followed_by?.includes(batch_id)
        ? current
        : { ...current, followed_by: [...(current.followed_by ?? []), batch_id] },
    );
}

/** Those that still wait for a batch's answers. */
export async function followersOf(
  context: Pick<Context, 'store'>,
  record: BatchRecord,
): Promise<BatchRecord[]> {
  const found = await Promise.all((record.followed_by ?? []).map((id) => recordOrNull(context.store, id)));
  return found.filter((each) => each !== null).filter((each) => isWaiting(each) && waitsFor(each, record));
}
