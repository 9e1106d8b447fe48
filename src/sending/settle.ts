import { setTimeout as sleep } from 'node:timers/promises';
import { BatchError } from '../errors.ts';
import type { ProviderBatch, ProviderName } from '../provider/provider.ts';
import type { Context } from '../state/context.ts';
import { elapsedSince } from '../state/elapsed.ts';
import { isOwner } from '../state/ownership.ts';
import { countOf, createdState, isCreated, sentCount, updatePart } from '../state/parts.ts';
import { recordOrNull } from '../state/records.ts';
import type { PartState } from '../store/part-state.ts';
import type { BatchRecord, CreatedPart, Part, SendFate } from '../store/record.ts';
import { candidateFacts, findCandidates } from './candidates.ts';
import { claimForGood, claimTentatively, releaseTentative } from './claims.ts';
import { findByMark, type MarkSearch } from './find-mark.ts';
import { requireSameAccount } from './same-account.ts';
import { confirmPart } from './tentative.ts';

/** A part whose create may or may not have made a batch. */
export type UnconfirmedPart = Part & { progress: Extract<PartState, { state: 'unconfirmed' }> };

export function isUnconfirmed(part: Part): part is UnconfirmedPart {
  return part.progress.state === 'unconfirmed';
}

const LISTINGS_NEEDED = 2;

/**
 * Finds out what became of an uncertain create, from the provider's list of what is newer than the newest
 * batch known before it. Whether it changed anything that lets the batch go on.
 *
 * Nothing is concluded before the time is up in which a late commit can still show. Then: no candidate in two
 * complete listings, and it was not made, so it waits to be sent again. Exactly one, with no other part of
 * ours that it could be, and it is taken, tentatively. Several: all are named, and a person decides.
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
  // What comes in above it from now on is none.
  const closed = intent.newest === undefined ? { ...intent, newest } : intent;
  const register = context.store.record(record.batch_id);
  const change = (state: PartState) =>
    updatePart(register, part.number, ({ progress }) =>
      progress.state === 'unconfirmed' && progress.intent.key_salt === part.progress.intent.key_salt
        ? state
        : null,
    );

  /** Takes a batch that is claimed; where the part became something else meanwhile, a tentative claim is given back. */
  const take = async (state: CreatedPart['progress']) => {
    const { record: now, changed } = await change(state);
    const held = now?.parts.find(({ number }) => number === part.number)?.progress;
    const id = state.provider_batch_id;
    if (changed || (held?.state === 'created' && held.provider_batch_id === id)) return;
    await releaseTentative(context, id, owner);
  };

  if (own !== null) {
    await take({ ...createdState(part.progress.intent, own.batch), tentative: own.tentative });
    return true;
  }
  const { disproved = [], unproven = [] } = intent;
  const rival = free.length === 0 ? null : await findRival(context, record, part);
  // What is proven not to be this part could be one's that is just being sent: nothing is concluded until that is known.
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

/** What our mark proves of several that have ended and have not `told` it yet; what can't be read now is asked of a person meanwhile. */
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

/** What is left of the time in which a late commit can still show in the list. */
function timeToWait(context: Context, part: UnconfirmedPart): number {
  const since = elapsedSince(context, part.progress.failure);
  // A clock that was set back must not make the wait endless.
  return Math.min(context.settleMs, Math.max(0, context.settleMs - since));
}

/** How another part of ours with as many requests is on its way, which a candidate could be; null where none is. */
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

