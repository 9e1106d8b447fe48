import type { Context } from '../state/context.ts';
import { momentNow } from '../state/elapsed.ts';
import { unconfirmedState, updatePart } from '../state/parts.ts';
import { CERTAIN_MS } from '../state/status.ts';
import { isBatchId } from '../store/names.ts';
import type { BatchRecord, CreatedPart } from '../store/record.ts';
import { recordOrNull } from '../store/stored-json.ts';
import { claimTentatively, confirmClaim, type Owner, releaseClaim } from './claims.ts';

const NOT_OURS = "The provider's batch that was taken for this part turned out to be another's.";

/** Makes a part that took a provider's batch which is not its own uncertain again. */
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
 * Gives up a tentative part whose claim was displaced by another part's create, in case that part's process did not.
 * A missing claim proves nothing: it was lost, and is made again. Nor does a claim by a part that does not have that
 * batch.
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

/** Whether the part that a claim names also has that batch in its own record. */
async function isHeldByOwner(context: Context, id: string): Promise<boolean> {
  const claim = await context.store.claim(id).read();
  if (claim?.owner == null || !isBatchId(claim.owner.batch_id)) return false;
  const { batch_id, part: number } = claim.owner;
  const record = await recordOrNull(context.store, batch_id);
  const progress = record?.parts.find((part) => part.number === number)?.progress;
  return progress?.state === 'created' && progress.provider_batch_id === id;
}

/** Lets go of a batch whose results prove that it is not this tentative part. */
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
  'The results of the only batch that it can be have no readable line where its mark would be, however often they were fetched.';

/**
 * Leaves it to a person whether a tentative part is ours, once its results have been unable to prove it for long
 * enough. Returns whether that is so.
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
  if (isLasting) await releaseClaim(context, id, owner, { ifTentative: true });
  await updatePart(context.store.record(record.batch_id), part.number, ({ progress }) => {
    if (progress.state !== 'created' || !progress.tentative || progress.provider_batch_id !== id) return null;
    if (!isLasting || progress.intent === null) return { ...progress, unproven_since };
    const unproven = [...(progress.intent.unproven ?? []), id];
    return { ...unconfirmedState({ ...progress.intent, unproven }, failure), candidates: [id] };
  });
  return isLasting;
}

/** Makes a tentative part ours for good: its results match what was sent, or the person says so. */
export async function confirmPart(context: Context, record: BatchRecord, part: CreatedPart): Promise<void> {
  await confirmClaim(context, part.progress.provider_batch_id, {
    batch_id: record.batch_id,
    part: part.number,
  });
  await updatePart(context.store.record(record.batch_id), part.number, ({ progress }) =>
    progress.state === 'created' && progress.tentative ? { ...progress, tentative: false } : null,
  );
}
