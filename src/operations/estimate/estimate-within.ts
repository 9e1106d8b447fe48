import { BatchError } from '../../errors.ts';
import { sha256OfText } from '../../lib/files/file-hash.ts';
import type { Context } from '../../state/context.ts';
import { type Job, jobEndsWithin, type Waiting } from '../../state/jobs.ts';
import type { AskedWork } from './check-work.ts';
import type { Estimate } from './estimate-figures.ts';
import { estimateWork } from './estimate-work.ts';

type Estimating = {
  job: Job;
  estimate: Promise<Estimate>;
  /** Ends the checking once the last call that waits for it is cancelled. */
  cancel: AbortController;
  waiting: number;
  /** In milliseconds on the process's clock; null while it goes on. */
  endedAt: number | null;
};

/** Estimates that are under way or that no call has fetched yet, by their arguments. */
const underWay = new WeakMap<Context, Map<string, Estimating>>();
/** By then a file may have changed. */
const KEPT_MS = 5 * 60 * 1000;

/**
 * As `estimateWork`, within the time of a call. Throws `wrong_state` when the time is up; the checking goes on, and
 * the same call made again waits for it. A cancelled call ends the checking, unless another call waits for it too.
 */
export async function estimateWithin(
  context: Context,
  asked: AskedWork,
  outputTokens: number | undefined,
  waiting: Waiting,
): Promise<Estimate> {
  if (waiting.signal?.aborted) throw cancelled();
  const all = underWay.get(context) ?? new Map<string, Estimating>();
  underWay.set(context, all);
  for (const [old, { endedAt }] of all) {
    if (endedAt !== null && performance.now() - endedAt > KEPT_MS) all.delete(old);
  }
  const key = sha256OfText(JSON.stringify([asked, outputTokens]));
  const found = all.get(key) ?? begin(context, asked, outputTokens);
  all.set(key, found);
  let ended = true;
  found.waiting += 1;
  try {
    ended = await jobEndsWithin(found.job, context.limits.callMs, waiting);
  } finally {
    found.waiting -= 1;
    const unwanted = waiting.signal?.aborted && found.waiting === 0;
    if (unwanted) found.cancel.abort();
    if (ended || unwanted) all.delete(key);
  }
  if (ended) return found.estimate;
  if (waiting.signal?.aborted) throw cancelled();
  throw new BatchError(
    'wrong_state',
    `The tasks are still being checked, ${found.job.progress.done} so far: that takes longer than a call may last. It goes on; ` +
      'call estimate_cost again with the same arguments in half a minute.',
  );
}

const cancelled = () =>
  new BatchError(
    'wrong_state',
    'The call was cancelled while the tasks were checked. Nothing was sent or paid.',
  );

function begin(context: Context, asked: AskedWork, outputTokens: number | undefined): Estimating {
  const cancel = new AbortController();
  const estimate = estimateWork(context, asked, {
    outputTokens,
    signal: cancel.signal,
    report: (progress) => {
      job.progress = progress;
    },
  });
  const job: Job = {
    provider: context.defaultProvider,
    promise: estimate.then(() => {}),
    progress: { stage: 'preparing', done: 0, total: null },
  };
  const estimating: Estimating = { job, estimate, cancel, waiting: 0, endedAt: null };
  // Noted on failure too, even with nobody waiting: the next such call reports it.
  void Promise.allSettled([job.promise]).then(() => {
    estimating.endedAt = performance.now();
  });
  return estimating;
}
