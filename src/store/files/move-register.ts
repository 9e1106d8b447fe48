import { lstatSync } from 'node:fs';
import { closedFailure, type MoveState, moveState } from '../moving/movable.ts';
import type { Register } from '../store.ts';
import type { Layout } from './layout.ts';
import { createRegister } from './revisions.ts';
import { storeFailure } from './store-failure.ts';

/** How far the store's move to another store has come. */
export function createMoveRegister({ move, temporary }: Layout): Register<MoveState> {
  return createRegister({ folder: move, temporary, schema: moveState });
}

/**
 * Does one thing with the batches of the store at `place`. If the store is closed by then, throws `store_failed` instead of the outcome.
 * A store is marked as closed before its batches are taken away, so what an open store does not find is really not there.
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
    // Synchronous: by the thread pool it would take ten times as long, and hardly any store was ever moved.
    if (lstatSync(layout.move, { throwIfNoEntry: false }) === undefined) return null;
  } catch (error) {
    throw storeFailure('read', layout.move, error);
  }
  return closedFailure(place, await createMoveRegister(layout).read());
}
