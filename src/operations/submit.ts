import * as z from 'zod';
import { reserveBudget } from '../cost/budget.ts';
import { BatchError } from '../errors.ts';
import type { Left } from '../sending/made-before.ts';
import { asOwner } from '../sending/permission.ts';
import { type EarlierBatch, notePilot, ownWork } from '../sending/submission.ts';
import { removeUnsent, withoutEnd } from '../sending/unsent.ts';
import type { Context } from '../state/context.ts';
import { jobEndsWithin, type Report, type Waiting } from '../state/jobs.ts';
import type { BatchRecord } from '../store/record.ts';
import type { Staging } from '../store/store.ts';
import { batchOutput } from './fields.ts';
import { outputArgument } from './file-argument.ts';
import { requireRecord } from './find-batch.ts';
import { preparingKey, startSending, waitForSending } from './looking/sending-jobs.ts';
import { defineOperation, type ReplyOf } from './operation.ts';
import { nextStep } from './replies/next-step.ts';
import { replyTo, type Submitted } from './replies/submitted.ts';
import { noteFollower } from './waiting/end-waiting.ts';
import { requireKey } from './work/answer-keys.ts';
import { givenAnswers } from './work/from-batch.ts';
import { findWork } from './work/kept-work.ts';
import { makeBatch } from './work/new-batch.ts';
import type { SubmittedWork } from './work/new-record.ts';
import { answerFileFields, requestOutput, requireOneFile } from './work/requested-output.ts';
import { toWork } from './work/work-arguments.ts';
import { workFields } from './work/work-fields.ts';

const input = z.strictObject({
  ...workFields,
  work_id: z.string().optional().describe('From estimate_cost: in place of all above'),
  name: z.string().min(1).max(100).optional().describe('To find the batch by'),
  output_file: outputArgument
    .optional()
    .describe('Written when the batch has ended: .json, .jsonl, .csv, .md or .raw.jsonl'),
  ...answerFileFields,
  max_cost_usd: z.number().nonnegative().optional().describe("Lowers the owner's limit"),
  retries: z.int().min(0).max(3).optional().describe('Sends failures again, within the maximum'),
  force_new: z.boolean().optional().describe('Send again what was submitted within 24 hours: pays twice'),
  sandbox: z.boolean().optional().describe('Made-up answers, no key, no cost'),
  idempotency_key: z.string().min(1).optional().describe('For programs: one key, one submission'),
});

/**
 * Checks work, keeps it on disk and sends it. Replies within the call's time; unfinished work goes on in this
 * process, and the batch's status shows how far it is.
 *
 * Throws `invalid_input` with all problems, `cost_limit`, `no_credentials` or `not_allowed`: nothing was sent then,
 * and nothing is left behind.
 */
export const submit = defineOperation({
  name: 'submit',
  input,
  output: batchOutput.extend({ duplicate: z.boolean() }),
  async run(context, args, waiting) {
    if (context.readOnly) {
      throw new BatchError('not_allowed', 'Nothing was sent: this data folder is used read-only.');
    }
    const callEnds = performance.now() + context.limits.callMs;
    const { name, force_new = false, max_cost_usd, retries = 0, idempotency_key = null, ...rest } = args;
    const { work_id, sandbox, output_file, output_pattern, output_key, ...given } = rest;
    const outputs = { output_file, output_pattern, output_key };
    const kept = work_id === undefined ? null : await findWork(context, work_id, given);
    const asked = await toWork(kept?.args ?? given, context, (earlier) => givenAnswers(context, earlier));
    requireOneFile(asked, outputs);
    requireKey(asked, output_key);
    const output = await requestOutput(context, outputs, asked.source.kind);
    const work = { ...asked, output_places: output.answerFiles?.places };
    const provider = sandbox ? 'sandbox' : context.defaultProvider;
    await context.provider(provider).requireCredentials();
    const submission: SubmittedWork = {
      work,
      provider,
      account: await context.provider(provider).account(),
      owner: await asOwner(context, { provider }),
      output,
      name,
      force_new,
      max_cost_usd,
      retries,
      idempotency_key,
      known: kept?.known ?? null,
      signal: waiting.signal,
      ask: waiting.ask,
    };
    const submitted = await sendWithin(context, submission, callEnds, waiting);
    return replyTo(context, submitted, submission);
  },
  nextStep: (batch, _args, following) => nextStep(batch, following),
});

