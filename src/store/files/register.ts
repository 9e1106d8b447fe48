import { createRevisedRegister } from '../revised-register.ts';
import type { Register } from '../store.ts';
import { openRevisions, type RevisionsOptions } from './revisions.ts';

/** A register in a folder of its own. `update` throws `store_failed` too when the disk refuses. */
export function createRegister<T>(options: RevisionsOptions<T>): Register<T> {
  return createRevisedRegister(options.folder, openRevisions(options));
}
