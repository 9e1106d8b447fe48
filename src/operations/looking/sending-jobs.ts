import { type DriveOptions, drive } from '../../sending/drive.ts';
import { asOwner } from '../../sending/permission.ts';
import { notePilot, whyNeverSent } from '../../sending/submission.ts';
import { endUnsent } from '../../sending/unsent.ts';
import type { Context } from '../../state/context.ts';
import { type Job, jobEndsWithin, type Waiting } from '../../state/jobs.ts';
import type { BatchRecord } from '../../store/record.ts';

/**
 * The job in which this process prepares what a batch is to send, its first attempt or a retry. What is prepared is
 * sent in a job under the batch's own id.
 */
export const preparingKey = (batchId: string): string => `${batchId} preparing`;

/** Sends what waits in a batch, or joins the job of this process that does. */
export function startSending(
  context: Context,
  { batch_id, provider }: SendableBatch,
  options?: DriveOptions,
): Job {
  return context.jobs.run(batch_id, { stage: 'sending', provider }, (report) =>
    drive(context, batch_id, report, options),
  );
}

type SendableBatch = Pick<BatchRecord, 'batch_id' | 'provider'>;

/**
 * Waits so many milliseconds for a batch to be sent. Throws no failure: the batch is on disk, its status tells what
 * went wrong, and the next touch goes on with it.
 */
export async function waitForSending(
  { jobs, log }: Pick<Context, 'jobs' | 'log'>,
  batchId: string,
  ms: number,
  waiting: Waiting,
): Promise<void> {
  const job = jobs.find(batchId);
  if (job === undefined) return;
  try {
    await jobEndsWithin(job, ms, waiting);
  } catch (error) {
    log('warn', `${batchId}: sending stopped (${error instanceof Error ? error.name : 'unknown'})`);
  }
}

/**
 * Goes on with a submission whose process died before it was sent: the person had asked for it, and nothing
 * of what waits was paid. A process that may not send it settles what is uncertain, and no more. Joins the job where
 * this process is at it already.
 */
export function continueSubmission(context: Context, record: BatchRecord, maySend: boolean): Job {
  const { batch_id, provider } = record;
  return context.jobs.run(batch_id, { stage: 'sending', provider }, async (report) => {
    if (!maySend) return drive(context, batch_id, report, { isReserved: false, maySend });
    const why = await whyNeverSent(context, record);
    if (why !== null) return endUnsent(context, record, why);
    await notePilot(context, record);
    const owner = await asOwner(context, record);
    await context.store.record(batch_id).update((current) => current && { ...current, ...owner });
    await drive(context, batch_id, report, { isReserved: false, isLeft: true });
  });
}
