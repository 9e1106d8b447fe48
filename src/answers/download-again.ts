import { setTimeout as sleep } from 'node:timers/promises';
import { BatchError } from '../errors.ts';
import type { Context } from '../state/context.ts';

/** Waits before a download, the first of which is 1, of the same results: what is wrong at the API may have passed. */
export function pauseBefore(context: Context, fetch: number): Promise<void> {
  return sleep((fetch - 1) * context.limits.downloadPauseMs);
}

/** For results that came short, but may yet come whole. */
export function cameShort(id: string): BatchError {
  return new BatchError(
    'api_uncertain',
    `The results of ${id} could not be downloaded whole. Nothing is lost, they stay at the API: try again in a minute.`,
  );
}
