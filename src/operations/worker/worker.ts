import type { Context } from '../../state/context.ts';
import { endsWithin } from '../../state/jobs.ts';
import { type WorkerOptions, watchAll } from './watch-all.ts';
import { workOff } from './work-off.ts';

/** Looks after batches in this process until it is stopped. */
export type Worker = {
  /**
   * Takes no more batches and gives back its leases, within three seconds. The context's jobs go on: whoever ends the
   * process should wait for them as long as it can; other processes take up what is cut off.
   */
  stop(): Promise<void>;
};

const USUAL_SECONDS = 60;
const LONGEST_STOP_MS = 3_000;

/**
 * Starts to look after all batches of a store: settles uncertain sends, sends waiting parts, downloads results, sends
 * requested retries, writes requested files, tells of ends. Any number of workers may run at once, in one process and
 * across machines; on a store with an agenda they share the batches, and the others take over those of one that dies.
 *
 * Returns at once and never throws: failures are reported, and tried again. Stop it before closing the context. Like
 * any look, it sends for others only what this process's own settings allow.
 */
export function startWorker(context: Context, options: WorkerOptions = {}): Worker {
  const { everySeconds, onLook = () => {}, onFailure = () => {} } = options;
  const stopping = new AbortController();
  const { agenda } = context.store;
  const work =
    agenda === null
      ? watchAll(context, { everySeconds: everySeconds ?? USUAL_SECONDS, onLook, onFailure }, stopping.signal)
      : workOff(context, agenda, { everySeconds, onLook, onFailure }, stopping.signal);
  const failed = work.catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    context.log('error', `looking after batches ended with a fault: ${reason}`);
  });
  return {
    async stop() {
      stopping.abort();
      await endsWithin(failed, LONGEST_STOP_MS);
    },
  };
}
