import * as z from 'zod';
import type { OutcomeTotals } from '../answers/figures/outcomes.ts';
import { BatchError } from '../errors.ts';
import type { Context } from '../state/context.ts';
import type { Refreshed, Waiting } from '../state/jobs.ts';
import { type ProcessingStatus, statusOf } from '../state/status.ts';
import { processingStatus } from './fields.ts';
import { requireRecord } from './find-batch.ts';
import { refresh } from './looking/refresh.ts';
import { untilTold } from './looking/telling.ts';
import { findUnfinished } from './looking/unfinished.ts';
import { endOf } from './looking/watch.ts';
import { defineOperation, type ReplyOf } from './operation.ts';
import { type BatchReport, reportOf } from './replies/report.ts';

/** A batch as it was after the look. */
export type CollectedBatch = Pick<
  BatchReport,
  'name' | 'provider' | 'request_count' | 'results_state' | 'output_files' | 'warnings'
> & {
  batch_id: string;
  processing_status: ProcessingStatus;
  outcomes: OutcomeTotals;
  /** In US dollars; null until it is known. */
  actual_usd: number | null;
  /** Why the look did not succeed, where it did not: the next one tries again. */
  problem: string | null;
};

/** A batch that could not be looked at; the others are unaffected. */
type FailedLook = { batch_id: string; problem: string };

type Collected = { batches: CollectedBatch[]; failed: FailedLook[]; warnings: string[] };

/**
 * Looks once at every unfinished batch and does what is due: settles uncertain sends, downloads results, sends
 * requested retries, writes requested files, tells of the end. Meant for a timer.
 */
export const collect = defineOperation({
  name: 'collect',
  input: z.strictObject({}),
  output: z.looseObject({
    batches: z.array(z.looseObject({ batch_id: z.string(), processing_status: processingStatus })),
  }),
  async run(context, _args, waiting): Promise<Collected> {
    const { batchIds, damaged } = await findUnfinished(context);
    const looked = new Map<string, CollectedBatch>();
    const failed: FailedLook[] = [];
    const queue = batchIds.values();
    const lookAtNext = async () => {
      for (const batchId of queue) {
        if (waiting.signal?.aborted) return;
        try {
          looked.set(batchId, (await lookAfter(context, batchId, waiting)).batch);
        } catch (error) {
          if (!(error instanceof BatchError)) throw error;
          failed.push({ batch_id: batchId, problem: error.message });
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lookAtNext));
    return {
      batches: batchIds.flatMap((batchId) => looked.get(batchId) ?? []),
      failed,
      warnings: damaged.map(({ problem }) => problem),
    };
  },
  nextStep({ batches }) {
    const open = batches.filter(({ processing_status }) => processing_status !== 'ended').length;
    return open === 0
      ? 'None of these is still under way.'
      : `${open} of these are still under way: collect again later.`;
  },
});

export type CollectReply = ReplyOf<typeof collect>;

const AT_ONCE = 4;
/**
 * A download, a retry, its settling, its send: whatever is not done after that many looks is left to a later call.
 */
const MOST_LOOKS = 6;

/** Looks at one batch and does everything that is due for it. Throws where it can't be read. */
export async function lookAfter(
  context: Context,
  batchId: string,
  waiting: Waiting,
): Promise<{ batch: CollectedBatch; seen: Refreshed }> {
  const seen = await lookUntilIdle(context, batchId, waiting);
  await untilTold(context, batchId);
  return { batch: collected(await reportOf(context, seen), seen.failures), seen };
}

/** Looks, waits for this process's work on the batch, and looks again, until there is none. */
async function lookUntilIdle(context: Context, batchId: string, waiting: Waiting): Promise<Refreshed> {
  for (let looks = 1; ; looks += 1) {
    const seen = await refresh(context, await requireRecord(context, batchId));
    const end = await endOf(seen.job, Number.POSITIVE_INFINITY, waiting);
    const record = await requireRecord(context, batchId);
    if (end instanceof BatchError) return { record, job: undefined, failures: [...seen.failures, end] };
    // What could not be settled by now is left to a later look.
    const isSettled = end === 'ended' && statusOf(record) !== 'unconfirmed';
    if (!isSettled || looks === MOST_LOOKS) return { ...seen, record, job: undefined };
  }
}

function collected(report: BatchReport, failures: readonly BatchError[]): CollectedBatch {
  const { batch_id, name, provider, processing_status, request_count, outcomes } = report;
  const { results_state, output_files, warnings, cost_usd } = report;
  return {
    batch_id,
    name,
    provider,
    processing_status,
    request_count,
    outcomes,
    results_state,
    actual_usd: provider === 'sandbox' ? null : (cost_usd?.actual ?? null),
    output_files,
    problem: failures.length === 0 ? null : failures.map(({ message }) => message).join(' '),
    warnings,
  };
}
