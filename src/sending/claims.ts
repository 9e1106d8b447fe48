import type { Context } from '../state/context.ts';
import { isBatchId } from '../store/names.ts';
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
 * Whom the claim to a provider's batch names, where that part became another batch: its record was exchanged with
 * that of another claim, or left by a process that died. It proves nothing. Null where the claim holds, or there is none.
 */
async function wrongOwner({ store, log }: Place, providerBatchId: string): Promise<Owner | null> {
  const owner = (await store.claim(providerBatchId).read())?.owner;
  if (owner == null || !isBatchId(owner.batch_id)) return null;
  const record = await recordOrNull(store, owner.batch_id);
  const progress = record?.parts.find(({ number }) => number === owner.part)?.progress;
  if (progress?.state !== 'created' || progress.provider_batch_id === providerBatchId) return null;
  log(
    'warn',
    `The claim to ${providerBatchId} names part ${owner.part} of ${owner.batch_id}, which is ${progress.provider_batch_id}: it is ` +
      'damaged, and passed over',
  );
  return owner;
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
 * To whom a provider's batch belongs, seen from a part: the part may own it already, if its process died before
 * recording that.
 */
export async function standingOf(
  context: Place,
  providerBatchId: string,
  owner: Owner,
): Promise<'free' | 'own' | 'own_tentatively' | 'of_another'> {
  const held = await readClaim(context, providerBatchId);
  if (held === null) return 'free';
  if (!isSame(held, owner)) return 'of_another';
  return held.tentative ? 'own_tentatively' : 'own';
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
