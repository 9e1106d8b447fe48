import * as z from 'zod';
import { fetchMissing } from '../answers/download/fetch-again.ts';
import { outcomesOf } from '../answers/figures/outcomes.ts';
import { BatchError } from '../errors.ts';
import { dialectOf } from '../provider/dialects.ts';
import { ownAgain } from '../sending/own-again.ts';
import { whyNothingIsSpent } from '../sending/permission.ts';
import { resolveUnconfirmed } from '../sending/resolve.ts';
import { requireSameAccount } from '../sending/same-account.ts';
import type { Context } from '../state/context.ts';
import { jobEndsWithin, type Report, type Waiting } from '../state/jobs.ts';
import type { BatchRecord } from '../store/record.ts';
import { createProblemList } from '../tasks/problem-list.ts';
import { batchOutput } from './fields.ts';
import { requireRecord } from './find-batch.ts';
import { refreshWithin } from './looking/refresh.ts';
import { preparingKey, startSending, waitForSending } from './looking/sending-jobs.ts';
import { watch } from './looking/watch.ts';
import { defineOperation, type ReplyOf } from './operation.ts';
import { nextStep } from './replies/next-step.ts';
import { reportOf, type ShortReport, short } from './replies/report.ts';
import { addAttempt, nextAttempt, planOf, type Retried, type RetryPlan } from './retry/retry-attempt.ts';
import { checkRetryOptions, type RetryOptions, retryInput } from './retry/retry-options.ts';
import { prepareRetry, type RetryPreparation } from './retry/retry-prepare.ts';
import { judgeRetry, type RetryKind } from './retry/retry-state.ts';
import { requireApprovalOf, sendUnsent } from './retry/retry-unsent.ts';

/**
 * Sends tasks of a batch again: those that can succeed next time, or those that the arguments choose, changed as they
 * say. The best answer per task is kept. Replies within the call's time; unfinished work goes on in this process.
 *
 * Throws `wrong_state` where something still runs or is uncertain, or there is nothing to send; `invalid_input` with
 * all problems; `cost_limit`. Nothing was sent then.
 */
export const retry = defineOperation({
  name: 'retry',
  input: retryInput,
  output: batchOutput.extend({
    retry: z.looseObject({ attempt: z.number(), request_count: z.number() }).optional(),
    dry_run: z.boolean().optional(),
  }),
  async run(context, { batch_id, ...options }, waiting) {
    return tell(context, await sendAgain(context, batch_id, options, waiting), options.dry_run ?? false);
  },
  nextStep: (reply, _args, following) => (reply.dry_run ? AFTER_DRY_RUN : nextStep(reply, following)),
});

export type RetryReply = ReplyOf<typeof retry>;

const AFTER_DRY_RUN =
  'Nothing was sent; retry says what would be. Call retry_batch with the same arguments and without dry_run to send it, ' +
  'if the cost is right for the user.';

type RetriedReport = ShortReport & { retry?: RetryPlan; dry_run?: true };

/** The reply to a retry or its dry run: the batch, and under `retry` what of it is sent. */
async function tell(
  context: Context,
  { batch_id, plan, warnings }: Retried,
  dryRun: boolean,
): Promise<RetriedReport> {
  const record = await requireRecord(context, batch_id);
  const lastFailure = context.jobs.lastFailure(batch_id);
  const failures = lastFailure instanceof BatchError && !dryRun ? [lastFailure] : [];
  const job = context.jobs.find(batch_id);
  const report = short(await reportOf(context, { record, job, failures }));
  return {
    ...report,
    ...(plan && { retry: plan }),
    warnings: [...warnings, ...report.warnings],
    ...(dryRun && { dry_run: true, check_again_in_seconds: 0 }),
  };
}

async function sendAgain(
  context: Context,
  batchId: string,
  options: RetryOptions,
  waiting: Waiting,
): Promise<Retried> {
  if (context.readOnly) {
    throw new BatchError('not_allowed', 'This server is read-only. Nothing was sent; ask the person.');
  }
  const problems = createProblemList();
  problems.add(...checkRetryOptions(options, context.catalog, dialectOf(context.defaultProvider)));
  problems.throwIfAny('The retry was refused; nothing was sent. Correct this and call again:');
  if (options.resolve !== undefined) return settleBy(context, batchId, options.resolve, waiting);

  const { record, job } = await watch(context, batchId, waiting);
  const what = judgeRetry(record, options);
  if (job || context.jobs.find(preparingKey(batchId))) throw busy(batchId);
  const provider = context.provider(record.provider);
  await provider.requireCredentials();
  await requireSameAccount(context, record, null);
  if (!options.dry_run) await ownAgain(context, record);
  if (what.kind === 'unsent') return sendUnsent(context, record, what.parts, options, waiting);
  if (options.dry_run) return dryRun(context, endedOf(record, what), options, waiting);
  return sendFailed(context, record, options, waiting);
}

