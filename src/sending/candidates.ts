import { BatchError } from '../errors.ts';
import type { Provider, ProviderBatch, ProviderName } from '../provider/provider.ts';
import type { Context } from '../state/context.ts';
import { countOf, sentCount } from '../state/parts.ts';
import type { Candidate, Intent } from '../store/part-state.ts';
import type { Part } from '../store/record.ts';
import { type Owner, standingOf } from './claims.ts';

const PAGE = 100;

export type Candidates = {
  /** The one that the part has claimed already, by a process that died before it could note it. */
  own: { batch: ProviderBatch; tentative: boolean } | null;
  /** Those that no part has claimed, newest first. */
  free: ProviderBatch[];
  /** The newest batch of the list, the watermark where none is newer; null where there is none at all. */
  newest: string | null;
};

/**
 * The batches newer than the watermark, by the provider's own order, that could be this part: no newer than the newest of the
 * first such list, for what came in above it was made after the part had left.
 */
export async function findCandidates(
  context: Context,
  part: Pick<Part, 'request_count' | 'packs'>,
  intent: Intent,
  provider: ProviderName,
  owner: Owner,
): Promise<Candidates> {
  const { watermark, rejected, newest } = intent;
  const found: Candidates = { own: null, free: [], newest: null };
  for await (const batch of newerThan(context.provider(provider), watermark)) {
    found.newest ??= batch.id;
    // Where it is gone from the list, nothing is left out.
    if (batch.id === newest) found.free = [];
    if (rejected.includes(batch.id) || countOf(batch) !== sentCount(part)) continue;
    const standing = await standingOf(context, batch.id, owner);
    if (standing === 'free') found.free.push(batch);
    if (standing === 'own' || (standing === 'own_tentatively' && found.own === null)) {
      found.own = { batch, tentative: standing === 'own_tentatively' };
    }
  }
  // Nothing was newer than the watermark then.
  if (newest !== undefined && newest === watermark) found.free = [];
  found.newest ??= watermark;
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

/** What is kept of them, for whoever decides. */
export function candidateFacts(batches: readonly ProviderBatch[]): Candidate[] {
  return batches.map((batch) => ({
    id: batch.id,
    created_at: batch.created_at,
    request_count: countOf(batch),
    processing_status: batch.processing_status,
  }));
}
