import { setTimeout as sleep } from 'node:timers/promises';
import { BatchError } from '../errors.ts';
import type { Context } from './context.ts';
import { requireRecord, resolveBatchId } from './find-batch.ts';
import { endsWithin, type Job } from './jobs.ts';
import { type Refreshed, refresh } from './refresh.ts';
import { isSaved, statusOf } from './status.ts';

export type WatchOptions = {
  /** How long to wait for the batch's end, within the call's time. */
  waitSeconds?: number | undefined;
  /** Stops the waiting, not the work. */
  signal?: AbortSignal | undefined;
  /** Told between two looks. */
  onLook?: (seen: Refreshed) => Promise<void> | void;
};

/** How long a download that just began is waited for: a small one is over by then. */
const PATIENCE_MS = 2_000;
const POLL_MS = 1_000;

/** Looks at a batch, and on until it has ended and is saved, or the time is up. */
export async function watch(context: Context, id: string, options: WatchOptions = {}): Promise<Refreshed> {
  const { waitSeconds = 0, signal, onLook } = options;
  const until = Date.now() + Math.min(waitSeconds * 1000, context.limits.callMs);
  const batchId = await resolveBatchId(context, id);
  for (;;) {
    const seen = await refresh(context, await requireRecord(context, batchId));
    const left = until - Date.now();
    if (isSettled(seen)) return seen;
    await onLook?.(seen);
    const end = await endOf(seen.job, Math.max(left, PATIENCE_MS), signal);
    if (end instanceof BatchError) {
      return {
        record: await requireRecord(context, batchId),
        job: undefined,
        failures: [...seen.failures, end],
      };
    }
    if (end === 'ended') {
      const record = await requireRecord(context, batchId);
      // It was looked into and could not be settled: to look again at once would tell nothing new.
      if (statusOf(record) === 'unconfirmed') return { record, job: undefined, failures: seen.failures };
      if (left > 0) continue;
      return refresh(context, record);
    }
    if (left <= 0 || signal?.aborted) return seen;
    await sleep(Math.min(POLL_MS, left), undefined, { ...(signal && { signal }) }).catch((error: unknown) => {
      if (!signal?.aborted) throw error;
    });
  }
}

/** Whether waiting changes nothing any more. */
function isSettled({ record, job }: Refreshed): boolean {
  if (job) return false;
  const status = statusOf(record);
  return status === 'unconfirmed' || status === 'not_sent' || (status === 'ended' && isSaved(record));
}

/** How a job went, as far as it was waited for. A failure is told, and the work tried again at the next look. */
async function endOf(
  job: Job | undefined,
  ms: number,
  signal?: AbortSignal,
): Promise<'ended' | 'runs' | 'none' | BatchError> {
  if (!job) return 'none';
  try {
    return (await endsWithin(job.promise, ms, signal)) ? 'ended' : 'runs';
  } catch (error) {
    if (error instanceof BatchError) return error;
    throw error;
  }
}
