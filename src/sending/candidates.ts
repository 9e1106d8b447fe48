import { setTimeout as sleep } from 'node:timers/promises';
import { BatchError, type ErrorCode } from '../errors.ts';
import type { Provider, ProviderBatch, ProviderBatchPage, ProviderName } from '../provider/provider.ts';
import type { Context } from '../state/context.ts';
import { countOf, sentCount } from '../state/parts.ts';
import type { Candidate, Intent } from '../store/part-state.ts';
import type { Part } from '../store/record.ts';
import { type Owner, standingOf } from './claims.ts';

const PAGE = 100;
/** More pages than an account can fill while the API still lists its batches. */
const MOST_PAGES = 5_000;
const PAGE_TRIES = 5;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 10_000;

type Candidates = {
  /** The one that the part has already claimed, through a process that died before it could record it. */
  own: ProviderBatch | null;
  /** Those that no part is known to be, newest first. */
  free: ProviderBatch[];
  /** The newest batch of the list, or the watermark if none is newer; null if there is none at all. */
  newest: string | null;
};

/**
 * The batches newer than the watermark, by the provider's own order, that could be this part: none newer than the
 * newest of the first such listing, since later ones were made after the part was sent. Those that were candidates `before` stay: a list
 * may turn round what has one time.
 */
export async function findCandidates(
  context: Context,
  part: Pick<Part, 'request_count' | 'packs'>,
  intent: Intent,
  provider: ProviderName,
  owner: Owner,
  before: readonly string[] = [],
): Promise<Candidates> {
  const { watermark, rejected, newest } = intent;
  const found: Candidates = { own: null, free: [], newest: null };
  for await (const batch of newerThan(context.provider(provider), watermark)) {
    found.newest ??= batch.id;
    // If it is gone from the list, nothing is left out.
    if (batch.id === newest) found.free = found.free.filter(({ id }) => before.includes(id));
    if (rejected.includes(batch.id) || countOf(batch) !== sentCount(part)) continue;
    const standing = await standingOf(context, batch.id, owner);
    if (standing === 'free' || standing === 'doubtful') found.free.push(batch);
    if (standing === 'claimed') found.own = batch;
    if (standing === 'claimed_tentatively') found.own ??= batch;
  }
  // In the first listing nothing was newer than the watermark.
  if (newest !== undefined && newest === watermark) found.free = [];
  found.newest ??= watermark;
  return found;
}

/** The batches that a list has above the watermark, and those below it that are newer all the same, as in a list in another order. */
async function* newerThan(provider: Provider, watermark: string | null): AsyncGenerator<ProviderBatch> {
  const listed = new Set<string>();
  let known: ProviderBatch | undefined;
  let after: string | undefined;
  for (let pages = 0; pages < MOST_PAGES; pages += 1) {
    const page = await readPage(provider, after);
    for (const batch of page.batches) {
      if (listed.has(batch.id)) throw unreliable('names a batch twice');
      listed.add(batch.id);
      if (batch.id === watermark) known = batch;
      else if (known === undefined || mayBeNewer(batch, known)) yield batch;
    }
    const lowest = page.batches.at(-1);
    if (known !== undefined && !(page.has_more && lowest && mayBeNewer(lowest, known))) return;
    if (!page.has_more) return requireGone(provider, watermark);
    const last = page.last_id ?? lowest?.id;
    if (page.batches.length === 0 || last === undefined || last === after)
      throw unreliable('says that there are more, but not where');
    after = last;
  }
  throw unreliable('has no end');
}

/** Of batches with one time, as in one second of a clock that tells no less, a list may have any first. */
function mayBeNewer(one: ProviderBatch, other: ProviderBatch): boolean {
  return Date.parse(one.created_at) >= Date.parse(other.created_at);
}

/** Throws `api_uncertain` if a listing ended without the watermark, though the provider still has that batch. */
async function requireGone(provider: Provider, watermark: string | null): Promise<void> {
  if (watermark === null) return;
  try {
    await provider.retrieveBatch(watermark);
  } catch (error) {
    if (error instanceof BatchError && error.code === 'api_not_found') return;
    throw error;
  }
  throw unreliable('leaves out a batch that is there');
}

/**
 * The page after a batch, which does not change when new batches are made. A failed page is retried by itself: if the
 * whole listing were restarted each time, some page or other would always fail.
 */
export async function readPage(provider: Provider, after: string | undefined): Promise<ProviderBatchPage> {
  const query = { limit: PAGE, ...(after !== undefined && { after_id: after }) };
  for (let tries = 1; ; tries += 1) {
    try {
      return await provider.listBatches(query);
    } catch (error) {
      if (!(error instanceof BatchError) || !MAY_PASS.has(error.code) || tries === PAGE_TRIES) throw error;
      const pause = Math.max(FIRST_PAUSE_MS * 2 ** (tries - 1), (error.api?.retry_after_seconds ?? 0) * 1000);
      if (pause > LONGEST_PAUSE_MS) throw error;
      await sleep(pause * (1 + Math.random() / 2));
    }
  }
}

const MAY_PASS: ReadonlySet<ErrorCode> = new Set(['api_busy', 'api_uncertain', 'api_unreachable']);

/** A listing that can't be relied on proves nothing: a batch that it leaves out would be paid twice. */
function unreliable(what: string): BatchError {
  return new BatchError(
    'api_uncertain',
    `The API's list of batches ${what}: nothing can be concluded from it.`,
  );
}

/** What is kept of the candidates, for the person who decides. */
export function candidateFacts(batches: readonly ProviderBatch[]): Candidate[] {
  return batches.map((batch) => ({
    id: batch.id,
    created_at: batch.created_at,
    request_count: countOf(batch),
    processing_status: batch.processing_status,
  }));
}
