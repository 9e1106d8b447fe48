import { BatchError } from '../errors.ts';
import type { ProviderBatch } from '../provider/provider.ts';
import type { Context } from '../state/context.ts';
import { countOf, sentCount, updatePart } from '../state/parts.ts';
import type { BatchRecord, Part } from '../store/record.ts';
import { readPage } from './candidates.ts';
import { standingOf } from './claims.ts';
import { findByMark } from './find-mark.ts';
import { takeForGood } from './settle.ts';

/** More than an account makes while a backup is kept. */
const MOST_PAGES = 50;
/** How far the provider's clock and this machine's may differ. */
const CLOCKS_APART_MS = 10 * 60_000;
/**
 * A younger batch was left by a process that has just died. A backup is older, and so is a record that has lost
 * revisions.
 */
const JUST_LEFT_MS = 2 * 60_000;
/** The API's answers come from many computers. */
const SERVERS_APART_MS = 60_000;
/** Each of them takes a download of results. */
const MOST_SEARCHED = 20;

/** Waiting parts may have been made already, which can't be told yet. They go on waiting. */
export class MayBeMade extends BatchError {
  constructor(ids: readonly string[]) {
    super(
      'api_uncertain',
      `Nothing was sent now: ${[...new Set(ids)].join(' or ')} could be this work, sent before by whoever prepared it, and its ` +
        'results will tell. Look again when it has ended. To pay for the work whatever comes of that, ask the person first, then submit it ' +
        'with force_new: true.',
    );
  }
}

/** A waiting part: `unsent` as far as is known, or `refused`, so that its last send made nothing. */
export type Left = 'unsent' | 'refused';

/**
 * Finds out whether the provider already has the waiting parts of a batch that another process left, and takes those
 * for ours: a backup from before the send does not know, nor does a record that lost its last revisions. A claim
 * shows it, or the mark in the results of an ended batch. Throws `MayBeMade` while a batch runs that could be an `unsent` part.
 */
export async function takeMadeBefore(context: Context, batchId: string, left: Left): Promise<void> {
  const register = context.store.record(batchId);
  const record = await register.read();
  const waiting = record?.parts.filter(({ progress }) => progress.state === 'prepared') ?? [];
  if (record === null || waiting.length === 0) return;
  const batches = await madeSince(context, record);
  const newest = batches[0]?.id ?? null;
  const open: string[] = [];
  for (const part of waiting) {
    const { made, untold } = await madeBefore(context, record, part, notAbove(batches, part));
    if (made !== null) await takeForGood(context, record, part, made);
    else open.push(...untold);
    // Whatever appears above it from now on was not sent before.
    await updatePart(register, part.number, ({ progress }) =>
      untold.length > 0 && progress.state === 'prepared' && progress.newest === undefined
        ? { ...progress, newest }
        : null,
    );
  }
  if (left === 'unsent' && open.length > 0) throw new MayBeMade(open);
}

/**
 * Whether the answer to a create looks like the answer to another one, repeated by a cache on the way: its batch has another size, or was
 * made before the newest batch that was listed just before, at `since`. Then its results prove whose it is.
 */
export function isLikeAnother(batch: ProviderBatch, part: Part, since: string | null): boolean {
  const counted = countOf(batch);
  const isOlder = Date.parse(batch.created_at) < Date.parse(since ?? '') - SERVERS_APART_MS;
  return isOlder || (counted > 0 && counted !== sentCount(part));
}

/**
 * The provider's batches, newest first, that were not made before this one was prepared. The API's clock says when that was: where
 * ours is ahead, so is the time of preparing.
 */
async function madeSince(context: Context, record: BatchRecord): Promise<ProviderBatch[]> {
  const provider = context.provider(record.provider);
  const batches: ProviderBatch[] = [];
  let since = Date.parse(record.created_at) - CLOCKS_APART_MS;
  let after: string | undefined;
  for (let pages = 0; pages < MOST_PAGES; pages += 1) {
    const page = await readPage(provider, after);
    if (pages === 0 && page.at !== null) since -= Math.max(0, context.now().getTime() - Date.parse(page.at));
    batches.push(...page.batches);
    const lowest = page.batches.at(-1);
    if (!page.has_more || lowest === undefined || Date.parse(lowest.created_at) < since) break;
    after = lowest.id;
  }
  return batches.filter(({ created_at }) => Date.parse(created_at) >= since);
}

function notAbove(batches: readonly ProviderBatch[], { progress }: Part): readonly ProviderBatch[] {
  const newest = progress.state === 'prepared' ? progress.newest : undefined;
  if (newest === undefined) return batches;
  return newest === null
    ? []
    : batches.slice(
        Math.max(
          0,
          batches.findIndex(({ id }) => id === newest),
        ),
      );
}

async function madeBefore(
  context: Context,
  record: BatchRecord,
  part: Part,
  batches: readonly ProviderBatch[],
): Promise<{ made: ProviderBatch | null; untold: string[] }> {
  const free: string[] = [];
  const claimed: string[] = [];
  for (const batch of batches) {
    if (countOf(batch) !== sentCount(part)) continue;
    const standing = await standingOf(context, batch.id, { batch_id: record.batch_id, part: part.number });
    if (standing === 'claimed') return { made: batch, untold: [] };
    if (standing === 'claimed_tentatively') claimed.push(batch.id);
    if (standing === 'free' || standing === 'doubtful') free.push(batch.id);
  }
  const isJustLeft = context.now().getTime() - Date.parse(record.created_at) < JUST_LEFT_MS;
  // It was sent soon after it was prepared.
  const searched = [...claimed, ...(isJustLeft ? [] : free.slice(-MOST_SEARCHED))];
  const { found, disproved, gone } = await findByMark(context, record, part, searched);
  const told = new Set([...disproved, ...gone]);
  return { made: found, untold: searched.filter((id) => !told.has(id)) };
}
