import { BatchError } from '../../errors.ts';
import { sha256OfText } from '../../files/file-hash.ts';
import type { Context } from '../context.ts';
import { type Job, jobEndsWithin, type Waiting } from '../jobs.ts';
import type { Work } from '../work/work.ts';
import { type Estimate, estimateWork } from './estimate.ts';

type Estimating = {
  job: Job;
  estimate: Promise<Estimate>;
  /** In milliseconds on the process's clock; null while it goes on. */
  endedAt: number | null;
};

/** Estimates that are under way, or that nobody has fetched yet, by what was asked for. */
const underWay = new WeakMap<Context, Map<string, Estimating>>();
/** A file may be another by then. */
const KEPT_MS = 5 * 60 * 1000;

/**
 * As `estimateWork`, within the time that a call has. What takes longer goes on: the same call again waits for it.
 * Throws `wrong_state` where the time is over. A cancelled call ends the checking.
 */
export async function estimateWithin(
  context: Context,
  work: Work,
  outputTokens: number | undefined,
  waiting: Waiting,
): Promise<Estimate> {
  const all = underWay.get(context) ?? new Map<string, Estimating>();
  underWay.set(context, all);
  for (const [old, { endedAt }] of all) {
    if (endedAt !== null && performance.now() - endedAt > KEPT_MS) all.delete(old);
  }
  const key = sha256OfText(JSON.stringify([work, outputTokens]));
  const found = all.get(key) ?? begin(context, work, { outputTokens, signal: waiting.signal });
  all.set(key, found);
  let ended = true;
  try {
    ended = await jobEndsWithin(found.job, context.limits.callMs, waiting);
  } finally {
    if (ended || waiting.signal?.aborted) all.delete(key);
  }
  if (ended) return found.estimate;
  throw new BatchError(
    'wrong_state',
    `The tasks are still being checked, ${found.job.progress.done} so far: that takes longer than a call may. It goes on; ` +
      'call estimate_cost again with the same arguments in half a minute.',
  );
}

function begin(
  context: Context,
  work: Work,
  options: { outputTokens: number | undefined; signal: AbortSignal | undefined },
): Estimating {
  const estimate = estimateWork(context, work, {
    ...options,
    report: (progress) => {
      job.progress = progress;
    },
  });
  const job: Job = {
    provider: context.defaultProvider,
    promise: estimate.then(() => {}),
    progress: { stage: 'preparing', done: 0, total: null },
  };
  const estimating: Estimating = { job, estimate, endedAt: null };
  // Also where it fails with nobody waiting: whoever asks next is told.
  void Promise.allSettled([job.promise]).then(() => {
    estimating.endedAt = performance.now();
  });
  return estimating;
}
