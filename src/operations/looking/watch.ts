import { setTimeout as sleep } from 'node:timers/promises';
import { BatchError, type ErrorCode } from '../../errors.ts';
import type { ProviderName } from '../../provider/provider.ts';
import type { Context } from '../../state/context.ts';
import { type Job, jobEndsWithin, type Progress, type Refreshed, type Waiting } from '../../state/jobs.ts';
import { isSaved, statusOf } from '../../state/status.ts';
import type { BatchRecord } from '../../store/record.ts';
import { requireRecord } from '../find-batch.ts';
import { refreshWithin } from './refresh.ts';

export type WatchOptions = Waiting & {
  /** How long to wait for the batch's end, within the call's time. */
  waitSeconds?: number | undefined;
};

/** How long to wait for a download that has just begun: a small one is over by then. */
const PATIENCE_MS = 2_000;
/** How far a look that begins at the last moment may exceed the call's time. */
const LAST_LOOK_MS = 2_500;

/** Between the first looks, so that a wait of 20 seconds makes five; after that an end is hours away more often than not. */
const FIRST_PAUSES_MS = [1_000, 4_000, 7_000, 8_000];
const EARLY_MS = 2 * 60_000;
const EARLY_PAUSE_MS = 10_000;
const LATE_PAUSE_MS = 60_000;
/** The sandbox runs on this computer, and is mostly done within a second. */
const SANDBOX_FIRST_PAUSE_MS = 100;
const SANDBOX_PAUSE_MS = 1_000;

/** How long to wait before the next look, given the number of looks and the milliseconds so far. */
export function pauseAfter(looks: number, waitedMs: number, provider: ProviderName): number {
  if (provider === 'sandbox') return Math.min(SANDBOX_PAUSE_MS, SANDBOX_FIRST_PAUSE_MS * 2 ** (looks - 1));
  return FIRST_PAUSES_MS[looks - 1] ?? (waitedMs < EARLY_MS ? EARLY_PAUSE_MS : LATE_PAUSE_MS);
}

/** Looks at a batch repeatedly until it has ended and is saved, or the time is up. */
export async function watch(context: Context, id: string, options: WatchOptions = {}): Promise<Refreshed> {
  const { waitSeconds = 0, signal, onProgress } = options;
  const start = performance.now();
  const until = start + Math.min(waitSeconds * 1000, context.limits.callMs);
  const timeForLook = () => start + context.limits.callMs + LAST_LOOK_MS - performance.now();
  // Work prepared under this id may have turned out to be an earlier batch's.
  const batchId = context.jobs.forwarded(id);
  for (let looks = 1; ; looks += 1) {
    // The looks in between only need to know whether the wait is over.
    const partsAsked = looks > 1 && until > performance.now() ? 'until_one_runs' : 'all';
    const before = await requireRecord(context, batchId);
    const seen = await refreshWithin(context, before, timeForLook(), partsAsked);
    const left = until - performance.now();
    if (isSettled(seen)) {
      options.onOver?.();
      return seen;
    }
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
      // It could not be settled just now: looking again at once would tell nothing new.
      if (statusOf(record) === 'unconfirmed') return { record, job: undefined, failures: seen.failures };
      if (left > 0) continue;
      return refreshWithin(context, record, timeForLook());
    }
    if (left <= 0 || signal?.aborted) return seen;
    const pause = Math.min(left, pauseAfter(looks, performance.now() - start, seen.record.provider));
    await sleep(pause, undefined, { ...(signal && { signal }) }).catch((error: unknown) => {
      if (!signal?.aborted) throw error;
    });
  }
}

/** The provider counts finished requests only once all are finished. */
const waitingFor = ({ request_count }: BatchRecord): Progress => ({
  stage: 'waiting',
  done: 0,
  total: request_count,
});

/** A look that fails with one of these keeps failing until a person does something. */
const lastingFailures: ReadonlySet<ErrorCode> = new Set(['no_credentials', 'api_refused', 'wrong_state']);
export const isLasting = ({ code }: BatchError): boolean => lastingFailures.has(code);

/** Whether waiting can change nothing any more. */
function isSettled({ record, job, failures, heldBack }: Refreshed): boolean {
  if (job) return false;
  if (heldBack !== undefined) return true;
  if (failures.some(isLasting)) return true;
  const status = statusOf(record);
  return status === 'unconfirmed' || status === 'not_sent' || (status === 'ended' && isSaved(record));
}

/** Waits up to `ms` for a job and returns how it went. A failure is returned; the next look tries the work again. */
export async function endOf(
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
