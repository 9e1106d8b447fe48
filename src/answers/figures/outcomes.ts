import type { RequestCounts } from '../../provider/provider.ts';
import type { Context } from '../../state/context.ts';
import { sentCount } from '../../state/parts.ts';
import type { BatchRecord, Part } from '../../store/record.ts';
import type { Outcome } from '../../store/saved-results.ts';
import { oncePerView } from '../view/passes.ts';
import { openView } from '../view/view.ts';

export type OutcomeTotals = Record<Outcome | 'pending', number>;

/** What one attempt came to; outcomes of which there are none are left out. */
export type AttemptReport = { attempt: number; request_count: number; outcomes: Partial<OutcomeTotals> };

/** Whether tasks were sent more than once, so that the parts overlap. */
export function isRetried(record: BatchRecord): boolean {
  return record.parts.some(({ attempt, tasks }) => attempt > 1 || tasks === 'listed');
}

/**
 * What became of every task, by its best answer; they add up to the number of tasks. Of a single attempt the
 * sums in the record tell it, of several only the answers' places on disk.
 */
export async function outcomesOf(context: Context, record: BatchRecord): Promise<OutcomeTotals> {
  if (!isRetried(record)) return sumOfParts(record.parts);
  return totalsOf(await openView(context, record));
}

const totalsOf = oncePerView(async (view): Promise<OutcomeTotals> => {
  const totals = noOutcomes();
  for (let ordinal = 0; ordinal < view.count; ordinal += 1) totals[view.outcome(ordinal)] += 1;
  return totals;
});

/** The history: what each attempt, taken by itself, came to. */
export function attemptsOf(record: BatchRecord): AttemptReport[] {
  const attempts = [...new Set(record.parts.map(({ attempt }) => attempt))];
  return attempts.map((attempt) => {
    const parts = record.parts.filter((part) => part.attempt === attempt);
    const outcomes = Object.entries(sumOfParts(parts)).filter(([, count]) => count > 0);
    return {
      attempt,
      request_count: parts.reduce((sum, { request_count }) => sum + request_count, 0),
      outcomes: Object.fromEntries(outcomes),
    };
  });
}

function noOutcomes(): OutcomeTotals {
  return { pending: 0, succeeded: 0, incomplete: 0, errored: 0, expired: 0, canceled: 0, missing: 0 };
}

function sumOfParts(parts: readonly Part[]): OutcomeTotals {
  const totals = noOutcomes();
  for (const part of parts) {
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

/**
 * The whole in the API's own words: its counts, summed over the parts; what was not sent yet counts as
 * processing. Of several attempts its counts would count tasks twice, so there the `outcomes` are put in its
 * words, a task without any line as errored.
 */
export function requestCountsOf(record: BatchRecord, outcomes: OutcomeTotals): RequestCounts {
  if (isRetried(record)) {
    const { pending, succeeded, incomplete, errored, missing, canceled, expired } = outcomes;
    return {
      processing: pending,
      succeeded: succeeded + incomplete,
      errored: errored + missing,
      canceled,
      expired,
    };
  }
  const sum = { processing: 0, succeeded: 0, errored: 0, canceled: 0, expired: 0 };
  for (const part of record.parts) {
    const counts = part.progress.state === 'created' ? part.progress.seen.request_counts : null;
    if (counts === null) sum.processing += sentCount(part);
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
