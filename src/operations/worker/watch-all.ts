import { setTimeout as sleep } from 'node:timers/promises';
import { BatchError } from '../../errors.ts';
import type { Context } from '../../state/context.ts';
import { type CollectReply, collect } from '../collect.ts';

/** What was looked at: one batch at a time where workers share them, else all that is unfinished. */
export type Looked = Pick<CollectReply, 'batches' | 'failed' | 'warnings'>;

export type WorkerOptions = {
  /**
   * Between two looks, in seconds: at all that is unfinished, or at one batch that runs where workers share a store. Default:
   * 60, and there what a batch's age makes worth it.
   */
  everySeconds?: number;
  /** Told of each look. */
  onLook?: (looked: Looked) => void;
  /** Told why there was none. The worker goes on, and tries again after longer and longer pauses. */
  onFailure?: (error: BatchError) => void;
};

/** While nothing can be reached, looks come no further apart than this. */
const LONGEST_PAUSE_SECONDS = 600;

/** Looks after all that is not finished, again and again, until it is stopped: for a store without an agenda. */
export async function watchAll(
  context: Context,
  { everySeconds, onLook, onFailure }: Required<WorkerOptions>,
  signal: AbortSignal,
): Promise<void> {
  let failed = 0;
  while (!signal.aborted) {
    const reply = await look(context, signal);
    if (signal.aborted) return;
    if (reply instanceof BatchError) onFailure(reply);
    else onLook(reply);
    failed = isOfNoUse(reply) ? failed + 1 : 0;
    await pause(pauseSeconds(everySeconds, failed) * 1000, signal);
  }
}

/** Waits, or until the signal says otherwise. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

async function look(context: Context, signal: AbortSignal): Promise<CollectReply | BatchError> {
  try {
    return await collect.run(context, {}, { signal });
  } catch (error) {
    if (error instanceof BatchError) return error;
    throw error;
  }
}

/** One batch that can't be looked at must not keep the others waiting: only where none could be is the next look put off. */
function isOfNoUse(reply: CollectReply | BatchError): boolean {
  if (reply instanceof BatchError) return true;
  const { batches, failed } = reply;
  const isFailed = failed.length > 0 || batches.some(({ problem }) => problem !== null);
  return isFailed && batches.every(({ problem }) => problem !== null);
}

/** Twice as long after each look that was of no use, and not to the second: many should not come at once. */
export function pauseSeconds(everySeconds: number, failed: number): number {
  const longest = Math.max(everySeconds, LONGEST_PAUSE_SECONDS);
  return Math.min(longest, everySeconds * 2 ** failed) * (0.8 + Math.random() * 0.2);
}
