import type { Context } from '../../state/context.ts';
import { endsWithin } from '../../state/jobs.ts';
import { type WorkerOptions, watchAll } from './watch-all.ts';
import { workOff } from './work-off.ts';

/** What looks after batches in this process, until it is stopped. */
export type Worker = {
  /**
   * Takes nothing more and gives back what it has, in three seconds at most. What goes on in the context's jobs goes on:
   * whoever ends the process waits for these as long as it can, and what is cut off is taken up by others.
   */
  stop(): Promise<void>;
};

const USUAL_SECONDS = 60;
const LONGEST_STOP_MS = 3_000;

/**
 * Starts to look after all batches of a store: settles what is uncertain, sends what waits, downloads, sends the retries
 * that were asked for, writes the files that were, tells of ends. At once any number of workers, in this process, on this
 * machine and on others; on a store with an agenda they share the batches, and one that dies leaves its own to the others.
 *
 * Returns at once and never throws: what fails is told, and tried again. Stop it before the context is closed. Sends for
 * others only what this process's own settings allow, as any look does.
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
