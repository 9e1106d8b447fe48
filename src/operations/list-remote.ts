import { isClaimed } from '../sending/claims.ts';
import type { Context } from '../state/context.ts';
import { countOf } from '../state/parts.ts';

/** A batch that the provider knows and the store does not. */
export type RemoteBatch = {
  batch_id: string;
  processing_status: string;
  request_count: number;
  created_at: string;
};

const NEWEST = 100;

/** The newest of the provider's batches that were not made or adopted here; looking at one by its id adopts it. */
export async function listRemote(context: Context): Promise<RemoteBatch[]> {
  if (context.remote === 'off') return [];
  const { batches } = await context.provider(context.defaultProvider).listBatches({ limit: NEWEST });
  const claimed = await Promise.all(batches.map((batch) => isClaimed(context, batch.id)));
  return batches
    .filter((_batch, index) => !claimed[index])
    .map((batch) => ({
      batch_id: batch.id,
      processing_status: batch.processing_status,
      request_count: countOf(batch),
      created_at: batch.created_at,
    }));
}
