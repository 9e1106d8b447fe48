import { setTimeout as sleep } from 'node:timers/promises';
import { BatchError } from '../errors.ts';
import type { Context } from '../state/context.ts';
import { type Job, jobEndsWithin, type Progress, type Waiting } from '../state/jobs.ts';
import { isSaved, statusOf } from '../state/status.ts';
import type { BatchRecord } from '../store/record.ts';
import { requireRecord, resolveBatchId } from './find-batch.ts';
import { type Refreshed, refreshWithin } from './refresh.ts';

export type WatchOptions = Waiting & {
  /** How long to wait for the batch's end, within the call's time. */
  waitSeconds?: number | undefined;
};

/** How long a download that just began is waited for: a small one is over by then. */
const PATIENCE_MS = 2_000;
const POLL_MS = 1_000;
/** What a look that begins at the last moment may take on top of the call's time. */
const LAST_LOOK_MS = 2_500;

/** Looks at a batch, and on until it has ended and is saved, or the time is up. */
export async function watch(context: Context, id: string, options: WatchOptions = {}): Promise<Refreshed> {
  const { waitSeconds = 0, signal, onProgress } = options;
  const start = Date.now();
  const until = start + Math.min(waitSeconds * 1000, context.limits.callMs);
  const timeForLook = () => start + context.limits.callMs + LAST_LOOK_MS - Date.now();
  const batchId = await resolveBatchId(context, id);
  for (;;) {
    const seen = await refreshWithin(context, await requireRecord(context, batchId), timeForLook());
    const left = until - Date.now();
    if (isSettled(seen)) return seen;
    await onProgress?.(seen.job?.progress ?? waitingFor(seen.record));
    const end = await endOf(seen.job, Math.max(left, PATIENCE_MS), { signal, onProgress });
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
      return refreshWithin(context, record, timeForLook());
    }
    if (left <= 0 || signal?.aborted) return seen;
    await sleep(Math.min(POLL_MS, left), undefined, { ...(signal && { signal }) }).catch((error: unknown) => {
      if (!signal?.aborted) throw error;
    });
  }
}

/** How many requests the provider is done with is told only when all are. */
const waitingFor = ({ request_count }: BatchRecord): Progress => ({
  stage: 'waiting',
  done: 0,
  total: request_count,
});

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
  waiting: Waiting,
): Promise<'ended' | 'runs' | 'none' | BatchError> {
  if (!job) return 'none';
  try {
    return (await jobEndsWithin(job, ms, waiting)) ? 'ended' : 'runs';
  } catch (error) {
    if (error instanceof BatchError) return error;
    throw error;
  }
}
