import * as z from 'zod';
import type { Context } from '../state/context.ts';
import { LONGEST_WAIT_SECONDS } from '../state/context.ts';
import { batchId, batchOutput } from './fields.ts';
import { type WatchOptions, watch } from './looking/watch.ts';
import { defineOperation, type ReplyOf } from './operation.ts';
import { nextStep } from './replies/next-step.ts';
import { findStillPreparing, type Preparing } from './replies/preparing.ts';
import { type BatchReport, reportOf } from './replies/report.ts';

export const statusOutput = batchOutput.extend({
  outcomes: z.record(z.string(), z.number()).optional(),
  results_state: z.enum(['none', 'downloading', 'saved']).optional(),
  output_files: z.array(z.string()).optional(),
});

/** The current state of a batch. */
export const status = defineOperation({
  name: 'status',
  input: z.strictObject({
    batch_id: batchId,
    wait_seconds: z.number().min(0).optional(),
  }),
  output: statusOutput,
  async run(context, { batch_id, wait_seconds }, waiting): Promise<BatchReport | Preparing> {
    const seen = await follow(context, batch_id, { ...waiting, waitSeconds: wait_seconds });
    const isShortened = wait_seconds !== undefined && wait_seconds * 1000 > longestWaitMs(context);
    return isShortened ? { ...seen, warnings: [shortened(wait_seconds), ...seen.warnings] } : seen;
  },
  // The other ways to follow it were told at submission.
  nextStep: (batch, _args, following) => nextStep(batch, following?.kind === 'task' ? following : undefined),
});

/** A program or a person may wait as long as they like. */
function longestWaitMs({ limits }: Context): number {
  return Number.isFinite(limits.callMs) ? LONGEST_WAIT_SECONDS * 1000 : Number.POSITIVE_INFINITY;
}

const shortened = (asked: number) =>
  `wait_seconds is ${LONGEST_WAIT_SECONDS} here, not ${asked}: a call waits no longer, and your client does not follow tasks.`;

export type StatusReply = ReplyOf<typeof status>;

/**
 * Looks at a batch repeatedly until it has ended and is saved, or the time is up; also while it is being prepared.
 */
export async function follow(
  context: Context,
  batchId: string,
  options: WatchOptions,
): Promise<BatchReport | Preparing> {
  const preparing = await findStillPreparing(context, batchId, (options.waitSeconds ?? 0) * 1000, options);
  return preparing ?? reportOf(context, await watch(context, batchId, options));
}
