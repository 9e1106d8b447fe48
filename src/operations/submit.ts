import { reserveBudget } from '../cost/budget.ts';
import { requireWithinLimit } from '../cost/cost.ts';
import { totalOf } from '../cost/cost-line.ts';
import { readOutputHistory } from '../cost/output-history.ts';
import { BatchError } from '../errors.ts';
import type { ProviderAccount, ProviderName } from '../provider/provider.ts';
import { drive } from '../sending/drive.ts';
import { findEarlier, ownWork } from '../sending/submission.ts';
import type { Context } from '../state/context.ts';
import { type Job, jobEndsWithin, type Report, type Waiting } from '../state/jobs.ts';
import type { BatchRecord } from '../store/record.ts';
import type { Staging } from '../store/store.ts';
import { checkLiveModels } from '../tasks/live-models.ts';
import { makeName } from '../tasks/name.ts';
import { type Prepared, prepare } from '../tasks/prepare.ts';
import type { Work } from '../tasks/work.ts';
import { createPartsWriter } from '../tasks/write-parts.ts';
import { type RequestedOutput, requestOutput, withOutputProblem } from './requested-output.ts';

export type SubmitOptions = {
  name?: string | undefined;
  output_file?: string | undefined;
  sandbox?: boolean | undefined;
  force_new?: boolean | undefined;
  max_cost_usd?: number | undefined;
  /** For programs: the same key is the same submission, for good; other work under it is an error. */
  idempotency_key?: string | undefined;
};

/** The batch that does the work; `duplicate` when it did so already before this call. */
export type Submitted = {
  batch_id: string;
  duplicate: boolean;
  /** The file that this call asked for. */
  output_file?: string;
};

type Submission = {
  work: Work;
  options: SubmitOptions;
  provider: ProviderName;
  account: ProviderAccount;
  output: RequestedOutput;
  /** Ends the preparation; what is sent is not called back. */
  signal: AbortSignal | undefined;
};

/**
 * Prepares, checks and sends the work. Answers within the call's time; what is left then goes on in this
 * process, and under the batch's id its status tells how far it is.
 *
 * Throws `invalid_input` with all problems, `cost_limit`, `no_credentials` or `not_allowed`: nothing was sent
 * then, and nothing is left of it.
 */
export async function submit(
  context: Context,
  work: Work,
  options: SubmitOptions,
  waiting: Waiting = {},
): Promise<Submitted> {
  const providerName = options.sandbox ? 'sandbox' : context.defaultProvider;
  const provider = context.provider(providerName);
  await provider.requireCredentials();
  const output = await requestOutput(context, options.output_file);
  const account = await provider.account();

  const staging = await context.store.stage();
  let submitted: Submitted = { batch_id: staging.batchId, duplicate: false };
  let decided = false;
  const decide = (found: Submitted) => {
    if (found.batch_id !== staging.batchId) context.jobs.forward(staging.batchId, found.batch_id);
    submitted = found;
    decided = true;
  };
  const { signal } = waiting;
  const submission: Submission = { work, options, provider: providerName, account, output, signal };
  const job = context.jobs.run(staging.batchId, { stage: 'preparing', provider: providerName }, (report) =>
    prepareAndSend(context, submission, staging, decide, report),
  );
  try {
    await jobEndsWithin(job, context.limits.callMs, waiting);
  } catch (error) {
    // From here on the batch is on disk: whatever went wrong is told by its status, under its id.
    if (!decided) throw error;
  }
  return { ...submitted, ...(output.path !== null && { output_file: output.path }) };
}

/** `decide` is told which batch does the work before anything of it is sent. */
async function prepareAndSend(
  context: Context,
  submission: Submission,
  staging: Staging,
  decide: (submitted: Submitted) => void,
  report: Report,
): Promise<void> {
  const { batchId } = staging;
  const prepared = await prepareInStaging(context, submission, staging, report);
  if ('standing' in prepared) return decide({ batch_id: prepared.standing, duplicate: true });
  if ('takenUp' in prepared) {
    await requireBudget(context, prepared.takenUp);
    decide({ batch_id: prepared.takenUp, duplicate: false });
    return takeUp(context, prepared.takenUp, report);
  }
  const undo = async (error: unknown): Promise<never> => {
    await context.store.removeBatch(batchId);
    throw error;
  };
  const owned = await ownWork(context, prepared.record).catch(undo);
  if (owned.owned) {
    await requireBudget(context, batchId).catch(undo);
    decide({ batch_id: batchId, duplicate: false });
    return drive(context, batchId, report);
  }
  await context.store.removeBatch(batchId);
  if (owned.earlier === 'take_up') await requireBudget(context, owned.batchId);
  decide({ batch_id: owned.batchId, duplicate: owned.earlier === 'stands' });
  if (owned.earlier === 'take_up') await takeUp(context, owned.batchId, report);
}

