import { dirname } from 'node:path';
import { BatchError } from '../errors.ts';
import { createFileDurably, makeFolder } from '../files/durable-write.ts';
import { encodeEnvelope, readEnvelope, seal } from './envelope.ts';
import { isProviderBatchId, type Layout } from './layout.ts';
import { type Claim, claim as claimSchema } from './record.ts';
import { linkInStore } from './store-failure.ts';

/** The claim on a provider's batch; null where nobody made one, or nobody could by such an id. */
export async function findClaim(layout: Layout, providerBatchId: string): Promise<Claim | null> {
  if (!isProviderBatchId(providerBatchId)) return null;
  return (await readEnvelope(layout.claim(providerBatchId), claimSchema))?.value ?? null;
}

/** Claims a provider's batch for good, and gives back the claim that holds: the first one made. */
export async function makeClaim(layout: Layout, providerBatchId: string, claim: Claim): Promise<Claim> {
  const path = layout.claim(providerBatchId);
  const text = encodeEnvelope(path, seal(claim), claimSchema);
  const created = await linkInStore(path, async () => {
    await makeFolder(dirname(path));
    return createFileDurably(path, text, { temporary: layout.temporary });
  });
  if (created) return claim;
  const holding = await findClaim(layout, providerBatchId);
  if (holding) return holding;
  throw new BatchError('store_failed', `${path} was there and is gone: something else removes files here.`);
}
