import { BatchError } from '../errors.ts';
import type { Outcome } from '../store/record.ts';
import { isRetryable } from './failures.ts';
import type { RetryOptions } from './retry-options.ts';
import type { View } from './view.ts';

/** A task that is sent again; `cause` as the error digest names it, null for a correction of a finished answer. */
export type Selected = { ordinal: number; outcome: Outcome; cause: string | null };

/** Counts by cause. */
export type Causes = Record<string, number>;

export type Selection = {
  /** In the caller's order. */
  selected: Selected[];
  /** Without a finished answer, and not selected. */
  leftOut: Causes;
  /** Named in `task_ids`, though they have a finished answer. */
  finishedButNamed: number;
};

/** The tasks that a call names, by their ordinals. */
export type Named = { taskIds: ReadonlySet<number> | undefined; corrected: ReadonlySet<number> };

/**
 * Which tasks a retry sends. By itself what can succeed next time; with filters what matches all of them; with
 * corrections alone only these. A finished answer is never paid again, unless a correction replaces it.
 */
export async function selectTasks(view: View, options: RetryOptions, named: Named): Promise<Selection> {
  const selection: Selection = { selected: [], leftOut: {}, finishedButNamed: 0 };
  for (let ordinal = 0; ordinal < view.count; ordinal += 1) {
    const outcome = view.outcome(ordinal);
    if (outcome === 'pending') continue;
    const corrected = named.corrected.has(ordinal);
    if (outcome === 'succeeded') {
      if (corrected) selection.selected.push({ ordinal, outcome, cause: null });
      else if (named.taskIds?.has(ordinal)) selection.finishedButNamed += 1;
      continue;
    }
    const cause = (await view.failure(ordinal))?.type ?? 'missing';
    if (corrected || isWanted({ ordinal, outcome, cause }, options, named)) {
      selection.selected.push({ ordinal, outcome, cause });
    } else countCause(selection.leftOut, cause);
  }
  return selection;
}

function isWanted(
  { ordinal, outcome, cause }: { ordinal: number; outcome: Outcome; cause: string },
  { outcomes, error_types, requests }: RetryOptions,
  { taskIds }: Named,
): boolean {
  if (outcomes === undefined && error_types === undefined && taskIds === undefined) {
    return requests === undefined && isRetryable(cause);
  }
  return (
    (outcomes === undefined || outcomes.includes(outcome) || outcomes.includes('failed')) &&
    (error_types === undefined || error_types.includes(cause)) &&
    (taskIds === undefined || taskIds.has(ordinal))
  );
}

export function countCause(causes: Causes, cause: string): void {
  causes[cause] = (causes[cause] ?? 0) + 1;
}

/** As `3 invalid_request_error, 1 refusal`, the most frequent first. */
export function describeCauses(causes: Causes): string {
  const sorted = Object.entries(causes).sort(([, a], [, b]) => b - a);
  const shown = sorted.slice(0, 8).map(([cause, count]) => `${count} ${cause}`);
  return [...shown, ...(sorted.length > shown.length ? ['…'] : [])].join(', ');
}

/** What to tell who asked for a retry of which nothing is left: what there is, and how to name it. */
export function nothingToRetry(selection: Selection, total: number, atLimit: number): BatchError {
  const { leftOut, finishedButNamed } = selection;
  if (atLimit > 0) {
    return new BatchError(
      'wrong_state',
      `Nothing was sent: ${atLimitText(atLimit)} ${othersText(leftOut)}`.trim(),
    );
  }
  if (Object.keys(leftOut).length === 0) {
    return new BatchError(
      'wrong_state',
      `Nothing was sent: all ${total} tasks have a finished answer. To replace some, give the tasks in requests.`,
    );
  }
  const named = finishedButNamed > 0 ? `${finishedText(finishedButNamed)} ` : '';
  return new BatchError('wrong_state', `Nothing was sent: nothing matches. ${named}${othersText(leftOut)}`);
}

export function finishedText(count: number): string {
  return `${count} of the task_ids have a finished answer and are not paid again; to replace one, give the task in requests.`;
}

export function atLimitText(count: number): string {
  return (
    `${count} answers were cut off at all the tokens that their model can give, so they are not sent again as they are: ` +
    'ask for less in each (requests), or take a model that can give more.'
  );
}

export function othersText(leftOut: Causes): string {
  if (Object.keys(leftOut).length === 0) return '';
  return (
    `Without a finished answer, and not sent again by this call: ${describeCauses(leftOut)}. Name them with ` +
    'error_types, outcomes or task_ids to send them, or correct them in requests.'
  );
}
