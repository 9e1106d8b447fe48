import * as z from 'zod';
import { providerNames } from '../provider/provider.ts';
import { isCreated, sentCount } from '../state/parts.ts';
import type { BatchRecord } from '../store/record.ts';
import type { Store } from '../store/store.ts';
import { summaryReader } from '../store/stored-json.ts';

/** What a record says of the provider's batches: those that its parts are, and the parts of which that is not known. */
const providerBatches = z.object({
  batch_id: z.string(),
  provider: z.enum(providerNames),
  made: z.array(z.string()),
  uncertain: z.array(
    z.object({ part: z.int(), requests: z.int(), state: z.enum(['sending', 'unconfirmed']) }),
  ),
});
type ProviderBatches = z.infer<typeof providerBatches>;

const read = summaryReader({
  name: 'provider-batches-1',
  schema: providerBatches,
  make: ({ batch_id, provider, parts }) => ({
    batch_id,
    provider,
    made: parts
      .filter(isCreated)
      .filter(({ reused_from }) => reused_from === undefined)
      .map(({ progress }) => progress.provider_batch_id),
    uncertain: uncertainIn(parts),
  }),
});

function uncertainIn(parts: BatchRecord['parts']): ProviderBatches['uncertain'] {
  return parts.flatMap((part) => {
    const { state } = part.progress;
    if (state !== 'sending' && state !== 'unconfirmed') return [];
    return [{ part: part.number, requests: sentCount(part), state }];
  });
}

/** What all records that can be read say, newest first. */
export async function readProviderBatches(store: Store): Promise<ProviderBatches[]> {
  return (await read(store, await store.batchIds())).found;
}
