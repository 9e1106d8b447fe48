import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { BatchError } from '../errors.ts';
import { startClock } from '../lib/time.ts';
import { isProvenDead, type ProcessIdentity, thisProcess } from './process-identity.ts';

/**
 * How the processes on one store know of each other's end. Where they share a machine, that tells; where they may not, each
 * is in touch with the store, and one that was out of touch for long enough is taken for dead for good. It is not proven dead:
 * it may have stood still. So it sends nothing while it is out of touch, and comes back as another.
 */
export type Presence = {
  /** This process as others know it now. */
  self(): ProcessIdentity;
  /** Sees to it that others can find out about this process before it takes anything upon itself. Throws `store_failed`. */
  enter(): Promise<void>;
  /** Whether nobody can take this process for dead yet that began something as `self` was then, by a clock that counts sleep. */
  holds(self: ProcessIdentity): boolean;
  /** Finds out about others, for `isGone`. Throws `store_failed`. */
  learn(identities: readonly ProcessIdentity[]): Promise<void>;
  /** Whether a process is dead, or out of touch for good, as far as was found out. False means only that nothing is proven. */
  isGone(identity: ProcessIdentity): boolean;
  /** Whether it finds out about every process that is gone, wherever that ran, so that nobody has to go by the time. */
  readonly findsAll: boolean;
  /** For how long what became of a send is tried to be written down, where the store is away, in milliseconds. */
  readonly patienceMs: number;
};

/** Of the processes on one machine, which ask its operating system. */
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
 * Does what needs the store, again and again where that is away, for as long as others leave it to this process: what it
 * alone knows is lost with it. `work` may run several times.
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
