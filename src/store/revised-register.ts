import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { Low } from 'lowdb';
import { BatchError } from '../errors.ts';
import { seal } from './envelope.ts';
import type { Register, Revision } from './store.ts';

/** Numbered revisions of one value, each created once, and never changed or reused. */
export type Revisions<T> = {
  /** The one with the highest number. */
  newest(): Promise<Revision<T> | null>;
  /** Those that can be read, oldest first. */
  all(): Promise<Revision<T>[]>;
  /** False where another change got the number first. */
  create(revision: Revision<T>): Promise<boolean>;
};

/** How long a change is tried again while others are faster. */
const PATIENCE_MS = 10_000;
const LONGEST_PAUSE_MS = 64;

/** Up to twice as long after each loss, and random, or the losers of a race would all meet again. */
function pause(losses: number): Promise<void> {
  return sleep(Math.random() * Math.min(LONGEST_PAUSE_MS, 2 ** losses));
}

/**
 * A register over numbered revisions, on lowdb: `Low` gets an adapter whose `write` creates the next revision, which only
 * one writer can do; each attempt has a `Low` of its own, so none ever writes over what it has not read.
 *
 * `place` names it in a message. `update` throws `store_failed` after 10 seconds of losing.
 */
export function createRevisedRegister<T>(place: string, revisions: Revisions<T>): Register<T> {
  type Attempt = { settled: true; value: T | null } | { settled: false };

  async function attempt(change: (current: T | null) => T | null): Promise<Attempt> {
    let won = false;
    const low = new Low<Revision<T> | null>(
      {
        read: () => revisions.newest(),
        write: async (revision) => {
          won = revision !== null && (await revisions.create(revision));
        },
      },
      null,
    );
    await low.read();
    const current = low.data?.value ?? null;
    // Compared with a copy, so that a `change` that edits what it was given is not taken for one that did nothing.
    const before = structuredClone(current);
    const next = change(current);
    if (next === null || isDeepStrictEqual(next, before)) return { settled: true, value: before };
    low.data = { number: (low.data?.number ?? 0) + 1, ...seal(next) };
    await low.write();
    return won ? { settled: true, value: next } : { settled: false };
  }

  return {
    read: async () => (await revisions.newest())?.value ?? null,
    history: () => revisions.all(),
    async update(change) {
      // Not the wall clock: a laptop that slept in between has not been trying.
      const start = performance.now();
      for (let losses = 0; ; losses += 1) {
        const result = await attempt(change);
        if (result.settled) return result.value;
        if (performance.now() - start > PATIENCE_MS) {
          throw new BatchError(
            'store_failed',
            `Could not change ${place} within ${PATIENCE_MS / 1000} seconds: other processes were ` +
              'faster each time, or what keeps it is out of order. Nothing was changed; try again.',
          );
        }
        await pause(losses);
      }
    },
  };
}
