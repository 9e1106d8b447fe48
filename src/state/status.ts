import { dialectOf } from '../provider/dialects.ts';
import type { BatchRecord, Part } from '../store/record.ts';
import { isCreated } from './parts.ts';

export const processingStatuses = [
  'in_progress',
  'canceling',
  'ended',
  'submitting',
  'waiting',
  'unconfirmed',
  'not_sent',
] as const;
export type ProcessingStatus = (typeof processingStatuses)[number];

/** One status over many parts: the one that a person has to know of first. */
export function statusOf(record: BatchRecord): ProcessingStatus {
  const states = new Set(record.parts.map(({ progress }) => progress.state));
  const seen = new Set(record.parts.filter(isCreated).map(({ progress }) => progress.seen.processing_status));
  if (states.has('unconfirmed')) return 'unconfirmed';
  if (states.has('sending')) return 'submitting';
  if (states.has('prepared') && !states.has('not_sent')) return 'submitting';
  if (seen.has('canceling')) return 'canceling';
  if (seen.has('in_progress')) return 'in_progress';
  if (states.has('not_sent')) return 'not_sent';
  if (states.has('waiting')) return 'waiting';
  return 'ended';
}

/** A part's own status, in the same words. */
export function partStatus({ progress }: Part): ProcessingStatus {
  switch (progress.state) {
    case 'prepared':
    case 'sending':
      return 'submitting';
    case 'waiting':
    case 'unconfirmed':
    case 'not_sent':
      return progress.state;
    case 'created':
      return progress.seen.processing_status;
  }
}

/** Whether every answer is on disk. */
export function isSaved(record: BatchRecord): boolean {
  return record.parts.every(({ progress }) => progress.state === 'created' && progress.results !== null);
}

/** The latest of the parts' times, null while one has none. */
export function latestTime(record: BatchRecord, time: 'ended_at' | 'expires_at'): string | null {
  const times = record.parts.map(({ progress }) =>
    progress.state === 'created' ? progress.seen[time] : null,
  );
  const known = times.filter((each) => each !== null).map((each) => Date.parse(each));
  return known.length < times.length ? null : new Date(Math.max(...known)).toISOString();
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** When the provider drops the first part's results; null while nothing was created. */
export function resultsExpireAt(record: BatchRecord): string | null {
  const created = record.parts.filter(isCreated).map(({ progress }) => Date.parse(progress.seen.created_at));
  return created.length === 0
    ? null
    : new Date(Math.min(...created) + dialectOf(record.provider).resultsKeptDays * DAY_MS).toISOString();
}

/** When the results of a batch came in last, as a moment. */
export function latestResults({ parts }: BatchRecord): number {
  return Math.max(
    ...parts.map(({ progress }) =>
      progress.state === 'created' ? Date.parse(progress.results?.saved_at ?? '') || 0 : 0,
    ),
  );
}
