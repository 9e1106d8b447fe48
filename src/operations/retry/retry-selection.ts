import { nothingToMerge } from '../../answers/answer.ts';
import { canBeOfOne, isRetryable } from '../../answers/failures.ts';
import type { View } from '../../answers/view/view.ts';
import { BatchError } from '../../errors.ts';
import { count, counted } from '../../lib/numbers.ts';
import type { Outcome } from '../../store/saved-results.ts';
import { givenUp } from '../../tasks/gather.ts';
import type { NamedTasks } from './retry-named.ts';
import { hasCorrections, hasFilters, type RetryOptions } from './retry-options.ts';

/** A task that is sent again; `cause` as the error digest names it, null for a correction of a finished answer. */
export type Selected = { ordinal: number; outcome: Outcome | 'pending'; cause: string | null };

/** How many tasks failed for each cause. */
export type Causes = Record<string, number>;

export type Selection = {
  /** In the caller's order. */
  selected: Selected[];
  /** The causes of tasks without a finished answer that are not selected. */
  leftOut: Causes;
  /** How many tasks in `task_ids` already have a finished answer. */
  finishedButNamed: number;
  /** How many tasks are missing so far, and the time until which they may still come. */
  mayYetCome: { count: number; until: number } | null;
};

/**
 * Selects the tasks that a retry sends. By default those that can succeed next time; with filters, those that match
 * all of them; with corrections alone, only these. A finished answer is never paid for again, unless a correction
 * replaces it.
 */
export async function selectTasks(
  view: View,
  options: RetryOptions,
  named: NamedTasks,
  {
    missingCertainAt = null,
    signal,
    byItself = false,
  }: { missingCertainAt?: number | null; signal?: AbortSignal | undefined; byItself?: boolean } = {},
): Promise<Selection> {
  const selection: Selection = { selected: [], leftOut: {}, finishedButNamed: 0, mayYetCome: null };
  const isUnnamed = !hasFilters(options) && !options.replace;
  for (let ordinal = 0; ordinal < view.count; ordinal += 1) {
    // Everything that was sent has ended, so this task was in no part that was sent.
    if (view.outcome(ordinal) === 'pending') {
      selection.selected.push({ ordinal, outcome: 'pending', cause: null });
      continue;
    }
    if (view.outcome(ordinal) !== 'succeeded') continue;
    if (named.corrections.has(ordinal) || isReplaced(ordinal, options, named)) {
      selection.selected.push({ ordinal, outcome: 'succeeded', cause: null });
    } else if (named.taskIds?.has(ordinal)) selection.finishedButNamed += 1;
  }
  for await (const failures of view.failures()) {
    if (signal?.aborted) throw givenUp();
    for (const { ordinal, outcome, error } of failures) {
      const failed = { ordinal, outcome, cause: error.type };
      const wasMade = error.type !== nothingToMerge.type;
      if (
        wasMade &&
        outcome === 'missing' &&
        missingCertainAt !== null &&
        isUnnamed &&
        !named.corrections.has(ordinal)
      ) {
        selection.mayYetCome = { count: (selection.mayYetCome?.count ?? 0) + 1, until: missingCertainAt };
      } else if (
        wasMade &&
        (named.corrections.has(ordinal) || isWanted({ ...failed, ...error }, options, named, byItself))
      ) {
        selection.selected.push(failed);
      } else countCause(selection.leftOut, failed.cause);
    }
  }
  selection.selected.sort((a, b) => a.ordinal - b.ordinal);
  return selection;
}

/** Whether a finished answer is to be paid for again. */
function isReplaced(ordinal: number, options: RetryOptions, { taskIds }: NamedTasks): boolean {
  if (!options.replace) return false;
  return taskIds === undefined ? !hasFilters(options) && !hasCorrections(options) : taskIds.has(ordinal);
}

type WantedTask = { ordinal: number; outcome: Outcome; cause: string; shared_by?: number };