/** A batch of ours with a part of so many requests of which it is not certain what the provider has, one that is being sent first. */
export async function findUncertain(
  context: Context,
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

/**
 * A person's word on what is uncertain: `send_again`, which `approve` may refuse, or the id of the provider's batch that it is. Throws
 * `wrong_state` where nothing is uncertain, and `not_found` or `invalid_input` for an id that can't be it.
 */
export async function resolveUnconfirmed(
  context: Context,
  record: BatchRecord,
  resolve: string,
  approve: (part: Part) => Promise<void>,
): Promise<void> {
  const register = context.store.record(record.batch_id);
  const tentative = record.parts
    .filter(isCreated)
    .find(({ progress }) => progress.tentative && progress.provider_batch_id === resolve);
  if (tentative) return confirmPart(context, record, tentative);
  const uncertain = record.parts.filter(isUnconfirmed);
  // What a person was asked about, where several are uncertain.
  const part =
    uncertain.find(({ progress }) => progress.candidates.includes(resolve)) ??
    uncertain.find(({ progress }) => progress.candidates.length > 0) ??
    uncertain[0];
  if (!part) {
    throw new BatchError('wrong_state', 'Nothing of this batch is uncertain: leave resolve out.');
  }
  await requireSameAccount(context, record, part.progress.intent);
  if (resolve === 'send_again') {
    const listed = await listedFirst(context, record, part);
    const known = listed ?? part.progress.candidates;
    const { found, disproved, failure } = await findByMark(context, record, part, known);
    // Paid already: it needs no second time.
    if (found !== null) return takeForGood(context, record, part, found);
    if (failure !== null) throw failure;
    const untold = listed?.filter((id) => !disproved.includes(id)) ?? [];
    if (untold.length > 0) throw notYetTold(untold);
    await approve(part);
    await register.update(
      (current) =>
        current && { ...current, parts: current.parts.map((each) => sentAgain(each, part.number)) },
    );
    return;
  }
  if (!isOwner(context) && !isCandidate(part, resolve))
    throw cantBe(part, resolve, 'is none of the candidates');
  const batch = await context.provider(record.provider).retrieveBatch(resolve);
  const owner = { batch_id: record.batch_id, part: part.number };
  const counted = countOf(batch);
  if (counted !== sentCount(part) || !(await claimTentatively(context, batch.id, owner))) {
    const problem =
      counted === sentCount(part)
        ? 'belongs to another batch'
        : `holds ${counted} requests, not ${sentCount(part)}`;
    throw cantBe(part, resolve, problem);
  }
  await takeForGood(context, record, part, batch);
}

/** What a part could be by the list, where nobody has listed it yet and no person was told; null where somebody has. */
async function listedFirst(
  context: Context,
  record: BatchRecord,
  part: UnconfirmedPart,
): Promise<string[] | null> {
  const { intent } = part.progress;
  if (intent.newest !== undefined || part.progress.candidates.length > 0) return null;
  const owner = { batch_id: record.batch_id, part: part.number };
  const { own, free } = await findCandidates(context, part, intent, record.provider, owner);
  return [...(own === null ? [] : [own.batch]), ...free].map(({ id }) => id);
}

function notYetTold(ids: readonly string[]): BatchError {
  return new BatchError(
    'wrong_state',
    `Nothing was sent. It is still being settled, and could be ${ids.join(' or ')}. Look with batch_status in a minute: it says ` +
      'which of them it is, or what is known of each.',
  );
}

function isCandidate({ progress: { candidates, known = [] } }: UnconfirmedPart, id: string): boolean {
  return candidates.includes(id) || known.some((candidate) => candidate.id === id);
}

function cantBe({ number }: Part, id: string, problem: string): BatchError {
  return new BatchError('invalid_input', `${id} can't be part ${number} of this batch.`, {
    problems: [
      { field: 'resolve', problem, valid: 'one of the candidates that batch_status names, or send_again' },
    ],
  });
}

const UNTOLD: SendFate = { candidates: [], fate: 'open' };

/** The part as it waits to be sent once more, beside a send whose fate nobody knows. */
function sentAgain(part: Part, number: number): Part {
  if (part.number !== number || part.progress.state !== 'unconfirmed') return part;
  const { unknown_sends = 0, fates = [], progress } = part;
  // Of sends before this one an older version may have kept none.
  const before = Array.from({ length: unknown_sends }, (_, send) => fates[send] ?? UNTOLD);
  const fate = { candidates: progress.candidates, fate: 'open' as const };
  return {
    ...part,
    unknown_sends: unknown_sends + 1,
    fates: [...before, fate],
    progress: { state: 'prepared' },
  };
}

async function takeForGood(
  context: Context,
  { batch_id }: BatchRecord,
  { number }: Part,
  batch: ProviderBatch,
): Promise<void> {
  await claimForGood(context, batch.id, { batch_id, part: number });
  await updatePart(context.store.record(batch_id), number, ({ progress }) => {
    if (progress.state === 'unconfirmed') return createdState(progress.intent, batch);
    // A look that ran meanwhile found the claim, and took it as one that has yet to be proven.
    const isTaken = progress.state === 'created' && progress.provider_batch_id === batch.id;
    return isTaken && progress.tentative ? { ...progress, tentative: false } : null;
  });
}
