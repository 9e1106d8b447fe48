import { type DriveOptions, drive } from '../../sending/drive.ts';
import { whyNeverSent } from '../../sending/own-again.ts';
import { asOwner } from '../../sending/permission.ts';
import { notePilot } from '../../sending/submission.ts';
import { endUnsent } from '../../sending/unsent.ts';
import type { Context } from '../../state/context.ts';
import { type Job, jobEndsWithin, type Waiting } from '../../state/jobs.ts';
import type { BatchRecord } from '../../store/record.ts';

/**
 * The key of the job in which this process prepares a batch's first attempt or a retry. The job that then sends it
 * has the batch's own id as its key.
 */
export const preparingKey = (batchId: string): string => `${batchId} preparing`;

/** Sends the waiting parts of a batch, or joins this process's job that does. */
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
 * Waits up to `ms` milliseconds for a batch to be sent. Never throws: the batch is on disk, its status shows what
 * went wrong, and the next look continues with it.
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
 * Continues a submission whose process died before sending it: the person had asked for it, and nothing that waits
 * was paid for. A process that may not send only settles what is uncertain. Joins this process's job where there is
 * one.
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
    await drive(context, batch_id, report, { isReserved: false, left: 'unsent' });
  });
}
