import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { reserveBudget } from '../cost/budget.ts';
import { BatchError } from '../errors.ts';
import { startClock } from '../lib/time.ts';
import type { Provider, RequestBody } from '../provider/provider.ts';
import type { Context } from '../state/context.ts';
import { momentNow } from '../state/elapsed.ts';
import type { Report } from '../state/jobs.ts';
import { createdState, isHeld, sentCount, unconfirmedState, updatePart } from '../state/parts.ts';
import type { Intent, PartState } from '../store/part-state.ts';
import { insist } from '../store/presence.ts';
import type { BatchRecord, Part } from '../store/record.ts';
import type { Register } from '../store/store.ts';
import { claimAnswered } from './claims.ts';
import { apiOf, busyPause, createFailureOf, describe, meaningOf } from './create-failure.ts';
import { isLikeAnother, type Left, MayBeMade, takeMadeBefore } from './made-before.ts';
import { openBody } from './open-body.ts';
import { settlePrimed } from './primed.ts';
import { backToUnconfirmed } from './tentative.ts';

/** A slow connection still carries this much per second; the API has its own time to answer on top. */
const SLOWEST_BYTES_PER_SECOND = 256_000;
/** The most tries of one create, whatever pauses a busy API asks for. */
const MOST_TRIES = 12;

function sendingMs({ limits }: Context, part: Part): number {
  return limits.answerMs + (part.body_bytes / SLOWEST_BYTES_PER_SECOND) * 1000;
}

export type SendOptions = {
  /**
   * Whether this process has just reserved the money for all the waiting parts in their present state. Money reserved
   * for parts that were refused may have been freed since, and is reserved anew.
   */
  isReserved: boolean;
  /** What another process, or an earlier attempt, left behind: the provider may have it already. */
  left?: Left | undefined;
};

/**
 * Sends the waiting parts one after another. Nothing goes out while another part's fate is uncertain. Whatever
 * happens is in the record; throws only where the store fails.
 */
export async function sendParts(
  context: Context,
  batchId: string,
  report: Report,
  { isReserved, left }: SendOptions,
): Promise<void> {
  const register = context.store.record(batchId);
  const busyFor = startClock();
  let reservedAs: string | null = null;
  let isKnown = left === undefined;
  for (;;) {
    const record = await register.read();
    const part = record && nextToSend(record);
    if (!record || !part) return;
    try {
      if (await settlePrimed(context, record, part)) continue;
    } catch (error) {
      await leaveUnsent(context, register, part, error);
      return;
    }
    if (isReserved) reservedAs ??= record.owner.nonce;
    const { nonce } = context.store.presence.self();
    // If this process was taken for dead meanwhile, what it had reserved may have been freed.
    if (reservedAs !== nonce && !(await isWithinBudget(context, batchId))) return;
    reservedAs = nonce;
    if (left !== undefined && !isKnown) {
      isKnown = true;
      try {
        await takeMadeBefore(context, batchId, left);
        continue;
      } catch (error) {
        if (error instanceof MayBeMade) throw error;
        await leaveUnsent(context, register, part, error);
        return;
      }
    }
    report({ stage: 'sending', done: part.first_task, total: record.request_count });
    const busyLeft = () => context.limits.busyMs - busyFor();
    const next = await sendPart(context, record, part, { busyLeft, isJustWritten: isReserved });
    if (next === 'stop') return;
  }
}

/** Reserves the money for the waiting parts; where today's budget does not suffice, notes that in the record. */
async function isWithinBudget(context: Context, batchId: string): Promise<boolean> {
  const register = context.store.record(batchId);
  const record = await register.read();
  const part = record && nextToSend(record);
  if (!record || !part) return false;
  try {
    await reserveBudget(context, record);
    return true;
  } catch (error) {
    if (!(error instanceof BatchError) || error.code !== 'cost_limit') throw error;
    await leaveUnsent(context, register, part, error);
    return false;
  }
}

/** Notes that a waiting part can't be sent, and why. */
async function leaveUnsent(
  context: Context,
  register: Register<BatchRecord>,
  part: Part,
  error: unknown,
): Promise<void> {
  await updatePart(register, part.number, ({ progress }) =>
    progress.state === 'prepared' ? notSent(context, error) : null,
  );
}

function notSent(context: Context, error: unknown): PartState {
  return { state: 'not_sent', failure: createFailureOf(error, context) };
}

/** The first waiting part, if all before it are with the provider. */
function nextToSend(record: BatchRecord): Part | undefined {
  const open = record.parts.find(
    ({ progress }) => progress.state !== 'created' && progress.state !== 'waiting',
  );
  return open?.progress.state === 'prepared' && !isHeld(record, open) ? open : undefined;
}

