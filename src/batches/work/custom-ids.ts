import { randomBytes } from 'node:crypto';
import { customIdPattern } from './task.ts';

/**
 * Gives each task the `custom_id` it is sent under: its own id where the API takes it, else one that is made
 * here. A made one holds 60 random bits that are chosen anew for every batch, so no given id can equal it.
 */
export function createCustomIds(): (taskId: string, ordinal: number) => string {
  const nonce = randomBytes(10).toString('base64url').replaceAll(/[-_]/g, '0').slice(0, 10);
  return (taskId, ordinal) => (customIdPattern.test(taskId) ? taskId : `task_${ordinal + 1}_${nonce}`);
}
