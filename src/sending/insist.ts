import { setTimeout as sleep } from 'node:timers/promises';
import { BatchError } from '../errors.ts';
import { startClock } from '../lib/time.ts';
import type { Presence } from '../store/presence.ts';

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
