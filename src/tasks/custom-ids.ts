import { randomBytes } from 'node:crypto';
import type { IdForm } from '../provider/dialect.ts';

/** Chosen anew for every batch: 60 random bits, in letters and digits, so that no given id can hold them. */
export function createNonce(): string {
  return randomBytes(10).toString('base64url').replaceAll(/[-_]/g, '0').slice(0, 10);
}

/**
 * The id that a task is sent under: its own where the provider takes it, else one that is made here.
 * `number` is the task's place in the caller's list, and `nonce` the batch's.
 */
export function requestIdFor(taskId: string, number: number, nonce: string, { pattern }: IdForm): string {
  return pattern.test(taskId) ? taskId : `task_${number}_${nonce}`;
}
