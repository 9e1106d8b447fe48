import { isRetryable } from '../../answers/failures.ts';
import { failuresOf } from '../../answers/figures/digest.ts';
import {
  type AttemptReport,
  attemptsOf,
  isRetried,
  type OutcomeTotals,
  outcomesOf,
  requestCountsOf,
} from '../../answers/figures/outcomes.ts';
import { isLinked, linkedName } from '../../answers/files/output-format.ts';
import { type CostUsd, costOf } from '../../cost/cost.ts';
import type { RequestCounts } from '../../provider/provider.ts';
import type { Context } from '../../state/context.ts';
import type { Job, Progress, Refreshed } from '../../state/jobs.ts';
import { isCreated } from '../../state/parts.ts';
import {
  isLost,
  isSaved,
  latestTime,
  type ProcessingStatus,
  partStatus,
  resultsExpireAt,
  statusOf,
} from '../../state/status.ts';
import type { Candidate } from '../../store/part-state.ts';
import type { AnswerFiles, BatchRecord, Part, Reused } from '../../store/record.ts';
import { preparingKey } from '../looking/sending-jobs.ts';
import { isRetryDue } from '../retry/retry-by-itself.ts';
import { checkAgainInSeconds, OTHER_CAUSES, type ResultsState } from './next-step.ts';
import { warningsOf } from './warnings.ts';

/** A batch as replies describe it. */
export type BatchReport = {
  batch_id: string;
  name: string;
  provider: string;
  processing_status: ProcessingStatus;
  request_count: number;
  parts: {
    provider_batch_id: string | null;
    request_count: number;
    processing_status: string;
    attempt: number;
    /**
     * The API's batches that an uncertain part could be, newest first: the last ones listed, which are the likeliest.
     */
    candidates?: Candidate[];
  }[];
  /** How many parts there are: not all may be listed. */
  part_count: number;
  cost_usd: CostUsd | null;
  created_at: string;
  expires_at: string | null;
  ended_at: string | null;
  results_expire_at: string | null;
  outcomes: OutcomeTotals;
  /** The history, where there is more than one attempt. */
  attempts?: AttemptReport[];
  request_counts: RequestCounts;
  /** Why tasks have no finished answer, the most frequent causes, once all results are in. */
  failures?: Failures[];
  results_state: ResultsState;
  output_files: string[];
  /** What a pilot had already answered, and what that had cost. */
  reused?: Reused;
  /** Files of single answers: how many were written, and how many were not and why. */
  answer_files?: AnswerFiles;
  /** It was never sent, and will not be. */
  never_sent?: boolean;
  /** The batch whose answers it works on, before it has tasks of its own. */
  waits_for?: string;
  /** The progress of this process's job. */
  progress?: Progress;
  check_again_in_seconds: number;
  warnings: string[];
};

/** Tasks without a finished answer, by cause. */
type Failures = { type: string; count: number; retryable: boolean };

/** A batch as the reply to an action on it describes it. */
export type ShortReport = Omit<BatchReport, 'outcomes' | 'request_counts' | 'failures'>;

/** Leaves out what only matters to those who follow a batch. */
export function short(whole: BatchReport): ShortReport {
  const { outcomes: _outcomes, request_counts: _counts, failures: _failures, ...report } = whole;
  return report;
}

/** Where the requested files are: their paths, or links where paths mean nothing to the caller. */
function outputFilesOf({ linkTo }: Pick<Context, 'linkTo'>, { batch_id, outputs }: BatchRecord): string[] {
  return outputs
    .filter(({ written_at }) => written_at !== null)
    .map(({ path }) => (linkTo !== null && isLinked(path) ? linkTo(batch_id, linkedName(path)) : path));
}

const PARTS_LISTED = 3;
/** They must fit into a reply beside everything else. */
const CANDIDATES_LISTED = 50;