async function sendPart(
  context: Context,
  record: BatchRecord,
  part: Part,
  { busyLeft, isJustWritten }: { busyLeft: () => number; isJustWritten: boolean },
): Promise<'go_on' | 'stop'> {
  const { store, log } = context;
  const register = store.record(record.batch_id);
  const provider = context.provider(record.provider);
  let intent: Intent;
  let elapsed: () => number;
  let since: string | null;
  let body: RequestBody;
  const lasts = sendingMs(context, part) + Math.max(0, busyLeft());
  try {
    body = await openBody(context, record, part, { isJustWritten });
    await store.presence.enter();
    const made = await makeIntent(context, provider, lasts);
    ({ intent, elapsed, since } = made);
  } catch (error) {
    await leaveUnsent(context, register, part, error);
    return 'stop';
  }
  const begun = await updatePart(register, part.number, ({ progress }) =>
    progress.state === 'prepared' ? { state: 'sending', intent } : null,
  );
  // Another process was faster: it sends this part, and the ones behind it.
  if (!begun.changed) return 'stop';

  const ours = (current: Part) =>
    current.progress.state === 'sending' && current.progress.intent.key_salt === intent.key_salt;
  const settle = (state: PartState) =>
    insist(store.presence, () =>
      updatePart(register, part.number, (current) => (ours(current) ? state : null)),
    );
  const isOutOfTouch = () => !store.presence.holds(intent.sender);
  for (let tries = 1; ; tries += 1) {
    const left = lasts - elapsed();
    try {
      // The process was suspended, or lost touch with the store: others may take it for dead by now, and send the part
      // themselves.
      if (left <= 0 || isOutOfTouch()) throw tooLate();
      const batch = await provider.createBatch(body, Math.min(left, sendingMs(context, part)), isOutOfTouch);
      await insist(store.presence, () => takeCreated(context, record, part, { id: batch.id, intent }));
      await settle({ ...createdState(intent, batch), tentative: isLikeAnother(batch, part, since) });
      log('info', `${record.batch_id} part ${part.number} is ${batch.id} (${sentCount(part)} requests)`);
      return 'go_on';
    } catch (error) {
      const meaning = meaningOf(error);
      log('warn', `${record.batch_id} part ${part.number}: ${meaning} (${describe(error)})`);
      if (meaning === 'uncertain') {
        await settle(unconfirmedState(intent, createFailureOf(error, context)));
        return 'stop';
      }
      const wait = busyPause(apiOf(error)?.retry_after_seconds, tries);
      if (meaning === 'not_sent' || tries === MOST_TRIES || wait > busyLeft()) {
        // A part that was late and not sent is tried again.
        const isLate = (elapsed() >= lasts || isOutOfTouch()) && apiOf(error) === undefined;
        await settle(isLate ? { state: 'prepared' } : notSent(context, error));
        return isLate ? 'go_on' : 'stop';
      }
      await sleep(wait);
    }
  }
}

/**
 * Makes the provider's batch ours. Another part that had tentatively taken it becomes uncertain again. Throws
 * `api_uncertain` for a batch that existed before: some cache on the way repeated an older answer.
 */
async function takeCreated(
  context: Context,
  record: BatchRecord,
  part: Part,
  { id, intent }: { id: string; intent: Intent },
): Promise<void> {
  const owner = { batch_id: record.batch_id, part: part.number };
  const displaced = id === intent.watermark ? 'of_another' : await claimAnswered(context, id, owner);
  if (displaced === 'of_another') {
    throw new BatchError('api_uncertain', `The API answered with ${id}, a batch that had been made before.`);
  }
  if (displaced !== null) await backToUnconfirmed(context, displaced, id);
}

/** The intent of a send that may take `lasts` milliseconds, and a clock that starts with it. */
async function makeIntent(
  context: Context,
  provider: Provider,
  lasts: number,
): Promise<{ intent: Intent; elapsed: () => number; since: string | null }> {
  const salt = randomBytes(16).toString('hex');
  const [account, keyHash, newest] = await Promise.all([
    provider.account(),
    provider.fingerprint(salt),
    provider.listBatches({ limit: 1 }),
  ]);
  const elapsed = startClock();
  const now = context.now();
  const intent = {
    sender: context.store.presence.self(),
    ...momentNow(context),
    send_deadline: new Date(now.getTime() + lasts).toISOString(),
    base_url: account.base_url,
    workspace: account.workspace,
    key_salt: salt,
    key_hash: keyHash,
    watermark: newest.batches[0]?.id ?? null,
    rejected: [],
  };
  return { intent, elapsed, since: newest.batches[0]?.created_at ?? null };
}

function tooLate(): BatchError {
  return new BatchError(
    'api_unreachable',
    'This process was suspended, or out of touch with the store, until the time to send was up. Nothing was sent.',
  );
}