export type SubmitReply = ReplyOf<typeof submit>;

async function sendWithin(
  context: Context,
  submission: SubmittedWork,
  callEnds: number,
  waiting: Waiting,
): Promise<Submitted> {
  const { jobs } = context;
  const { provider } = submission;
  const user = context.subject?.name;
  const staging = await context.store.stage();
  const { batchId } = staging;
  const preparing = jobs.start(
    preparingKey(batchId),
    { stage: 'preparing', provider, user },
    async (report) => {
      const decided = await decide(context, submission, staging, report);
      if (decided.batch_id !== batchId) jobs.forward(batchId, decided.batch_id);
      if (!decided.duplicate) {
        // The money for a new batch was reserved just now; an earlier batch's was reserved before its parts became
        // `prepared`.
        const isReserved = decided.batch_id === batchId;
        startSending(context, { batch_id: decided.batch_id, provider }, { isReserved, left: decided.left });
      }
      return decided;
    },
  );
  const isDecided = await jobEndsWithin(preparing.job, callEnds - performance.now(), waiting);
  // A cancelled call ends the preparing, unless it is already done: the outcome tells which.
  if (!isDecided && !waiting.signal?.aborted) return { batch_id: batchId, duplicate: false };
  const decided = await preparing.outcome;
  if (!decided.duplicate) {
    await waitForSending(context, decided.batch_id, callEnds - performance.now(), waiting);
  }
  return decided;
}

/** An earlier batch is sent as it was left. */
type Decided = Submitted & { left?: Left };

/**
 * Decides which batch does the work: a new one, or an earlier one of the same work. Its money is reserved and nothing
 * of it is sent yet. Throws a refusal, which leaves nothing of the new batch behind.
 */
async function decide(
  context: Context,
  submission: SubmittedWork,
  staging: Staging,
  report: Report,
): Promise<Decided> {
  const { record, earlier } = await makeBatch(context, submission, staging, report);
  if (earlier !== null) return useEarlier(context, earlier);
  const faster = await ownAndReserve(context, record);
  if (faster !== null) return useEarlier(context, faster);
  await noteFollower(context, record);
  await notePilot(context, record);
  return { batch_id: record.batch_id, duplicate: false };
}

/**
 * Registers a new batch as the one that does its work and reserves its money: null then, or the batch that does the
 * work already. Removes the new batch unless both succeed.
 */
async function ownAndReserve(context: Context, record: BatchRecord): Promise<EarlierBatch | null> {
  let isOwner = false;
  let isOurs = false;
  try {
    const earlier = await ownWork(context, record);
    if (earlier !== null) return earlier;
    isOwner = true;
    await reserveBudget(context, record);
    isOurs = true;
    return null;
  } finally {
    if (isOwner && !isOurs) await removeUnsent(context, record);
    else if (!isOurs) await context.store.removeBatch(record.batch_id);
  }
}

/**
 * Uses an earlier batch instead of a new one. If it was refused, or left unsent by a dead process, it is sent now.
 */
async function useEarlier(context: Context, { batchId, meaning }: EarlierBatch): Promise<Decided> {
  if (meaning === 'stands') return { batch_id: batchId, duplicate: true };
  const earlier = await requireRecord(context, batchId);
  const faster = await ownWork(context, earlier);
  if (faster !== null) return useEarlier(context, faster);
  await reserveBudget(context, earlier);
  await notePilot(context, earlier);
  const owner = await asOwner(context, earlier);
  await context.store.record(batchId).update(
    (record) =>
      record && {
        ...withoutEnd(record),
        ...owner,
        parts: record.parts.map((part) =>
          part.progress.state === 'not_sent' ? { ...part, progress: { state: 'prepared' as const } } : part,
        ),
      },
  );
  const wasRefused = earlier.parts.some(({ progress }) => progress.state === 'not_sent');
  return { batch_id: batchId, duplicate: false, left: wasRefused ? 'refused' : 'unsent' };
}
