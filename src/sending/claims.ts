import type { Context } from '../state/context.ts';
import type { Claim } from '../store/shared-records.ts';

/** A part of ours that a provider's batch may belong to. */
export type Owner = { batch_id: string; part: number };

function isSame(claim: Claim | null, owner: Owner): boolean {
  return claim?.owner?.batch_id === owner.batch_id && claim.owner.part === owner.part;
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
  let displaced: Owner | null | 'of_another' = null;
  await context.store.claim(providerBatchId).update((held) => {
    const other = held?.owner && !isSame(held, owner) ? held.owner : null;
    displaced = other !== null && !held?.tentative ? 'of_another' : other;
    return displaced === 'of_another' ? held : { owner, tentative: false };
  });
  return displaced;
}

/** Claims a provider's batch that nobody else owns; returns whether it is this owner's now. */
export async function claimTentatively(
  context: Pick<Context, 'store'>,
  providerBatchId: string,
  owner: Owner,
): Promise<boolean> {
  const held = await context.store
    .claim(providerBatchId)
    .update((current) => (current?.owner ? current : { owner, tentative: true }));
  return isSame(held, owner);
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
  context: Pick<Context, 'store'>,
  providerBatchId: string,
  owner: Owner,
): Promise<'free' | 'own' | 'own_tentatively' | 'of_another'> {
  const held = await context.store.claim(providerBatchId).read();
  if (held === null || held.owner === null) return 'free';
  if (!isSame(held, owner)) return 'of_another';
  return held.tentative ? 'own_tentatively' : 'own';
}

/** Whether any part here owns a provider's batch. */
export async function isClaimed(context: Pick<Context, 'store'>, providerBatchId: string): Promise<boolean> {
  return (await context.store.claim(providerBatchId).read())?.owner != null;
}