/** A batch without the parts that a retry replaces, and those of the replaced parts that were never sent. */
type Ended = Pick<RetryPreparation, 'record' | 'unsent'>;

function endedOf(record: BatchRecord, { kept, unsent }: Extract<RetryKind, { kind: 'failed' }>): Ended {
  return { record: { ...record, parts: kept }, unsent };
}

function busy(batchId: string): BatchError {
  return new BatchError(
    'wrong_state',
    `Nothing was sent. This server is already at work on ${batchId}. Call batch_status, and retry_batch after that.`,
  );
}

const PREVIEW_CHARACTERS = 1_500;

/** Has nothing to show until it is complete, so one that takes longer than a call may last is given up. */
async function dryRun(
  context: Context,
  ended: Ended,
  options: RetryOptions,
  { signal }: Waiting,
): Promise<Retried> {
  const { callMs } = context.limits;
  const timeUp = Number.isFinite(callMs) ? AbortSignal.timeout(callMs) : new AbortController().signal;
  const stop = signal ? AbortSignal.any([signal, timeUp]) : timeUp;
  const preparation = { ...ended, options, report: () => {}, signal: stop };
  const nowhere = { add: () => {} };
  const prepared = await prepareRetry(context, preparation, nowhere).catch((error: unknown) => {
    if (!timeUp.aborted || signal?.aborted) throw error;
    throw new BatchError(
      'wrong_state',
      'Nothing was sent. So many tasks take longer to look through than a call may last: choose fewer with outcomes, ' +
        'error_types or task_ids, or leave dry_run out and set max_cost_usd, above which nothing is sent.',
      { cause: error },
    );
  });
  const preview = prepared.first_request.slice(0, PREVIEW_CHARACTERS).toWellFormed();
  const plan = { ...planOf(prepared, nextAttempt(ended.record)), preview };
  return { batch_id: ended.record.batch_id, plan, warnings: prepared.warnings };
}

/** Prepares the new attempt, names it in the record and sends it. */
async function sendFailed(
  context: Context,
  record: BatchRecord,
  options: RetryOptions,
  waiting: Waiting,
): Promise<Retried> {
  const { batch_id, provider } = record;
  const until = performance.now() + context.limits.callMs;
  let retried: Retried = { batch_id, plan: null, warnings: [] };
  const job = context.jobs.run(preparingKey(batch_id), { stage: 'preparing', provider }, async (report) => {
    const { signal, ask } = waiting;
    const current = await withLateAnswers(context, record, report);
    const what = judgeRetry(current, options);
    if (what.kind === 'unsent') throw busy(batch_id);
    const preparation = { ...endedOf(current, what), options, report, signal, ask };
    const added = await addAttempt(context, current, preparation);
    retried = { batch_id, ...added };
    startSending(context, record);
  });
  if (await jobEndsWithin(job, context.limits.callMs, waiting)) {
    await waitForSending(context, batch_id, until - performance.now(), waiting);
  }
  return retried;
}

/**
 * The batch after its results were fetched again, where tasks have no answer: one that has come since is already paid
 * for.
 */
async function withLateAnswers(context: Context, record: BatchRecord, report: Report): Promise<BatchRecord> {
  const { missing } = await outcomesOf(context, record);
  if (missing === 0) return record;
  await fetchMissing(context, record.batch_id, report, 'all');
  return requireRecord(context, record.batch_id);
}

const SLOW_DECISION =
  'The decision is still being carried out, as the API is slow to list its batches. If batch_status still says unconfirmed in a ' +
  'minute, decide again.';

/** Carries out a person's decision on an uncertain part, and goes on with the batch. */
async function settleBy(
  context: Context,
  batchId: string,
  resolve: string,
  waiting: Waiting,
): Promise<Retried> {
  const { callMs } = context.limits;
  const until = performance.now() + callMs;
  // A send whose process died counts as uncertain from this look on.
  const { record } = await refreshWithin(context, await requireRecord(context, batchId), callMs / 4);
  const why = whyNothingIsSpent(context, record.provider);
  if (why !== null && resolve === 'send_again') {
    throw new BatchError('not_allowed', `Nothing was sent: ${why}. Ask the person.`);
  }
  const { provider } = record;
  const job = context.jobs.run(`${batchId} ${resolve}`, { stage: 'sending', provider }, async (report) => {
    // It may be paid for twice, which nobody has approved yet.
    await resolveUnconfirmed(context, record, resolve, async (part) => {
      if (provider !== 'sandbox') await requireApprovalOf(context, record, [part], { ...waiting, report });
    });
    // The job that settles it automatically is still running, and ends when it finds nothing left to settle.
    await waitForSending(context, batchId, callMs / 2, {});
    startSending(context, record, { isReserved: false, maySend: why === null });
  });
  const isDone = await jobEndsWithin(job, until - performance.now(), waiting);
  await waitForSending(context, batchId, until - performance.now(), waiting);
  return { batch_id: batchId, plan: null, warnings: isDone ? [] : [SLOW_DECISION] };
}
