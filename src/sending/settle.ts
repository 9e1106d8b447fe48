import { setTimeout as sleep } from 'node:timers/promises';
import type { ProviderBatch, ProviderName } from '../provider/provider.ts';
import type { Context } from '../state/context.ts';
import { elapsedSince } from '../state/elapsed.ts';
import { createdState, sentCount, updatePart } from '../state/parts.ts';
import type { Intent, PartState } from '../store/part-state.ts';
import type { BatchRecord, CreatedPart, Part } from '../store/record.ts';
import { candidateFacts, findCandidates } from './candidates.ts';
import { claimForGood, claimTentatively, type Owner, releaseClaim } from './claims.ts';
import { findByMark, type MarkSearch } from './find-mark.ts';
import { readProviderBatches } from './provider-batches.ts';
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
  const { intent } = part.progress;
  await requireSameAccount(context, record, intent);
  await sleep(timeToWait(context, part));
  const owner = { batch_id: record.batch_id, part: part.number };
  const before = part.progress.candidates;
  const { own, free, newest } = await findCandidates(context, part, intent, record.provider, owner, before);
  // Batches that are made after this listing are not candidates.
  const closed = intent.newest === undefined ? { ...intent, newest } : intent;
  const create: UncertainCreate = { context, record, part, owner, closed };
  if (own !== null) {
    // Its claim may have been exchanged with that of another part: the results prove it.
    await recordClaimed(create, { ...createdState(intent, own), tentative: true });
    return true;
  }
  const rival = free.length === 0 ? null : await findRival(context, record, part);
  const candidates = stillPossible(free, rival, intent.disproved);
  if (candidates.length === 0) {
    await countEmptyListing(create);
    return true;
  }
  if (rival === null && (await takeOnlyOne(create, candidates))) return true;
  return takeMarkedOrAsk(create, candidates, rival);
}

/** A create whose fate is unknown, as one listing of the provider's batches shows it. */
type UncertainCreate = {
  context: Context;
  record: BatchRecord;
  part: UnconfirmedPart;
  owner: Owner;
  /** The intent, with the newest batch of the first listing. */
  closed: Intent;
};

/** Records what became of the create, unless the part has changed meanwhile. */
function recordOutcome({ context, record, part }: UncertainCreate, state: PartState) {
  return updatePart(context.store.record(record.batch_id), part.number, ({ progress }) =>
    progress.state === 'unconfirmed' && progress.intent.key_salt === part.progress.intent.key_salt
      ? state
      : null,
  );
}

/** Records a batch that the part has claimed; gives a tentative claim back if the part has changed meanwhile. */
async function recordClaimed(create: UncertainCreate, state: CreatedPart['progress']): Promise<void> {
  const { context, part, owner } = create;
  const { record: now, changed } = await recordOutcome(create, state);
  const held = now?.parts.find(({ number }) => number === part.number)?.progress;
  const id = state.provider_batch_id;
  if (changed || (held?.state === 'created' && held.provider_batch_id === id)) return;
  await releaseClaim(context, id, owner, { ifTentative: true });
}

/** With enough listings without a candidate the batch was not made: the part can be sent again. */
async function countEmptyListing(create: UncertainCreate): Promise<void> {
  const { known: _none, ...progress } = create.part.progress;
  const empty_listings = progress.empty_listings + 1;
  const isProven = empty_listings >= LISTINGS_NEEDED;
  await recordOutcome(
    create,
    isProven ? { state: 'prepared' } : { ...progress, intent: create.closed, empty_listings, candidates: [] },
  );
}

/** Takes a single candidate tentatively, unless its results have shown no proof; returns whether it was taken. */
async function takeOnlyOne(create: UncertainCreate, candidates: readonly ProviderBatch[]): Promise<boolean> {
  const { context, owner, closed } = create;
  const [only, ...others] = candidates;
  if (only === undefined || others.length > 0 || closed.unproven?.includes(only.id)) return false;
  if (!(await claimTentatively(context, only.id, owner))) return false;
  await recordClaimed(create, { ...createdState(closed, only), tentative: true });
  return true;
}

/**
 * Takes the candidate with our mark, or keeps those that are left for a person to decide. Returns whether anything was
 * found out.
 */
async function takeMarkedOrAsk(
  create: UncertainCreate,
  candidates: readonly ProviderBatch[],
  rival: Rival,
): Promise<boolean> {
  const { context, record, part, closed } = create;
  const { disproved = [], unproven = [] } = closed;
  const told = new Set([...disproved, ...unproven]);
  const marked = await markedAmong(context, record, part, candidates, told);
  if (marked.found !== null) {
    await takeForGood(context, record, part, marked.found);
    return true;
  }
  const left = stillPossible(candidates, rival, marked.disproved);
  await recordOutcome(create, {
    ...part.progress,
    intent: { ...closed, disproved: [...disproved, ...marked.disproved] },
    empty_listings: 0,
    candidates: left.map(({ id }) => id),
    known: candidateFacts(left),
  });
  return left.length < candidates.length;
}

/**
 * The batches that this part could be. One that is proven not to be may be another part that is just being sent:
 * nothing is concluded until that is known.
 */
function stillPossible(
  batches: readonly ProviderBatch[],
  rival: Rival,
  disproved: readonly string[] = [],
): readonly ProviderBatch[] {
  return rival === 'sending' ? batches : batches.filter(({ id }) => !disproved.includes(id));
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
async function findRival(context: Context, record: BatchRecord, part: Part): Promise<Rival> {
  const found = await findUncertain(
    context,
    record.provider,
    sentCount(part),
    (batchId, number) => batchId !== record.batch_id || number !== part.number,
  );
  return found?.state ?? null;
}

type Uncertain = { batchId: string; state: 'sending' | 'unconfirmed' };

type Rival = Uncertain['state'] | null;

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
  for (const { batch_id: batchId, provider: name, uncertain } of await readProviderBatches(context.store)) {
    if (name !== provider) continue;
    for (const { part, requests, state } of uncertain) {
      if (requests !== requestCount || !counts(batchId, part)) continue;
      if (state === 'sending') return { batchId, state };
      found ??= { batchId, state };
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
