import { rm } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { BatchError } from '../errors.ts';
import type { Context } from '../state/context.ts';
import { isWaiting } from '../state/parts.ts';
import { isSaved, lastSent, statusOf } from '../state/status.ts';
import type { BatchRecord } from '../store/record.ts';
import type { DamagedBatch } from '../store/store.ts';
import { damagedWarnings } from './list/list-warnings.ts';
import { diskBytes } from './list/listing.ts';
import { defineOperation, type ReplyOf } from './operation.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
/** For a day, the record of a batch is what shows that the same work was submitted before. */
const LEAST_DAYS = 1;

type Pruned = { batch_id: string; name: string; created_at: string; bytes: number };

/**
 * Removes old batches and their results from the data folder: those that have ended and whose results were
 * downloaded. Never removes a batch that is unfinished or unsettled, one whose answers another batch waits for, or
 * one submitted under an idempotency key, which holds for good.
 */
export const prune = defineOperation({
  name: 'prune',
  input: z.strictObject({
    older_than_days: z.number().min(LEAST_DAYS).describe('Created longer ago than this'),
    dry_run: z.boolean().optional().describe('Only says what would be removed'),
  }),
  output: z.looseObject({
    batches: z.array(z.looseObject({ batch_id: z.string() })),
    bytes: z.number(),
    kept: z.number(),
    dry_run: z.boolean(),
  }),
  run: async (context, given, { signal }) => removeOld(context, given, { signal }),
  nextStep: ({ dry_run }) =>
    dry_run
      ? 'Nothing was removed. Without dry_run these batches are removed for good, with their results and what they cost.'
      : 'Files that were written elsewhere, and the dollars of the daily budget, stay.',
});

export type PruneReply = ReplyOf<typeof prune>;

type Which = {
  signal?: AbortSignal | undefined;
  /** The batches that a person saw and agreed to remove; no others are removed. */
  agreed?: ReadonlySet<string>;
};

/** Does the work of `prune`; batches that became old only after a person `agreed` stay. */
export async function removeOld(
  context: Context,
  { older_than_days, dry_run = false }: { older_than_days: number; dry_run?: boolean | undefined },
  { signal, agreed }: Which,
): Promise<{ batches: Pruned[]; bytes: number; kept: number; dry_run: boolean; warnings: string[] }> {
  if (context.readOnly) {
    throw new BatchError('not_allowed', 'Nothing was removed: this data folder is used read-only.');
  }
  const before = context.now().getTime() - older_than_days * DAY_MS;
  const batches: Pruned[] = [];
  const damaged: DamagedBatch[] = [];
  let kept = 0;
  // A waiting batch is newer than the one it waits for, so it comes first.
  const awaited = new Set<string>();
  for (const batchId of await context.store.batchIds()) {
    if (signal?.aborted) break;
    const record = await readOrNote(context, batchId, damaged);
    if (record === null) continue;
    if (record.waits !== undefined && isWaiting(record)) awaited.add(record.waits.batch_id);
    // An old batch that was sent lately still shows that its work is done.
    const isOld = lastSent(record) < before && (agreed?.has(batchId) ?? true);
    if (!isOld || !isDone(record) || awaited.has(batchId)) {
      kept += 1;
      continue;
    }
    if (!dry_run) {
      await context.store.removeBatch(batchId);
      await rm(path.join(context.answersFolder, batchId), { recursive: true, force: true });
    }
    const { name, created_at } = record;
    batches.push({ batch_id: batchId, name, created_at, bytes: diskBytes(record) });
  }
  const bytes = batches.reduce((sum, batch) => sum + batch.bytes, 0);
  return { batches, bytes, kept: kept + damaged.length, dry_run, warnings: damagedWarnings(damaged) };
}

/** Null where there is no record, or where it can't be read, which is noted. */
async function readOrNote(
  { store, log }: Context,
  batchId: string,
  damaged: DamagedBatch[],
): Promise<BatchRecord | null> {
  try {
    return await store.record(batchId).read();
  } catch (error) {
    if (!(error instanceof BatchError) || !error.code.startsWith('store_')) throw error;
    log('warn', error.message);
    damaged.push({ batch_id: batchId, problem: error.message, is_broken: error.code === 'store_damaged' });
    return null;
  }
}

function isDone(record: BatchRecord): boolean {
  return statusOf(record) === 'ended' && isSaved(record) && record.idempotency_key === null;
}
