import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import type { Context } from '../state/context.ts';
import type { Progress, Waiting } from '../state/jobs.ts';
import { batchId } from './fields.ts';
import { endOf, isLasting, pauseAfter, watch } from './looking/watch.ts';
import { defineOperation, type ReplyOf } from './operation.ts';
import { nextStep } from './replies/next-step.ts';
import { findStillPreparing, type Preparing } from './replies/preparing.ts';
import { type BatchReport, reportOf } from './replies/report.ts';
import { statusOutput } from './status.ts';

/** An hour more than a batch's lifetime, so that one that expires is seen to its end. */
export const DEFAULT_TIMEOUT_SECONDS = 25 * 3600;

/** Waits for a batch's end, for hours if need be, and for its results and files to be here: for a program or a person. */
export const wait = defineOperation({
  name: 'wait',
  input: z.strictObject({
    batch_id: batchId,
    poll_interval: z
      .number()
      .positive()
      .optional()
      .describe('Seconds between looks; default: as often as makes sense'),
    timeout: z
      .number()
      .positive()
      .optional()
      .describe('Longest wait in seconds; default: 90000, which is 25 hours'),
  }),
  output: statusOutput,
  async run(
    context,
    { batch_id, poll_interval, timeout = DEFAULT_TIMEOUT_SECONDS },
    waiting,
  ): Promise<BatchReport | Preparing> {
    const patience = { everySeconds: poll_interval, timeoutSeconds: timeout };
    return untilEnd(context, batch_id, patience, waiting);
  },
  nextStep: (batch) => nextStep(batch),
});

export type WaitReply = ReplyOf<typeof wait>;

/** How often is looked, and for how long, wherever is waited. */
export const patience = wait.input.pick({ poll_interval: true, timeout: true });

type Patience = { everySeconds: number | undefined; timeoutSeconds: number };

/** A send that is still uncertain after this many looks waits for a person's decision. */
const UNCONFIRMED_LOOKS = 5;
const FIRST_RETRY_SECONDS = 2;
const LONGEST_RETRY_SECONDS = 300;

/** A failed look does not end the waiting: the batch goes on. */
async function untilEnd(
  context: Context,
  batchId: string,
  { everySeconds, timeoutSeconds }: Patience,
  waiting: Waiting,
): Promise<BatchReport | Preparing> {
  // Measured on the clock that stops while a computer sleeps: time slept through is no reason to give up.
  const end = performance.now() + timeoutSeconds * 1000;
  const left = () => Math.max(0, end - performance.now());
  let failed = 0;
  let unconfirmed = 0;
  for (let looks = 1; ; looks += 1) {
    const preparing = await findStillPreparing(context, batchId, left(), waiting);
    if (preparing !== null) return preparing;
    const seen = await watch(context, batchId, { ...waiting, waitSeconds: 0 });
    const report = await reportOf(context, seen);
    unconfirmed = report.processing_status === 'unconfirmed' ? unconfirmed + 1 : 0;
    const needsPerson = unconfirmed > UNCONFIRMED_LOOKS || seen.failures.some(isLasting);
    if (isOver(report) || needsPerson || left() === 0 || waiting.signal?.aborted) return report;
    failed = seen.failures.length > 0 ? failed + 1 : 0;
    const worthIt = report.check_again_in_seconds;
    // The sandbox is done in seconds, and looking costs nothing.
    const usual =
      report.provider === 'sandbox'
        ? Math.min(everySeconds ?? worthIt, worthIt, ...(worthIt > 1 ? [] : [soon(looks)]))
        : (everySeconds ?? worthIt);
    const seconds = failed === 0 ? usual : Math.min(usual, afterFailures(failed));
    const ms = Math.min(seconds * 1000, left());
    // This process's own job is followed to its end; the next look reports its failure.
    if (seen.job !== undefined && failed === 0) await endOf(seen.job, ms, waiting);
    else await pause(ms, report, waiting);
  }
}

/** The pause before the sandbox's next look, in seconds, after this many looks. */
const soon = (looks: number) => pauseAfter(looks, 0, 'sandbox') / 1000;

/**
 * A batch is not over before it is certain which answers are missing, and it is where the provider has dropped those that are
 * not here.
 */
function isOver({ processing_status, check_again_in_seconds: again }: BatchReport): boolean {
  return processing_status === 'not_sent' || (processing_status === 'ended' && again === 0);
}

/** Doubles each time, with jitter: many waiting clients should not come back at once. */
function afterFailures(times: number): number {
  const longest = Math.min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** (times - 1));
  return longest * (0.5 + Math.random() / 2);
}

const TICK_MS = 1_000;
/** The clocks differ by more than this only where the computer slept. */
const SLEPT_MS = 5_000;

/** Waits, reporting progress every second; ends early when the call does, or when the computer wakes from sleep. */
async function pause(ms: number, report: BatchReport, waiting: Waiting): Promise<void> {
  const { signal, onProgress } = waiting;
  const progress = progressOf(report);
  const end = performance.now() + ms;
  const drift = Date.now() - performance.now();
  for (;;) {
    await onProgress?.(progress);
    const left = end - performance.now();
    const slept = Date.now() - performance.now() - drift > SLEPT_MS;
    if (left <= 0 || slept || signal?.aborted) return;
    await sleep(Math.min(TICK_MS, left), undefined, { ...(signal && { signal }) }).catch((error: unknown) => {
      if (!signal?.aborted) throw error;
    });
  }
}

/** The sandbox costs nothing, and an adopted batch has no expected cost. */
function progressOf({ outcomes, request_count, cost_usd, provider }: BatchReport): Progress {
  const done = request_count - outcomes.pending;
  const cost = cost_usd && {
    usd: cost_usd.actual ?? cost_usd.expected,
    is_expected: cost_usd.actual === null,
  };
  return {
    stage: 'waiting',
    done,
    total: request_count,
    failed: done - outcomes.succeeded,
    ...(cost && provider !== 'sandbox' && { cost }),
  };
}