/** Describes a batch as it was last seen. */
export async function reportOf(
  context: Context,
  { record, job, failures, heldBack }: Refreshed,
): Promise<BatchReport> {
  const outcomes = await outcomesOf(context, record);
  const preparing = context.jobs.find(preparingKey(record.batch_id));
  const going: Job | undefined = job ?? preparing;
  // They may be there all the same, until the API says that they are not.
  const isTried = going?.progress.stage === 'downloading' && failures.length === 0;
  const isFetchingLost = isTried && isLost(record, context.now());
  const again =
    preparing || isRetryDue(context, record) || going?.progress.stage === 'writing' || isFetchingLost
      ? 5
      : heldBack !== undefined && !going
        ? 0
        : checkAgainInSeconds(record, context.now(), context.sandboxSeconds);
  return {
    batch_id: record.batch_id,
    name: record.name,
    provider: record.provider,
    processing_status: statusOf(record),
    request_count: record.request_count,
    parts: listedParts(record).map((part) => ({
      provider_batch_id: isCreated(part) ? part.progress.provider_batch_id : null,
      request_count: part.request_count,
      processing_status: partStatus(record, part),
      attempt: part.attempt,
      ...(part.progress.state === 'unconfirmed' &&
        part.progress.known && { candidates: part.progress.known.slice(-CANDIDATES_LISTED) }),
    })),
    part_count: record.parts.length,
    cost_usd: costOf(record),
    created_at: record.created_at,
    expires_at: latestTime(record, 'expires_at'),
    ended_at: latestTime(record, 'ended_at'),
    results_expire_at: resultsExpireAt(record),
    outcomes,
    ...(isRetried(record) && { attempts: attemptsOf(record) }),
    request_counts: requestCountsOf(record, outcomes),
    ...(await failuresIn(context, record, outcomes)),
    results_state: resultsState(context, record),
    output_files: outputFilesOf(context, record),
    ...(record.reused && { reused: record.reused }),
    ...(record.answer_files && { answer_files: record.answer_files }),
    ...(record.never_sent && { never_sent: true }),
    ...(record.waits && { waits_for: record.waits.batch_id }),
    ...(going && { progress: going.progress }),
    check_again_in_seconds: again,
    warnings: [...(heldBack === undefined ? [] : [heldBack]), ...warningsOf(record, failures, context.now())],
  };
}

const CAUSES = 4;

async function failuresIn(
  context: Context,
  record: BatchRecord,
  { pending, succeeded }: OutcomeTotals,
): Promise<Pick<BatchReport, 'failures'>> {
  if (!isSaved(record) || pending + succeeded === record.request_count) return {};
  const counts = new Map<string, number>();
  for (const { type, count } of await failuresOf(context, record))
    counts.set(type, (counts.get(type) ?? 0) + count);
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  const causes = sorted.map(([type, count]) => ({ type, count, retryable: isRetryable(type) }));
  const others = causes.slice(CAUSES);
  return { failures: [...causes.slice(0, CAUSES), ...sumOf(others, true), ...sumOf(others, false)] };
}

/** Further causes as one, so that the counts add up. */
function sumOf(causes: readonly Failures[], retryable: boolean): Failures[] {
  const count = causes.reduce((sum, each) => sum + (each.retryable === retryable ? each.count : 0), 0);
  return count === 0 ? [] : [{ type: OTHER_CAUSES, count, retryable }];
}

/** A batch whose automatic retry is due is not finished yet. */
function resultsState(context: Context, record: BatchRecord): ResultsState {
  if (isSaved(record)) return isRetryDue(context, record) ? 'downloading' : 'saved';
  return statusOf(record) === 'ended' ? 'downloading' : 'none';
}

/** The first few parts; for a retried batch the last few, since those are the active ones. */
function listedParts(record: BatchRecord): Part[] {
  return isRetried(record) ? record.parts.slice(-PARTS_LISTED) : record.parts.slice(0, PARTS_LISTED);
}
