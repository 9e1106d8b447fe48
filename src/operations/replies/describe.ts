import { BatchError } from '../../errors.ts';
import type { Context } from '../../state/context.ts';
import { type Job, jobEndsWithin } from '../../state/jobs.ts';
import { requireRecord, resolveBatchId } from '../find-batch.ts';
import type { Submitted } from '../submit.ts';
import { type WatchOptions, watch } from '../watch.ts';
import { type BatchReport, reportOf } from './report.ts';
import { SANDBOX_WARNING } from './warnings.ts';

/** What is known of a batch that is still being prepared. */
export type Preparing = Pick<
  BatchReport,
  | 'batch_id'
  | 'provider'
  | 'processing_status'
  | 'check_again_in_seconds'
  | 'warnings'
  | 'next_step'
  | 'progress'
>;

type ShortReport = Omit<BatchReport, 'outcomes' | 'request_counts'>;

const DUPLICATE_WARNING =
  'Nothing new was sent: the same work was submitted less than 24 hours ago, and this is that batch. ' +
  'To pay for it a second time, ask the person first, then call again with force_new: true.';

/** What a submission came to. */
export async function describeSubmission(
  context: Context,
  { batch_id, duplicate, output_file }: Submitted,
): Promise<(ShortReport | Preparing) & { duplicate: boolean }> {
  const job = context.jobs.find(batch_id);
  if (await isPreparing(context, batch_id, job)) return { ...preparing(batch_id, job), duplicate };
  const record = await requireRecord(context, batch_id);
  const lastFailure = context.jobs.lastFailure(batch_id);
  const report = short(
    await reportOf(context, {
      record,
      job,
      failures: lastFailure instanceof BatchError ? [lastFailure] : [],
    }),
  );
  const ignored = output_file !== undefined && !record.outputs.some(({ path }) => path === output_file);
  const warnings = [
    ...(duplicate ? [DUPLICATE_WARNING] : []),
    ...(ignored ? [`${output_file} is not written by itself: call get_results with it as output_file.`] : []),
    ...report.warnings,
  ];
  return { ...report, warnings, duplicate };
}

/** A batch as it is, also while it is being prepared. */
export async function describeStatus(
  context: Context,
  id: string,
  options: WatchOptions,
): Promise<BatchReport | Preparing> {
  const batchId = await resolveBatchId(context, id);
  const job = context.jobs.find(batchId);
  if (job && (await isPreparing(context, batchId, job))) {
    const ended = await jobEndsWithin(job, (options.waitSeconds ?? 0) * 1000, options);
    if (!ended && (await isPreparing(context, batchId, job))) return preparing(batchId, job);
  }
  return reportOf(context, await watch(context, batchId, options));
}

/** A batch that is being prepared in this process; null for any other. */
export async function findPreparing(context: Context, id: string): Promise<Preparing | null> {
  const job = context.jobs.find(id);
  return (await isPreparing(context, id, job)) ? preparing(id, job) : null;
}

/** Without what only matters to whoever follows a batch. */
export function short({ outcomes: _outcomes, request_counts: _counts, ...report }: BatchReport): ShortReport {
  return report;
}

async function isPreparing(context: Context, batchId: string, job: Job | undefined): Promise<boolean> {
  return job !== undefined && (await context.store.record(batchId).read()) === null;
}

function preparing(batch_id: string, job: Job | undefined): Preparing {
  return {
    batch_id,
    provider: job?.provider ?? 'anthropic',
    processing_status: 'submitting',
    ...(job && { progress: job.progress }),
    check_again_in_seconds: 10,
    warnings: job?.provider === 'sandbox' ? [SANDBOX_WARNING] : [],
    next_step: `The tasks are still being checked and prepared; nothing was sent yet. Call batch_status with batch_id ${batch_id}.`,
  };
}