function isWanted(
  { ordinal, outcome, cause, shared_by = 1 }: WantedTask,
  options: RetryOptions,
  { taskIds }: NamedTasks,
  byItself: boolean,
): boolean {
  const { outcomes, error_types, replace = false } = options;
  // An automatic retry names no causes. Where another task of the pack may be to blame, a smaller pack is worth
  // trying.
  if (byItself && shared_by > 1 && canBeOfOne(cause)) return true;
  if (outcomes === undefined && error_types === undefined && taskIds === undefined) {
    return !hasCorrections(options) && (replace || isRetryable(cause, shared_by));
  }
  return (
    (outcomes === undefined || outcomes.some((wanted) => wanted === outcome || wanted === 'failed')) &&
    (error_types === undefined || error_types.includes(cause)) &&
    (taskIds === undefined || taskIds.has(ordinal))
  );
}

export function countCause(causes: Causes, cause: string): void {
  // A cause comes from the API: it must not reach the object's prototype.
  causes[cause] = (Object.hasOwn(causes, cause) ? (causes[cause] ?? 0) : 0) + 1;
}

/** As `3 invalid_request_error, 1 refusal`, the most frequent first. */
function describeCauses(causes: Causes): string {
  const sorted = Object.entries(causes).sort(([, a], [, b]) => b - a);
  const shown = sorted.slice(0, 8).map(([cause, count]) => `${count} ${cause}`);
  return [...shown, ...(sorted.length > shown.length ? ['…'] : [])].join(', ');
}

/** The error where a retry would send nothing: which tasks there are, and how to choose them. */
export function nothingToRetry(selection: Selection, total: number, atLimit: number): BatchError {
  const notes = notesOf(selection, atLimit);
  const why =
    notes.length === 0 || (notes.length === 1 && selection.finishedButNamed > 0)
      ? [
          `${total === 1 ? 'Its task has' : `All ${count(total)} tasks have`} a finished answer; to pay for ${total === 1 ? 'it' : 'them'} again, give replace: true, or corrected tasks in requests.`,
        ]
      : atLimit === 0
        ? ['This call would send none of the tasks.', ...notes]
        : notes;
  return new BatchError('wrong_state', ['Nothing was sent.', ...why].join(' '));
}

/** What the caller has to know about the tasks that are not sent. */
export function notesOf({ leftOut, finishedButNamed, mayYetCome }: Selection, atLimit: number): string[] {
  return [
    ...(mayYetCome ? [mayYetComeText(mayYetCome)] : []),
    ...(finishedButNamed > 0 ? [finishedText(finishedButNamed)] : []),
    ...(atLimit > 0 ? [atLimitText(atLimit)] : []),
    ...(Object.keys(leftOut).length > 0 ? [othersText(leftOut)] : []),
  ];
}

function finishedText(count: number): string {
  return `Finished already, and not paid again: ${count} of the task_ids; to replace one, give replace: true or the task in requests.`;
}

function mayYetComeText({ count, until }: NonNullable<Selection['mayYetCome']>): string {
  return (
    `The answers of ${counted(count, 'task')} were not in the results so far and may still come; sent again now they could be paid for twice: call ` +
    `retry_batch after ${new Date(until).toISOString()}.`
  );
}

function atLimitText(count: number): string {
  return (
    `Cut off at the most tokens that the model can give, and so not sent again unchanged: ${counted(count, 'answer')}. ` +
    'Ask for less in each (requests), or use a model that can give more.'
  );
}

function othersText(leftOut: Causes): string {
  return (
    `Without a finished answer, and not sent again by this call: ${describeCauses(leftOut)}. Name them with ` +
    'error_types, outcomes or task_ids to send them, or correct them in requests.'
  );
}

/** Throws `wrong_state` where the selection includes tasks that were never sent, which no filter can match. */
export function requireSent(batch_id: string, { selected }: Selection): void {
  if (selected.every(({ outcome }) => outcome !== 'pending')) return;
  throw new BatchError(
    'wrong_state',
    `Some tasks of ${batch_id} were never sent, so there is nothing to choose them by. Call retry_batch with the ` +
      'batch_id alone to send them as they are, or with corrected tasks (requests, requests_file) or other changes beside it.',
  );
}
