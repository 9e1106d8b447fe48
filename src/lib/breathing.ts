import { setImmediate as nextTurn } from 'node:timers/promises';

/** A call that waits for it notices nothing. */
const WORK_MS = 10;

/**
 * Gives what a long piece of work calls between its steps, so that whoever else waits for this thread is let in every
 * 10 ms: promises alone let in nobody.
 */
export function breather(): () => Promise<void> | undefined {
  let since = performance.now();
  return () => {
    if (performance.now() - since < WORK_MS) return undefined;
    return nextTurn().then(() => {
      since = performance.now();
    });
  };
}
