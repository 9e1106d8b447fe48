import * as z from 'zod';
import { BatchError } from '../errors.ts';
import type { Context } from '../state/context.ts';
import { endsWithin, type Refreshed } from '../state/jobs.ts';
import { isCreated, isWaiting, seenOf, updatePart } from '../state/parts.ts';
import type { BatchRecord, CreatedPart } from '../store/record.ts';
import { batchId, batchOutput } from './fields.ts';
import { requireRecord } from './find-batch.ts';
import { refreshWithin } from './looking/refresh.ts';
import { defineOperation, type ReplyOf } from './operation.ts';
import { nextStep } from './replies/next-step.ts';
import { reportOf, short } from './replies/report.ts';
import { endFollowers, endWaiting } from './waiting/end-waiting.ts';

/** A look before, the cancel itself and a look after share the time of one call. */
const LOOK_MS = 7_500;

/** Cancels what has not been processed yet. */
export const cancel = defineOperation({
  name: 'cancel',
  input: z.strictObject({ batch_id: batchId }),
  output: batchOutput,
  run: async (context, { batch_id }) => short(await reportOf(context, await cancelBatch(context, batch_id))),
  nextStep: (batch) => nextStep(batch),
});

export type CancelReply = ReplyOf<typeof cancel>;

/**
 * Cancels the parts of a batch that still run, and keeps unsent parts from being sent; finished answers stay and are
 * paid for. Throws `wrong_state` where there is nothing to cancel.
 */
async function cancelBatch(context: Context, batchId: string): Promise<Refreshed> {
  if (context.readOnly) {
    throw new BatchError('not_allowed', 'This server is read-only. Nothing was canceled; ask the person.');
  }
  await requireOwn(context, batchId);
  const { record } = await refreshWithin(context, await requireRecord(context, batchId), LOOK_MS);
  const running = record.parts
    .filter(isCreated)
    .filter(({ progress }) => progress.seen.processing_status !== 'ended');
  if (isWaiting(record)) {
    await endWaiting(context, batchId, isWaiting, {
      why: 'it was canceled while it waited',
      code: 'canceled',
    });
    if (record.waits !== undefined)
      return refreshWithin(context, await requireRecord(context, batchId), LOOK_MS);
  }
  const waiting = record.parts.filter(({ progress }) => progress.state === 'prepared');
  if (running.length === 0 && waiting.length === 0 && !isWaiting(record)) throw nothingToCancel(record);
  const tentative = running.find(({ progress }) => progress.tentative);
  if (tentative) throw notProvenOurs(record, tentative);

  for (const part of waiting) {
    const failure = {
      code: 'canceled',
      message: 'It was canceled before it was sent.',
      at: context.now().toISOString(),
    };
    await updatePart(context.store.record(batchId), part.number, ({ progress }) =>
      progress.state === 'prepared' ? { state: 'not_sent', failure } : null,
    );
  }
  await endFollowers(context, record, `${batchId}, whose answers it works on, was canceled`);
  const { provider } = record;
  const job = context.jobs.run(`${batchId} cancel`, { stage: 'sending', provider }, async () => {
    for (const part of running) await cancelPart(context, record, part);
  });
  await endsWithin(job.promise, LOOK_MS);
  return refreshWithin(context, await requireRecord(context, batchId), LOOK_MS);
}

/** Another program's batch is canceled only where this server's owner allows managing such batches. */
async function requireOwn(context: Context, batchId: string): Promise<void> {
  const { adopted } = await requireRecord(context, batchId);
  if (!adopted || context.remote === 'manage') return;
  throw new BatchError(
    'not_allowed',
    `Nothing was canceled: another program made ${batchId}, and the owner allows only reading such batches (BATCH_MCP_REMOTE).`,
  );
}

async function cancelPart(context: Context, record: BatchRecord, part: CreatedPart): Promise<void> {
  const batch = await context.provider(record.provider).cancelBatch(part.progress.provider_batch_id);
  await updatePart(context.store.record(record.batch_id), part.number, ({ progress }) =>
    progress.state === 'created' && progress.seen.processing_status !== 'ended'
      ? { ...progress, seen: seenOf(batch) }
      : null,
  );
}

function notProvenOurs({ batch_id }: BatchRecord, { number, progress }: CreatedPart): BatchError {
  const id = progress.provider_batch_id;
  return new BatchError(
    'wrong_state',
    `Nothing was canceled: ${id} was taken for part ${number} of ${batch_id} because no other batch can be it, but ` +
      `only its results will prove that. Ask the person whether it is theirs; if so, call retry_batch with resolve: "${id}" ` +
      'and then cancel again.',
  );
}

function nothingToCancel({ batch_id, parts }: BatchRecord): BatchError {
  if (parts.some(({ progress }) => progress.state === 'unconfirmed' || progress.state === 'sending')) {
    return new BatchError(
      'wrong_state',
      `It is not certain yet whether the API has ${batch_id}, so it can't be canceled now. Call batch_status; cancel ` +
        'it when it is in_progress.',
    );
  }
  if (parts.some(({ progress }) => progress.state === 'not_sent')) {
    return new BatchError(
      'wrong_state',
      `${batch_id} was never sent: there is nothing to cancel, and nothing was paid.`,
    );
  }
  return new BatchError(
    'wrong_state',
    `${batch_id} has ended already: there is nothing to cancel. Its results are there: call get_results.`,
  );
}
