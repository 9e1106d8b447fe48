import { setTimeout as sleep } from 'node:timers/promises';
import type { ProviderBatch, ProviderName } from '../provider/provider.ts';
import type { Context } from '../state/context.ts';
import { elapsedSince } from '../state/elapsed.ts';
import { createdState, sentCount, updatePart } from '../state/parts.ts';
import type { PartState } from '../store/part-state.ts';
import type { BatchRecord, CreatedPart, Part } from '../store/record.ts';
import { recordOrNull } from '../store/stored-json.ts';
import { candidateFacts, findCandidates } from './candidates.ts';
import { claimForGood, claimTentatively, releaseClaim } from './claims.ts';
import { findByMark, type MarkSearch } from './find-mark.ts';
import { requireSameAccount } from './same-account.ts';

/** A part whose create may or may not have made a batch. */
export type UnconfirmedPart = Part & { progress: Extract<PartState, { state: 'unconfirmed' }> };

export function isUnconfirmed(part: Part): part is UnconfirmedPart {
  return part.progress.state === 'unconfirmed';
}

const LISTINGS_NEEDED = 2;

/**
 * Finds out what became of an uncertain create, from the provider's listing of batches newer than the newest one
 * known before it. Returns whether that lets the batch go on.
 *
 * Nothing is concluded while a late commit can still show up. After that, no candidate in two complete listings means
 * that the batch was not made, and the part waits to be sent again. Exactly one candidate, which no other part of
 * ours could be, is taken tentatively. Several are all named, and a person decides.
 */
export async function settlePart(
  context: Context,
  record: BatchRecord,
  part: UnconfirmedPart,
): Promise<boolean> {
  await requireSameAccount(context, record, part.progress.intent);
  await sleep(timeToWait(context, part));
  const owner = { batch_id: record.batch_id, part: part.number };
  const { intent } = part.progress;
  const { own, free, newest } = await findCandidates(context, part, intent, record.provider, owner);
  // Batches that are made after this listing are no candidates.
  const closed = intent.newest === undefined ? { ...intent, newest } : intent;
  const register = context.store.record(record.batch_id);
  const change = (state: PartState) =>
    updatePart(register, part.number, ({ progress }) =>
      progress.state === 'unconfirmed' && progress.intent.key_salt === part.progress.intent.key_salt
        ? state
        : null,
    );

  /** Takes a claimed batch; gives a tentative claim back if the part has changed meanwhile. */
  const take = async (state: CreatedPart['progress']) => {
    const { record: now, changed } = await change(state);
    const held = now?.parts.find(({ number }) => number === part.number)?.progress;
    const id = state.provider_batch_id;
    if (changed || (held?.state === 'created' && held.provider_batch_id === id)) return;
    await releaseClaim(context, id, owner, { ifTentative: true });
  };

  if (own !== null) {
    await take({ ...createdState(part.progress.intent, own.batch), tentative: own.tentative });
    return true;
  }
  const { disproved = [], unproven = [] } = intent;
  const rival = free.length === 0 ? null : await findRival(context, record, part);
  // A batch that is proven not to be this part may be one that is just being sent: nothing is concluded until that is
  // known.
  const candidates = rival === 'sending' ? free : free.filter(({ id }) => !disproved.includes(id));
  if (candidates.length === 0) {
    const empty_listings = part.progress.empty_listings + 1;
    const proven = empty_listings >= LISTINGS_NEEDED;
    const { known: _none, ...progress } = part.progress;
    await change(
      proven ? { state: 'prepared' } : { ...progress, intent: closed, empty_listings, candidates: [] },
    );
    return true;
  }
  const [only] = candidates;
  const isOpen =
    candidates.length > 1 || candidates.some(({ id }) => unproven.includes(id)) || rival !== null;
  if (only && !isOpen && (await claimTentatively(context, only.id, owner))) {
    await take({ ...createdState(closed, only), tentative: true });
    return true;
  }
  const told = new Set([...disproved, ...unproven]);
  const { found: ours, disproved: now } = await markedAmong(context, record, part, candidates, told);
  if (ours !== null) {
    await takeForGood(context, record, part, ours);
    return true;
  }
  const left = rival === 'sending' ? candidates : candidates.filter(({ id }) => !now.includes(id));
  await change({
    ...part.progress,
    intent: { ...closed, disproved: [...disproved, ...now] },
    empty_listings: 0,
    candidates: left.map(({ id }) => id),
    known: candidateFacts(left),
  });
  return left.length < candidates.length;
}

/**
 * Looks for our mark among the candidates that have ended and are not in `told`. One that can't be read now stays a
 * question for the person.
 */
async function markedAmong(
  context: Context,
  record: BatchRecord,
  part: Part,
  candidates: readonly ProviderBatch[],
  told: ReadonlySet<string>,
): Promise<MarkSearch> {
  const ended = candidates.filter(({ processing_status }) => processing_status === 'ended');
  const ids = ended.map(({ id }) => id).filter((id) => !told.has(id));
  return findByMark(context, record, part, ids);
}

/** How long a late commit can still show up in the listing. */
function timeToWait(context: Context, part: UnconfirmedPart): number {
  const since = elapsedSince(context, part.progress.failure);
  // A clock that was set back must not make the wait endless.
  return Math.min(context.settleMs, Math.max(0, context.settleMs - since));
}

/** The state of another part of ours with as many requests that a candidate could be; null where there is none. */
async function findRival(
  context: Context,
  record: BatchRecord,
  part: Part,
): Promise<Uncertain['state'] | null> {
  const found = await findUncertain(
    context,
    record.provider,
    sentCount(part),
    (batchId, number) => batchId !== record.batch_id || number !== part.number,
  );
  return found?.state ?? null;
}

type Uncertain = { batchId: string; state: 'sending' | 'unconfirmed' };

/**
 * A batch of ours with an uncertain part of `requestCount` requests; one that is just being sent takes precedence.
 */
export async function findUncertain(
  context: Pick<Context, 'store'>,
  provider: ProviderName,
  requestCount: number,
  counts: (batchId: string, part: number) => boolean = () => true,
): Promise<Uncertain | null> {
  let found: Uncertain | null = null;
  for (const batchId of await context.store.batchIds()) {
    const record = await recordOrNull(context.store, batchId);
    if (record?.provider !== provider) continue;
    for (const part of record.parts) {
      const { state } = part.progress;
      if (sentCount(part) !== requestCount || !counts(batchId, part.number)) continue;
      if (state === 'sending') return { batchId, state };
      if (state === 'unconfirmed') found ??= { batchId, state };
    }
  }
  return found;
}

/** Takes a batch that is proven to be the part, or that a person names. */
export async function takeForGood(
  context: Context,
  { batch_id }: BatchRecord,
  { number }: Part,
  batch: ProviderBatch,
): Promise<void> {
  await claimForGood(context, batch.id, { batch_id, part: number });
  await updatePart(context.store.record(batch_id), number, ({ progress }) => {
    if (progress.state === 'unconfirmed') return createdState(progress.intent, batch);
    if (progress.state === 'prepared') return createdState(null, batch);
    // A look meanwhile may have found the claim, and taken the batch tentatively.
    const isTaken = progress.state === 'created' && progress.provider_batch_id === batch.id;
    return isTaken && progress.tentative ? { ...progress, tentative: false } : null;
  });
}
