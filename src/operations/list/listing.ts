import * as z from 'zod';
import { type CostUsd, costOf } from '../../cost/cost.ts';
import { batchCosts, costsOf } from '../../cost/group-costs.ts';
import { BatchError } from '../../errors.ts';
import { type ProviderName, providerNames } from '../../provider/provider.ts';
import type { Context } from '../../state/context.ts';
import { isCreated } from '../../state/parts.ts';
import { type ProcessingStatus, processingStatuses, statusOf } from '../../state/status.ts';
import { isOwner, maySee } from '../../state/subject.ts';
import type { BatchRecord } from '../../store/record.ts';
import type { Store, Summaries, Summary } from '../../store/store.ts';
import { summaryReader } from '../../store/stored-json.ts';

const listedCost = z.object({
  expected: z.number(),
  maximum: z.number(),
  actual: z.number().nullable(),
  basis: z.enum(['exact', 'sampled', 'estimated', 'actual']),
});

/** A batch as it appears in lists. */
export type ListedBatch = {
  batch_id: string;
  name: string;
  /** Who submitted it over HTTP; left out where the store's owner did. */
  user?: string;
  provider: ProviderName;
  processing_status: ProcessingStatus;
  request_count: number;
  created_at: string;
  cost_usd: CostUsd | null;
};

const listedBatch = z.object({
  batch_id: z.string(),
  name: z.string(),
  user: z.string().exactOptional(),
  provider: z.enum(providerNames),
  processing_status: z.enum(processingStatuses),
  request_count: z.number(),
  created_at: z.string(),
  cost_usd: listedCost.nullable(),
}) satisfies z.ZodType<ListedBatch>;

/** All that lists need to know of a batch. */
const listing = z.object({
  listed: listedBatch,
  costs: batchCosts,
  disk_bytes: z.number(),
  never_sent: z.boolean(),
  /** The provider's id of an adopted batch; null for one of ours. */
  adopts: z.string().nullable(),
});
export type Listing = z.infer<typeof listing>;

/** The summary that the store keeps of each batch for lists. */
export const listingSummary: Summary<Listing> = {
  name: 'listing-5',
  schema: listing,
  make: (record) => listingOf(record),
};

const readListings = summaryReader(listingSummary);

/**
 * The batches that the caller may see, newest first, without those that were never sent. Only the owner is told of
 * damaged ones: nobody can tell whose they are.
 */
export async function readListing(
  context: Pick<Context, 'store' | 'subject' | 'isShared'>,
): Promise<Summaries<Listing>> {
  const { store } = context;
  const { found, damaged } = await readListings(store, await store.batchIds());
  const sent = found.filter(({ never_sent, listed }) => !never_sent && maySee(context, listed));
  return { found: await withoutLosers(store, sent), damaged: isOwner(context) ? damaged : [] };
}

/**
 * Keeps, of several records that adopted the same batch at once, the one that owns it: the other processes died
 * before they could remove theirs.
 */
async function withoutLosers(store: Store, found: readonly Listing[]): Promise<Listing[]> {
  const adopted = found.flatMap(({ adopts }) => adopts ?? []);
  const owners = new Map<string | null, string | undefined>();
  for (const id of new Set(adopted.filter((each, index) => adopted.indexOf(each) !== index))) {
    owners.set(id, await ownerOf(store, id));
  }
  return found.filter(({ adopts, listed }) => (owners.get(adopts) ?? listed.batch_id) === listed.batch_id);
}

/** Undefined where there is no owner, or the claim can't be read. */
async function ownerOf(store: Store, providerBatchId: string): Promise<string | undefined> {
  try {
    return (await store.claim(providerBatchId).read())?.owner?.batch_id;
  } catch (error) {
    if (error instanceof BatchError && error.code.startsWith('store_')) return undefined;
    throw error;
  }
}

function listingOf(record: BatchRecord): Listing {
  const { batch_id, name, user, provider, request_count, created_at } = record;
  const processing_status = statusOf(record);
  const cost_usd = costOf(record);
  return {
    listed: {
      batch_id,
      name,
      ...(user !== undefined && { user }),
      provider,
      processing_status,
      request_count,
      created_at,
      cost_usd,
    },
    costs: costsOf(record),
    disk_bytes: diskBytes(record),
    never_sent: record.never_sent !== undefined,
    adopts: record.adopted ? (record.parts.find(isCreated)?.progress.provider_batch_id ?? null) : null,
  };
}

/** The size of its requests and results, which are nearly all that it takes on disk. */
export function diskBytes({ parts }: BatchRecord): number {
  return parts.reduce(
    (sum, { body_bytes, progress }) =>
      sum + body_bytes + ((progress.state === 'created' && progress.results?.bytes) || 0),
    0,
  );
}
