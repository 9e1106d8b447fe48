import { randomBytes } from 'node:crypto';
import { customIdPattern } from './task.ts';

/** Chosen anew for every batch: 60 random bits, in letters and digits, so that no given id can hold them. */
export function createNonce(): string {
  return randomBytes(10).toString('base64url').replaceAll(/[-_]/g, '0').slice(0, 10);
}

/**
 * The `custom_id` that a task is sent under: its own id where the API takes it, else one that is made here.
 * `number` is the task's place in the caller's list, and `nonce` the batch's.
 */
export function customIdFor(taskId: string, number: number, nonce: string): string {
  return customIdPattern.test(taskId) ? taskId : `task_${number}_${nonce}`;
}
