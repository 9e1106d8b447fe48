import type { ProviderBatch } from '../provider/provider.ts';
import type { Context } from '../state/context.ts';
import { countOf, sentCount } from '../state/parts.ts';
import type { BatchRecord, Part } from '../store/record.ts';
import { standingOf } from './claims.ts';
import { findByMark } from './find-mark.ts';
import { takeForGood } from './settle.ts';

const PAGE = 100;
/** How far the provider's clock and this machine's may differ. */
const CLOCKS_APART_MS = 10 * 60_000;
/**
 * A younger batch was left by a process that has just died. A backup is older, and so is a record that has lost
 * revisions.
 */
const JUST_LEFT_MS = 2 * 60_000;
/** Each of them takes a download of results. */
const MOST_SEARCHED = 20;

/**
 * Finds out whether the provider already has the waiting parts of a batch that another process left, and takes those
 * for ours: a backup from before the send does not know, nor does a record that lost its last revisions. A claim
 * shows it, or the mark in the results of an ended batch.
 */
export async function takeMadeBefore(context: Context, batchId: string): Promise<void> {
  const record = await context.store.record(batchId).read();
  const waiting = record?.parts.filter(({ progress }) => progress.state === 'prepared') ?? [];
  if (record === null || waiting.length === 0) return;
  const { batches } = await context.provider(record.provider).listBatches({ limit: PAGE });
  for (const part of waiting) {
    const made = await madeBefore(context, record, part, batches);
    if (made !== null) await takeForGood(context, record, part, made);
  }
}

async function madeBefore(
  context: Context,
  record: BatchRecord,
  part: Part,
  batches: readonly ProviderBatch[],
): Promise<ProviderBatch | null> {
  const created = Date.parse(record.created_at);
  const free: string[] = [];
  for (const batch of batches) {
    if (countOf(batch) !== sentCount(part)) continue;
    if (Date.parse(batch.created_at) < created - CLOCKS_APART_MS) continue;
    const standing = await standingOf(context, batch.id, { batch_id: record.batch_id, part: part.number });
    if (standing === 'own') return batch;
    if (standing === 'free') free.push(batch.id);
  }
  if (context.now().getTime() - created < JUST_LEFT_MS) return null;
  return (await findByMark(context, record, part, free.slice(0, MOST_SEARCHED))).found;
}
