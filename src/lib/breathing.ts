import { setImmediate as nextTurn } from 'node:timers/promises';

/** A waiting call does not notice a pause this long. */
const WORK_MS = 10;

/**
 * Returns a function that long work calls between its steps, so that other work gets this thread every 10 ms:
 * awaiting promises alone does not let it in.
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