/**
 * Throws `cost_limit` where today's budget does not hold what the batch may cost. Asked before the batch is
 * decided on, so that the caller hears the figures; sending asks again.
 */
async function requireBudget(context: Context, batchId: string): Promise<void> {
  const record = await context.store.record(batchId).read();
  if (record !== null) await reserveBudget(context, record);
}

/** Prepares the work and commits its folder, unless an earlier batch of the same work serves. */
async function prepareInStaging(
  context: Context,
  submission: Submission,
  staging: Staging,
  report: Report,
): Promise<{ record: BatchRecord } | { standing: string } | { takenUp: string }> {
  const { work, options, provider, account, output, signal } = submission;
  const idempotency_key = options.idempotency_key ?? null;
  const writer = await createPartsWriter(staging.folder, context.limits);
  try {
    const today = context.now().toISOString().slice(0, 10);
    const knownOutput = await readOutputHistory(context);
    const prepared = await prepare(
      { ...context, work, provider, account, today, knownOutput, signal },
      writer,
      report,
    );
    const earlier = options.force_new ? null : await findEarlier(context, { ...prepared, idempotency_key });
    if (earlier?.meaning === 'stands') {
      await writer.abandon();
      await staging.discard();
      return { standing: earlier.batchId };
    }
    if (output.problem) throw output.problem;
    if (provider !== 'sandbox')
      requireWithinLimit(prepared.costs.lines, context.maxCostUsd, options.max_cost_usd);
    if (earlier?.meaning === 'take_up') {
      await writer.abandon();
      await staging.discard();
      return { takenUp: earlier.batchId };
    }
    // Both are waited for, whatever becomes of one: files that are still being written can't be thrown away.
    const [life, written] = await Promise.allSettled([
      checkLiveModels(context, provider, prepared.costs.tally.models()),
      writer.finish(),
    ]);
    if (life.status === 'rejected') throw life.reason;
    if (written.status === 'rejected') throw written.reason;
    const warnings = [...new Set([...prepared.warnings, ...life.value])];
    const record = newRecord(context, submission, staging.batchId, { ...prepared, warnings });
    const complete = { ...record, parts: written.value };
    await staging.commit(complete);
    return { record: complete };
  } catch (error) {
    await writer.abandon();
    await staging.discard();
    throw withOutputProblem(error, output);
  }
}

function newRecord(
  context: Context,
  { work, options, provider, account, output }: Submission,
  batchId: string,
  prepared: Prepared,
): BatchRecord {
  const total = totalOf(prepared.costs.lines);
  return {
    schema: 1,
    batch_id: batchId,
    name: options.name ?? makeName(work, prepared),
    project: context.project,
    provider,
    base_url: account.base_url,
    workspace: account.workspace,
    created_at: context.now().toISOString(),
    content_hash: prepared.content_hash,
    idempotency_key: options.idempotency_key ?? null,
    request_count: prepared.request_count,
    owner: context.self,
    force_new: options.force_new ?? false,
    adopted: false,
    estimate: { expected: total.expected_usd, maximum: total.maximum_usd, basis: 'estimated' },
    outputs: output.path === null ? [] : [{ path: output.path, written_at: null, problem: null }],
    warnings: prepared.warnings,
    parts: [],
  };
}

/** Sends a batch that was refused before, or that a dead process left unsent, under its own id. */
async function takeUp(context: Context, batchId: string, report: Report): Promise<void> {
  await context.store.record(batchId).update(
    (record) =>
      record && {
        ...record,
        owner: context.self,
        parts: record.parts.map((part) =>
          part.progress.state === 'not_sent' ? { ...part, progress: { state: 'prepared' as const } } : part,
        ),
      },
  );
  await drive(context, batchId, report);
}

/**
 * Goes on with a submission whose process died before it was sent: the person had asked for it, and nothing
 * of what waits was paid. Joins the job where this process is at it already.
 */
export function continueSubmission(context: Context, record: BatchRecord): Job {
  return context.jobs.run(
    record.batch_id,
    { stage: 'sending', provider: record.provider },
    async (report) => {
      const owned = await ownWork(context, record);
      if (!owned.owned) {
        throw new BatchError(
          'wrong_state',
          `${record.batch_id} was never sent, and will not be: ${owned.batchId} does the same work. Use that id.`,
        );
      }
      await context.store
        .record(record.batch_id)
        .update((current) => current && { ...current, owner: context.self });
      await drive(context, record.batch_id, report);
    },
  );
}
