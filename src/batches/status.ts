import type { RequestCounts } from '../provider/provider.ts';
import type { BatchRecord, Outcome, Part } from '../store/record.ts';
import { isCreated } from './parts.ts';

export const processingStatuses = [
  'in_progress',
  'canceling',
  'ended',
  'submitting',
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
  return 'ended';
}

/** A part's own status, in the same words. */
export function partStatus({ progress }: Part): ProcessingStatus {
  switch (progress.state) {
    case 'prepared':
    case 'sending':
      return 'submitting';
    case 'unconfirmed':
    case 'not_sent':
      return progress.state;
    case 'created':
      return progress.seen.processing_status;
  }
}

export type OutcomeTotals = Record<Outcome | 'pending', number>;

/** What became of every task; they add up to the number of tasks. */
export function outcomesOf(record: BatchRecord): OutcomeTotals {
  const totals = { pending: 0, succeeded: 0, incomplete: 0, errored: 0, expired: 0, canceled: 0, missing: 0 };
  for (const part of record.parts) {
    const results = part.progress.state === 'created' ? part.progress.results : null;
    if (results === null) totals.pending += part.request_count;
    else {
      totals.succeeded += results.outcomes.succeeded;
      totals.incomplete += results.outcomes.incomplete;
      totals.errored += results.outcomes.errored;
      totals.expired += results.outcomes.expired;
      totals.canceled += results.outcomes.canceled;
      totals.missing += results.outcomes.missing;
    }
  }
  return totals;
}

/** The API's own counts, summed over the parts; what was not sent yet counts as processing. */
export function requestCountsOf(record: BatchRecord): RequestCounts {
  const sum = { processing: 0, succeeded: 0, errored: 0, canceled: 0, expired: 0 };
  for (const part of record.parts) {
    const counts = part.progress.state === 'created' ? part.progress.seen.request_counts : null;
    if (counts === null) sum.processing += part.request_count;
    else {
      sum.processing += counts.processing;
      sum.succeeded += counts.succeeded;
      sum.errored += counts.errored;
      sum.canceled += counts.canceled;
      sum.expired += counts.expired;
    }
  }
  return sum;
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

/** Results stay this long from a batch's creation (Message Batches documentation). */
const RESULTS_DAYS = 29;

/** When the provider drops the first part's results; null while nothing was created. */
export function resultsExpireAt(record: BatchRecord): string | null {
  const created = record.parts.filter(isCreated).map(({ progress }) => Date.parse(progress.seen.created_at));
  return created.length === 0
    ? null
    : new Date(Math.min(...created) + RESULTS_DAYS * 86_400_000).toISOString();
}
