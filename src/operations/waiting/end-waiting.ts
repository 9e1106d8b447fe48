import type { Context } from '../../state/context.ts';
import { isWaiting } from '../../state/parts.ts';
import type { BatchRecord } from '../../store/record.ts';
import { changeWhere } from '../../store/store.ts';
import { recordOrNull } from '../../store/stored-json.ts';
import { boundWarning } from './stages.ts';

/**
 * Ends a waiting batch, which frees its reserved money, and all batches that wait for it in turn. Leaves a batch
 * alone that no longer waits, or that by `isMeant` waits for something else by now. Returns its record as it is
 * afterwards.
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

/** Ends all batches that wait for a batch's answers. */
export async function endFollowers(context: Context, record: BatchRecord, why: string): Promise<void> {
  const isMeant = (follower: BatchRecord) => waitsFor(follower, record);
  for (const follower of record.followed_by ?? []) await endWaiting(context, follower, isMeant, { why });
}

/** A batch that has made its tasks from the answers may still wait for stages of its own. */
const waitsFor = ({ waits }: BatchRecord, { batch_id }: BatchRecord) => waits?.batch_id === batch_id;

/**
 * Notes the waiting batch in the one that it waits for, so that the look that sees that one end continues with it.
 */
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

/** The batches that still wait for a batch's answers. */
export async function followersOf(
  context: Pick<Context, 'store'>,
  record: BatchRecord,
): Promise<BatchRecord[]> {
  const found = await Promise.all((record.followed_by ?? []).map((id) => recordOrNull(context.store, id)));
  return found.filter((each) => each !== null).filter((each) => isWaiting(each) && waitsFor(each, record));
}
