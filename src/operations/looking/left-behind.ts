import type { Context } from '../../state/context.ts';
import { elapsedSince, momentNow } from '../../state/elapsed.ts';
import { isHeld, unconfirmedState, updatePart } from '../../state/parts.ts';
import type { Intent } from '../../store/part-state.ts';
import type { ProcessIdentity } from '../../store/process-identity.ts';
import type { BatchRecord } from '../../store/record.ts';

/** Finds out which processes that are working on a batch, or telling of its end, are still alive. */
export async function learnOfHolders({ store }: Context, { owner, parts, told }: BatchRecord): Promise<void> {
  const holders = parts.flatMap(({ progress }) => {
    switch (progress.state) {
      case 'prepared':
        return [owner];
      case 'waiting':
        return progress.by ?? [];
      case 'sending':
      case 'unconfirmed':
        return [progress.intent.sender];
      default:
        return [];
    }
  });
  const tellers = told?.outcome === null ? [told.by] : [];
  await store.presence.learn([...holders, ...tellers]);
}

/** Whether a process is this one, or is dead or out of touch for good. */
function isFree({ store }: Context, identity: ProcessIdentity): boolean {
  const { presence } = store;
  return identity.nonce === presence.self().nonce || presence.isGone(identity);
}

/** Whether the next part waits to be sent or settled, and no living process is about to do so. */
export function mayBeDriven(context: Context, record: BatchRecord): boolean {
  const open = record.parts.find(
    ({ progress }) => progress.state !== 'created' && progress.state !== 'waiting',
  );
  switch (open?.progress.state) {
    case 'prepared':
      // A part that waited for another is sent by whoever sees that one end: the cache is only kept for an hour.
      return !isHeld(record, open) && (open.after !== undefined || isFree(context, record.owner));
    case 'unconfirmed': {
      const { intent } = open.progress;
      return isFree(context, intent.sender) || isPastDeadline(context, intent);
    }
    default:
      return false;
  }
}

/**
 * Marks sends whose process is gone, or that are long past their deadline, as unconfirmed: nobody will hear their
 * answer.
 */
export async function noteAbandonedSends(context: Context, record: BatchRecord): Promise<void> {
  for (const part of record.parts) {
    const { progress } = part;
    if (progress.state !== 'sending' || !isAbandoned(context, record.batch_id, progress.intent)) continue;
    const failure = {
      code: 'api_uncertain',
      message: "The process that sent this part ended before the API's answer came.",
      ...momentNow(context),
    };
    await updatePart(context.store.record(record.batch_id), part.number, (current) =>
      current.progress.state === 'sending' && current.progress.intent.key_salt === progress.intent.key_salt
        ? unconfirmedState(progress.intent, failure)
        : null,
    );
  }
}

const DEADLINE_GRACE_MS = 60_000;

function isPastDeadline(context: Context, intent: Intent): boolean {
  const lasts = Date.parse(intent.send_deadline) - Date.parse(intent.at);
  return elapsedSince(context, intent) > lasts + DEADLINE_GRACE_MS;
}

function isAbandoned(context: Context, batchId: string, intent: Intent): boolean {
  // A send of this process without a job: its outcome could not be recorded.
  const { presence } = context.store;
  const dropped = intent.sender.nonce === presence.self().nonce && !context.jobs.find(batchId);
  return dropped || isPastDeadline(context, intent) || presence.isGone(intent.sender);
}
