import type { Context } from '../state/context.ts';
import { momentNow } from '../state/elapsed.ts';
import { unconfirmedState, updatePart } from '../state/parts.ts';
import { CERTAIN_MS } from '../state/status.ts';
import { isBatchId } from '../store/names.ts';
import type { BatchRecord, CreatedPart } from '../store/record.ts';
import { recordOrNull } from '../store/stored-json.ts';
import { claimTentatively, confirmClaim, type Owner, releaseClaim, releaseTentative } from './claims.ts';

const NOT_OURS = "The provider's batch that was taken for it turned out to be another one's.";

/** A part that took a provider's batch which is not its own is uncertain, as it was before. */
export async function backToUnconfirmed(
  context: Context,
  owner: Owner,
  providerBatchId: string,
): Promise<void> {
  const failure = { code: 'api_uncertain', message: NOT_OURS, ...momentNow(context) };
  await updatePart(context.store.record(owner.batch_id), owner.part, ({ progress }) => {
    if (progress.state !== 'created' || !progress.tentative || progress.intent === null) return null;
    if (progress.provider_batch_id !== providerBatchId) return null;
    const rejected = [...progress.intent.rejected, providerBatchId];
    return unconfirmedState({ ...progress.intent, rejected }, failure);
  });
}

/**
 * Gives up tentative parts whose claim another's create has displaced, should that process not have done so. A claim that nobody has
 * is no such proof: it was lost, and is made again. Nor is one of a part that does not have that batch.
 */
export async function giveUpDisplaced(
  context: Context,
  record: BatchRecord,
  part: CreatedPart,
): Promise<void> {
  const owner = { batch_id: record.batch_id, part: part.number };
  const id = part.progress.provider_batch_id;
  if (!part.progress.tentative || (await claimTentatively(context, id, owner))) return;
  if (await isHeldByOwner(context, id)) await backToUnconfirmed(context, owner, id);
}

/** Whether the part that a claim names has that batch by its own record. */
async function isHeldByOwner(context: Context, id: string): Promise<boolean> {
  const claim = await context.store.claim(id).read();
  if (claim?.owner == null || !isBatchId(claim.owner.batch_id)) return false;
  const { batch_id, part: number } = claim.owner;
  const record = await recordOrNull(context.store, batch_id);
  const progress = record?.parts.find((part) => part.number === number)?.progress;
  return progress?.state === 'created' && progress.provider_batch_id === id;
}

/** Lets go of a tentative part whose results prove that it is another one's. */
export async function releaseForeign(
  context: Context,
  record: BatchRecord,
  part: CreatedPart,
): Promise<void> {
  const owner = { batch_id: record.batch_id, part: part.number };
  await releaseClaim(context, part.progress.provider_batch_id, owner);
  await backToUnconfirmed(context, owner, part.progress.provider_batch_id);
}

const UNPROVEN =
  'The results of the only batch it can be lack a line that can be read where its mark would stand, however often they were fetched.';

/**
 * Leaves to a person whether a tentative part is ours, whose results can't prove it, once that has lasted long enough for a line to
 * come; whether it has.
 */
export async function releaseUnproven(
  context: Context,
  record: BatchRecord,
  part: CreatedPart,
): Promise<boolean> {
  const { provider_batch_id: id, unproven_since = context.now().toISOString() } = part.progress;
  const isLasting = context.now().getTime() - Date.parse(unproven_since) >= CERTAIN_MS;
  const failure = { code: 'api_uncertain', message: UNPROVEN, ...momentNow(context) };
  const owner = { batch_id: record.batch_id, part: part.number };
  if (isLasting) await releaseTentative(context, id, owner);
  await updatePart(context.store.record(record.batch_id), part.number, ({ progress }) => {
    if (progress.state !== 'created' || !progress.tentative || progress.provider_batch_id !== id) return null;
    if (!isLasting || progress.intent === null) return { ...progress, unproven_since };
    const unproven = [...(progress.intent.unproven ?? []), id];
    return { ...unconfirmedState({ ...progress.intent, unproven }, failure), candidates: [id] };
  });
  return isLasting;
}

/** Makes a tentative part ours for good: its results hold what was sent, or the person says so. */
export async function confirmPart(context: Context, record: BatchRecord, part: CreatedPart): Promise<void> {
  await confirmClaim(context, part.progress.provider_batch_id, {
    batch_id: record.batch_id,
    part: part.number,
  });
  await updatePart(context.store.record(record.batch_id), part.number, ({ progress }) =>
    progress.state === 'created' && progress.tentative ? { ...progress, tentative: false } : null,
  );
}
