import { setTimeout as sleep } from 'node:timers/promises';
import { BatchError } from '../../errors.ts';
import type { Context } from '../../state/context.ts';
import { type CollectReply, collect } from '../collect.ts';

/** The result of a look: at one batch where workers share them, otherwise at all unfinished ones. */
type Looked = Pick<CollectReply, 'batches' | 'failed' | 'warnings'>;

export type WorkerOptions = {
  /**
   * The seconds between two looks: at all unfinished batches, or, where workers share a store, at one running batch.
   * Default: 60, or on a shared store an interval that depends on the batch's age.
   */
  everySeconds?: number;
  /** Called after each look. */
  onLook?: (looked: Looked) => void;
  /** Called with the reason where a look failed. The worker tries again after longer and longer pauses. */
  onFailure?: (error: BatchError) => void;
};

/** The longest pause while nothing can be reached. */
const LONGEST_PAUSE_SECONDS = 600;

/** Looks at all unfinished batches again and again until it is stopped: for a store without an agenda. */
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

/** Waits `ms` milliseconds, or until the signal is aborted. */
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

/** Whether no batch could be looked at. One that can't must not keep the others waiting. */
function isOfNoUse(reply: CollectReply | BatchError): boolean {
  if (reply instanceof BatchError) return true;
  const { batches, failed } = reply;
  const isFailed = failed.length > 0 || batches.some(({ problem }) => problem !== null);
  return isFailed && batches.every(({ problem }) => problem !== null);
}

/** Doubles after each look that reached nothing, with jitter: many workers should not come at once. */
export function pauseSeconds(everySeconds: number, failed: number): number {
  const longest = Math.max(everySeconds, LONGEST_PAUSE_SECONDS);
  return Math.min(longest, everySeconds * 2 ** failed) * (0.8 + Math.random() * 0.2);
}
