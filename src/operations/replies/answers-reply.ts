import type { Agreement } from '../../answers/figures/agreement.ts';
import type { ErrorDigest } from '../../answers/figures/digest.ts';
import type { ExpectedReport } from '../../answers/figures/expected-report.ts';
import type { AnswerGroup } from '../../answers/figures/groups.ts';
import type { OutcomeTotals } from '../../answers/figures/outcomes.ts';
import type { ShownAnswer } from '../../answers/page/shown-answer.ts';
import type { CostUsd } from '../../cost/cost.ts';
import type { Spending } from '../../cost/spending.ts';
import { counted } from '../../lib/numbers.ts';
import type { Progress } from '../../state/jobs.ts';
import type { ProcessingStatus } from '../../state/status.ts';
import type { AnswerFiles } from '../../store/record.ts';
import { MISSING_SO_FAR, type ResultsState, stillWriting } from './next-step.ts';
import type { Preparing } from './preparing.ts';

export const details = ['summary', 'concise', 'full'] as const;
export type Detail = (typeof details)[number];

/** A page of answers, and the totals of all of them. */
export type Results = {
  batch_id: string;
  provider: string;
  processing_status: ProcessingStatus;
  detail: Detail;
  totals: OutcomeTotals & { total: number };
  results: ShownAnswer[];
  error_digest: ErrorDigest[];
  /** With `group_by`: the most frequent values, of all that there are. */
  groups?: AnswerGroup[];
  group_count?: number;
  /** With `group_by: "variant"`: how far every two of them agree, by key. */
  agreement?: Agreement[];
  /** In a summary: how many answers match what their rows expect. */
  expected?: ExpectedReport;
  next_cursor: string | null;
  results_state: ResultsState;
  output_files: string[];
  /** Files of single answers, where they were asked for. */
  answer_files?: AnswerFiles;
  cost_usd: CostUsd | null;
  /** What the received answers actually cost, itemized; not on later pages. */
  spending?: Spending;
  /** The progress of this process's job for the batch. */
  progress?: Progress;
  check_again_in_seconds: number;
  warnings: string[];
};

/** The reply while the batch is being prepared: how many tasks it has is not known yet. */
export function nothingYet(preparing: Preparing): Results {
  const totals = {
    total: 0,
    pending: 0,
    succeeded: 0,
    incomplete: 0,
    errored: 0,
    expired: 0,
    canceled: 0,
    missing: 0,
  };
  const nothing = { error_digest: [], output_files: [], results: [], next_cursor: null, cost_usd: null };
  return { ...preparing, ...nothing, results_state: 'none', detail: 'concise', totals };
}

/** What to do once all answers are in. */
export function afterAnswers(found: Results): string {
  const { detail, next_cursor, totals, error_digest, groups, check_again_in_seconds, progress } = found;
  const failures = totals.total - totals.succeeded - totals.pending;
  const retry = error_digest.some(({ retryable }) => retryable)
    ? '; retry_batch sends again what can succeed next time'
    : '';
  const look =
    progress?.stage === 'writing'
      ? ` ${stillWriting(progress)} Call batch_status with wait_seconds 20 until they are there.`
      : check_again_in_seconds > 0
        ? ` ${MISSING_SO_FAR} Call get_results again in ${Math.ceil(check_again_in_seconds / 60)} minutes.`
        : failures > 0
          ? ` ${counted(failures, 'task')} ${failures === 1 ? 'has' : 'have'} no finished answer: error_digest says why and what to do${retry}.`
          : '';
  if (groups)
    return `For the answers of a group call get_results with where, as {"json.label": "…"}, in place of group_by.${look}`;
  if (detail === 'summary') {
    return (
      'These are totals and at most three samples. For every answer call get_results with output_file (.jsonl, .json, ' +
      `.csv or .md), or with detail concise, page by page.${look}`
    );
  }
  if (next_cursor !== null)
    return `There are more: call get_results with the same arguments and cursor set to next_cursor.${look}`;
  return `These are all that match.${look}`;
}
