import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { BatchError } from '../errors.ts';
import { startClock } from '../lib/time.ts';
import { isProvenDead, type ProcessIdentity, thisProcess } from './process-identity.ts';

/**
 * How the processes on one store learn of each other's end. On one machine the system tells; across machines each
 * keeps in touch with the store, and one that is out of touch for long enough is taken for dead for good. That is no
 * proof, as it may just have stood still. So it sends nothing while it is out of touch, and comes back under a new
 * identity.
 */
export type Presence = {
  /** This process as others know it now. */
  self(): ProcessIdentity;
  /** Makes this process known to others before it takes on any work. Throws `store_failed`. */
  enter(): Promise<void>;
  /** Whether nobody can take this process for dead yet that began something as `self` was then, by a clock that counts sleep. */
  holds(self: ProcessIdentity): boolean;
  /** Finds out about other processes, for `isGone`. Throws `store_failed`. */
  learn(identities: readonly ProcessIdentity[]): Promise<void>;
  /** Whether a process is dead, or out of touch for good, as far as was found out. False means only that nothing is proven. */
  isGone(identity: ProcessIdentity): boolean;
  /** Whether it learns of every dead process, wherever it ran, so that nobody has to rely on timeouts. */
  readonly findsAll: boolean;
  /** For how many milliseconds to keep trying to record the outcome of a send while the store is away. */
  readonly patienceMs: number;
};

/** The presence of processes on one machine, which ask its operating system. */
export function createLocalPresence(): Presence {
  const self = { ...thisProcess(), nonce: randomUUID() };
  return {
    self: () => self,
    enter: async () => {},
    holds: () => true,
    learn: async () => {},
    isGone: isProvenDead,
    findsAll: false,
    patienceMs: 0,
  };
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

/**
 * Retries work that needs the store while the store is away, for as long as others leave it to this process: what
 * only this process knows would be lost otherwise. `work` may run several times.
 */
export async function insist<T>({ patienceMs }: Presence, work: () => Promise<T>): Promise<T> {
  let away: (() => number) | undefined;
  for (let tries = 0; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      away ??= startClock();
      if (!(error instanceof BatchError) || error.code !== 'store_failed' || away() >= patienceMs)
        throw error;
      const ms = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** tries);
      await sleep(ms * (0.5 + Math.random() / 2));
    }
  }
}
