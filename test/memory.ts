import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');

/** Collects garbage, whatever flags the process was started with. */
export const collectGarbage: () => void = runInNewContext('gc');

function held(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** The most bytes that this process holds while `work` goes on, above what it held before; garbage does not count. */
export async function mostHeldDuring(work: () => Promise<unknown>): Promise<number> {
  const before = held();
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, held() - before);
  }, 250);
  try {
    await work();
  } finally {
    clearInterval(watch);
  }
  return most;
}
