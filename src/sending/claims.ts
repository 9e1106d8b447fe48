import type { Context } from '../state/context.ts';
import { isCreated } from '../state/parts.ts';
import { isBatchId } from '../store/names.ts';
import type { Part } from '../store/record.ts';
import type { Claim } from '../store/shared-records.ts';
import { recordOrNull } from '../store/stored-json.ts';
import { readProviderBatches } from './provider-batches.ts';

/** A part of ours that a provider's batch may belong to. */
export type Owner = { batch_id: string; part: number };

function isSame(claim: Claim | null, owner: Owner): boolean {
  return claim?.owner?.batch_id === owner.batch_id && claim.owner.part === owner.part;
}

type Place = Pick<Context, 'store' | 'log'>;

/**
 * What the records say of a claim. `kept`: that part is this batch. `wrong`: it became another batch, or another part is this one; the
 * claim was exchanged with another, or left by a process that died, and proves nothing. `open`: they don't tell, as while the part is
 * being sent.
 */
type Evidence = 'kept' | 'wrong' | 'open';

async function evidenceOf({ store, log }: Place, providerBatchId: string, owner: Owner): Promise<Evidence> {
  const record = isBatchId(owner.batch_id) ? await recordOrNull(store, owner.batch_id) : null;
  // It was removed, or can't be read.
  if (record === null) return 'open';
  const madeAs = (part: Part) =>
    isCreated(part) && part.reused_from === undefined ? part.progress.provider_batch_id : null;
  const named = record.parts.find(({ number }) => number === owner.part);
  const became = named === undefined ? null : madeAs(named);
  if (became === providerBatchId) return 'kept';
  const isElsewhere =
    record.parts.some((part) => madeAs(part) === providerBatchId) ||
    (await readProviderBatches(store)).some(
      ({ batch_id, made }) => batch_id !== owner.batch_id && made.includes(providerBatchId),
    );
  if (became === null && !isElsewhere) return 'open';
  log(
    'warn',
    `The claim to ${providerBatchId} names part ${owner.part} of ${owner.batch_id}, which is another batch: it is damaged, and passed over`,
  );
  return 'wrong';
}

/** Whom the claim to a provider's batch names wrongly; null where the claim may hold, or there is none. */
async function wrongOwner(context: Place, providerBatchId: string): Promise<Owner | null> {
  const owner = (await context.store.claim(providerBatchId).read())?.owner;
  if (owner == null) return null;
  return (await evidenceOf(context, providerBatchId, owner)) === 'wrong' ? owner : null;
}

/** The claim to a provider's batch; null where nobody has it. */
export async function readClaim(context: Place, providerBatchId: string): Promise<Claim | null> {
  const held = await context.store.claim(providerBatchId).read();
  if (held?.owner == null || (await wrongOwner(context, providerBatchId)) !== null) return null;
  return held;
}

/** Claims a provider's batch that is proven to be this owner's. Returns the owner of the claim that it displaced. */
export async function claimForGood(
  context: Pick<Context, 'store'>,
  providerBatchId: string,
  owner: Owner,
): Promise<Owner | null> {
  let displaced: Owner | null = null;
  await context.store.claim(providerBatchId).update((held) => {
    displaced = held?.owner && !isSame(held, owner) ? held.owner : null;
    return { owner, tentative: false };
  });
  return displaced;
}

/**
 * The same, proven by the answer to our own create. A batch that another part has for good was made by another
 * create, whose answer was repeated: `of_another` then, and nothing changes.
 */
export async function claimAnswered(
  context: Context,
  providerBatchId: string,
  owner: Owner,
): Promise<Owner | null | 'of_another'> {
  const displaced = await displace(context, providerBatchId, owner, null);
  if (displaced !== 'of_another') return displaced;
  const wrong = await wrongOwner(context, providerBatchId);
  return wrong === null ? displaced : displace(context, providerBatchId, owner, wrong);
}

