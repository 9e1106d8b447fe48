import type { RequestCounts } from '../../provider/provider.ts';
import type { Context } from '../../state/context.ts';
import { sentCount } from '../../state/parts.ts';
import type { BatchRecord, Part } from '../../store/record.ts';
import type { Outcome } from '../../store/saved-results.ts';
import { oncePerView } from '../view/passes.ts';
import { openView } from '../view/view.ts';

export type OutcomeTotals = Record<Outcome | 'pending', number>;

/** The outcomes of one attempt, without those that did not occur. */
export type AttemptReport = { attempt: number; request_count: number; outcomes: Partial<OutcomeTotals> };

/** Whether tasks were sent more than once, so that the parts overlap. */
export function isRetried(record: BatchRecord): boolean {
  return record.parts.some(({ attempt, tasks }) => attempt > 1 || tasks === 'listed');
}

/**
 * The outcome of every task, by its best answer; the counts add up to the number of tasks. For a single attempt the
 * sums in the record suffice, for several the indexes on disk are needed.
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

/** The history: the outcomes of each attempt taken by itself. */
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
 * The state of the whole batch in the API's own terms: its counts summed over the parts, with what was not sent yet as
 * processing. Over several attempts these would count tasks twice, so the `outcomes` are translated instead, with a
 * task without any line as errored.
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
