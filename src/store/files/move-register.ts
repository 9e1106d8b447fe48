import { lstatSync } from 'node:fs';
import { closedFailure, type MoveState, moveState } from '../moving/movable.ts';
import type { Register } from '../store.ts';
import type { Layout } from './layout.ts';
import { createRegister } from './revisions.ts';
import { storeFailure } from './store-failure.ts';

/** Where the store is on its way to another one. */
export function createMoveRegister({ move, temporary }: Layout): Register<MoveState> {
  return createRegister({ folder: move, temporary, schema: moveState });
}

/**
 * Does one thing with the batches of a store at `place`, and throws `store_failed` in place of what came of it where the store is closed by then:
 * its batches are taken away only after that was written, so what is not found before is not there.
 */
export async function whileOpen<T>(place: string, layout: Layout, work: () => Promise<T>): Promise<T> {
  const [outcome] = await Promise.allSettled([work()]);
  const failure = await findClosed(place, layout);
  if (failure !== null) throw failure;
  if (outcome.status === 'rejected') throw outcome.reason;
  return outcome.value;
}

async function findClosed(place: string, layout: Layout) {
  try {
    // Synchronous: the thread pool would make it ten times as long, and hardly any store was ever moved.
    if (lstatSync(layout.move, { throwIfNoEntry: false }) === undefined) return null;
  } catch (error) {
    throw storeFailure('read', layout.move, error);
  }
  return closedFailure(place, await createMoveRegister(layout).read());
}
