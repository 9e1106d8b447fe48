import { setTimeout as sleep } from 'node:timers/promises';
import { BatchError } from '../errors.ts';
import type { Provider, ProviderBatch, ProviderName } from '../provider/provider.ts';
import type { Context } from '../state/context.ts';
import { countOf, createdState, isCreated, updatePart } from '../state/parts.ts';
import { recordOrNull } from '../state/records.ts';
import type { BatchRecord, Part, PartState } from '../store/record.ts';
import { claimForGood, claimTentatively, type Owner, standingOf } from './claims.ts';
import { requireSameAccount } from './same-account.ts';
import { confirmPart } from './tentative.ts';

/** A part whose create may or may not have made a batch. */
export type UnconfirmedPart = Part & { progress: Extract<PartState, { state: 'unconfirmed' }> };

export function isUnconfirmed(part: Part): part is UnconfirmedPart {
  return part.progress.state === 'unconfirmed';
}

const LISTINGS_NEEDED = 2;
const PAGE = 100;

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
  const { own, candidates } = await findCandidates(context, part, record.provider, owner);
  const register = context.store.record(record.batch_id);
  const change = (state: PartState) =>
    updatePart(register, part.number, ({ progress }) =>
      progress.state === 'unconfirmed' && progress.intent.key_salt === part.progress.intent.key_salt
        ? state
        : null,
    );

  if (own !== null) {
    await change({ ...createdState(part.progress.intent, own.batch), tentative: own.tentative });
    return true;
  }
  if (candidates.length === 0) {
    const empty_listings = part.progress.empty_listings + 1;
    const proven = empty_listings >= LISTINGS_NEEDED;
    await change(proven ? { state: 'prepared' } : { ...part.progress, empty_listings, candidates: [] });
    return true;
  }
  const [only] = candidates;
  const rivals = candidates.length > 1 || (await hasRival(context, record, part));
  if (only && !rivals && (await claimTentatively(context, only.id, owner))) {
    await change({ ...createdState(part.progress.intent, only), tentative: true });
    return true;
  }
  await change({ ...part.progress, empty_listings: 0, candidates: candidates.map(({ id }) => id) });
  return false;
}

/** What is left of the time in which a late commit can still show in the list. */
function timeToWait(context: Context, part: UnconfirmedPart): number {
  const since = context.now().getTime() - Date.parse(part.progress.failure.at);
  // A clock that was set back must not make the wait endless, nor one set forward end it early by much.
  return Math.min(context.settleMs, Math.max(0, context.settleMs - since));
}

type Candidates = {
  /** The one that the part has claimed already, by a process that died before it could note it. */
  own: { batch: ProviderBatch; tentative: boolean } | null;
  candidates: ProviderBatch[];
};

/** The batches newer than the watermark, by the provider's own order, that could be this part. */
async function findCandidates(
  context: Context,
  part: UnconfirmedPart,
  provider: ProviderName,
  owner: Owner,
): Promise<Candidates> {
  const { watermark, rejected } = part.progress.intent;
  const found: Candidates = { own: null, candidates: [] };
  for await (const batch of newerThan(context.provider(provider), watermark)) {
    if (rejected.includes(batch.id) || countOf(batch) !== part.request_count) continue;
    const standing = await standingOf(context, batch.id, owner);
    if (standing === 'free') found.candidates.push(batch);
    if (standing === 'own' || (standing === 'own_tentatively' && found.own === null)) {
      found.own = { batch, tentative: standing === 'own_tentatively' };
    }
  }
  return found;
}

async function* newerThan(provider: Provider, watermark: string | null): AsyncGenerator<ProviderBatch> {
  let after: string | undefined;
  for (;;) {
    const page = await provider.listBatches({ limit: PAGE, ...(after !== undefined && { after_id: after }) });
    for (const batch of page.batches) {
      if (batch.id === watermark) return;
      yield batch;
    }
    if (!page.has_more) return;
    const last = page.last_id ?? page.batches.at(-1)?.id;
    if (last === undefined || last === after) throw endlessListing();
    after = last;
  }
}

/** A listing that does not get to its end proves nothing: a batch that it leaves out would be paid twice. */
function endlessListing(): BatchError {
  return new BatchError(
    'api_uncertain',
    "The API's list of batches says that there are more, and not where: nothing can be concluded from it.",
  );
}

/** Whether another part of ours with as many requests is on its way: a candidate could be that one. */
async function hasRival(context: Context, record: BatchRecord, part: Part): Promise<boolean> {
  const isOther = (batchId: string, number: number) => batchId !== record.batch_id || number !== part.number;
  return (await findUncertain(context, record.provider, part.request_count, isOther)) !== null;
}

/** The id of a batch of ours with a part of so many requests of which it is not certain what the provider has. */
export async function findUncertain(
  context: Context,
  provider: ProviderName,
  requestCount: number,
  counts: (batchId: string, part: number) => boolean = () => true,
): Promise<string | null> {
  for (const batchId of await context.store.batchIds()) {
    const record = await recordOrNull(context.store, batchId);
    const inFlight = record?.parts.some(
      ({ number, request_count, progress }) =>
        (progress.state === 'sending' || progress.state === 'unconfirmed') &&
        request_count === requestCount &&
        counts(batchId, number),
    );
    if (record?.provider === provider && inFlight) return batchId;
  }
  return null;
}

/**
 * A person's word on what is uncertain: `send_again`, or the id of the provider's batch that it is. Throws
 * `wrong_state` where nothing is uncertain, and `not_found` or `invalid_input` for an id that can't be it.
 */
export async function resolveUnconfirmed(
  context: Context,
  record: BatchRecord,
  resolve: string,
): Promise<void> {
  const register = context.store.record(record.batch_id);
  const tentative = record.parts
    .filter(isCreated)
    .find(({ progress }) => progress.tentative && progress.provider_batch_id === resolve);
  if (tentative) return confirmPart(context, record, tentative);
  const part = record.parts.find(isUnconfirmed);
  if (!part) {
    throw new BatchError('wrong_state', 'Nothing of this batch is uncertain: leave resolve out.');
  }
  await requireSameAccount(context, record, part.progress.intent);
  if (resolve === 'send_again') {
    await updatePart(register, part.number, ({ progress }) =>
      progress.state === 'unconfirmed' ? { state: 'prepared' } : null,
    );
    return;
  }
  const batch = await context.provider(record.provider).retrieveBatch(resolve);
  const owner = { batch_id: record.batch_id, part: part.number };
  const counted = countOf(batch);
  if (counted !== part.request_count || !(await claimTentatively(context, batch.id, owner))) {
    throw new BatchError('invalid_input', `${resolve} can't be part ${part.number} of this batch.`, {
      problems: [
        {
          field: 'resolve',
          problem:
            counted === part.request_count
              ? 'belongs to another batch'
              : `holds ${counted} requests, not ${part.request_count}`,
          valid: 'one of the candidates that batch_status names, or send_again',
        },
      ],
    });
  }
  await claimForGood(context, batch.id, owner);
  await updatePart(register, part.number, ({ progress }) =>
    progress.state === 'unconfirmed' ? createdState(progress.intent, batch) : null,
  );
}
