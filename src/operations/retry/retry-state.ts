import { BatchError } from '../../errors.ts';
import { isNeverMade, isWaiting } from '../../state/parts.ts';
import type { BatchRecord, Part } from '../../store/record.ts';
import { changesSomething, type RetryOptions } from './retry-options.ts';

/**
 * What a retry means for a batch in its present state:
 * - `unsent`: some of it was never sent, and is sent unchanged.
 * - `failed`: everything that was sent has ended; tasks of it are sent again in new parts, beside `kept`. An earlier
 * retry that was never sent is replaced by one with other options, and `unsent` parts by new ones with those of their
 * tasks that no sent part holds.
 */
export type RetryKind = { kind: 'unsent'; parts: Part[] } | { kind: 'failed'; kept: Part[]; unsent: Part[] };

/** Throws `wrong_state`, saying what to do instead, where a retry could pay for something twice or makes no sense. */
export function judgeRetry(record: BatchRecord, options: RetryOptions): RetryKind {
  const { batch_id, parts } = record;
  if (record.waits !== undefined) {
    throw wrongState(
      isWaiting(record)
        ? `${batch_id} waits for ${record.waits.batch_id} to end. Call batch_status.`
        : `${batch_id} was abandoned before its tasks were made. Submit the work again, with from_batch.`,
    );
  }
  const unsent = parts.filter(({ progress }) => progress.state === 'not_sent');
  // A stage of a merge that was never made is made anew, from the answers there are by then.
  const isRefused = unsent.some((part) => !isNeverMade(part));
  if (record.merge !== undefined && isWaiting(record) && !isRefused) {
    throw wrongState(
      `${batch_id} is being merged, stage by stage. Call batch_status, and retry_batch when it has ended.`,
    );
  }
  const states = new Set(parts.map(({ progress }) => progress.state));
  if (states.has('unconfirmed')) {
    throw wrongState(
      'It is not certain whether the API has part of this batch. It is being settled, so look with batch_status first. ' +
        'Where that names candidates, a person can decide: retry_batch with resolve set to one of them, or to send_again ' +
        'when it is none of them, which pays twice if that is wrong.',
    );
  }
  // Parts prepared behind a refused one wait with it.
  if (states.has('sending') || (states.has('prepared') && !states.has('not_sent'))) {
    throw wrongState(
      `${batch_id} is still being sent. Call batch_status, and retry_batch when it has ended.`,
    );
  }
  if (isRefused && !changesSomething(options)) return { kind: 'unsent', parts: unsent };
  const kept = parts.filter((part) => !unsent.includes(part));
  if (kept.some(({ progress }) => progress.state === 'created' && progress.results === null)) {
    throw wrongState(
      `${batch_id} still runs, or its results are not saved yet: until then it is not known what failed. Call batch_status, and ` +
        'retry_batch when it has ended.',
    );
  }
  if (record.adopted) {
    throw wrongState(
      `Another program made ${batch_id}, and its requests are not here. Give the tasks to submit_batch as new work.`,
    );
  }
  return { kind: 'failed', kept, unsent };
}

function wrongState(message: string): BatchError {
  return new BatchError('wrong_state', `Nothing was sent. ${message}`);
}