async function displace(
  { store }: Context,
  providerBatchId: string,
  owner: Owner,
  wrong: Owner | null,
): Promise<Owner | null | 'of_another'> {
  let displaced: Owner | null | 'of_another' = null;
  await store.claim(providerBatchId).update((held) => {
    const isOthers = !isSame(held, owner) && !(wrong !== null && isSame(held, wrong));
    const other = isOthers ? (held?.owner ?? null) : null;
    displaced = other !== null && !held?.tentative ? 'of_another' : other;
    return displaced === 'of_another' ? held : { owner, tentative: false };
  });
  return displaced;
}

/** Claims a provider's batch that nobody else owns; returns whether it is this owner's now. */
export async function claimTentatively(
  context: Place,
  providerBatchId: string,
  owner: Owner,
): Promise<boolean> {
  const claim = context.store.claim(providerBatchId);
  const claimed = { owner, tentative: true };
  const held = await claim.update((current) => (current?.owner ? current : claimed));
  if (isSame(held, owner)) return true;
  const wrong = await wrongOwner(context, providerBatchId);
  if (wrong === null) return false;
  const mended = await claim.update((current) =>
    current?.owner && !isSame(current, wrong) ? current : claimed,
  );
  return isSame(mended, owner);
}

/** Makes a tentative claim final, once the results or the person have proven it. */
export async function confirmClaim(
  context: Pick<Context, 'store'>,
  providerBatchId: string,
  owner: Owner,
): Promise<void> {
  await context.store
    .claim(providerBatchId)
    .update((current) => (isSame(current, owner) ? { owner, tentative: false } : current));
}

/**
 * Gives a claim back, as the provider's batch turned out not to be this part. With `ifTentative` a final claim, as by the
 * answer to a create, stands.
 */
export async function releaseClaim(
  context: Pick<Context, 'store'>,
  providerBatchId: string,
  owner: Owner,
  { ifTentative = false }: { ifTentative?: boolean } = {},
): Promise<void> {
  await context.store.claim(providerBatchId).update((current) => {
    const stays = !isSame(current, owner) || (ifTentative && !current?.tentative);
    return stays ? current : { owner: null, tentative: false };
  });
}

/**
 * To whom a provider's batch belongs, seen from a part. `claimed`: this part, whose process died before it could record that.
 * `doubtful`: another part, whose record doesn't show that; the claims of two parts that were being sent may have been exchanged.
 */
export async function standingOf(
  context: Place,
  providerBatchId: string,
  owner: Owner,
): Promise<'free' | 'claimed' | 'claimed_tentatively' | 'doubtful' | 'of_another'> {
  const held = await context.store.claim(providerBatchId).read();
  if (held?.owner == null) return 'free';
  const evidence = await evidenceOf(context, providerBatchId, held.owner);
  if (evidence === 'wrong') return 'free';
  if (isSame(held, owner)) return held.tentative ? 'claimed_tentatively' : 'claimed';
  return evidence === 'kept' ? 'of_another' : 'doubtful';
}

/**
 * The part whose record says that it is a provider's batch, whatever became of the claim, which is made again; null where there
 * is none.
 */
export async function claimByRecord(context: Place, providerBatchId: string): Promise<Owner | null> {
  for (const { batch_id: batchId, made } of await readProviderBatches(context.store)) {
    if (!made.includes(providerBatchId)) continue;
    const record = await recordOrNull(context.store, batchId);
    for (const { number, progress, reused_from } of record?.parts ?? []) {
      if (progress.state !== 'created' || progress.provider_batch_id !== providerBatchId) continue;
      if (reused_from !== undefined) continue;
      const owner = { batch_id: batchId, part: number };
      if (!(await claimTentatively(context, providerBatchId, owner))) continue;
      if (!progress.tentative) await confirmClaim(context, providerBatchId, owner);
      return owner;
    }
  }
  return null;
}
