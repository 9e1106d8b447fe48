import { BatchError } from '../../errors.ts';
import type { BatchRecord, Part } from '../../store/record.ts';
import { changesSomething, hasFilters, type RetryOptions } from './retry-options.ts';

/**
 * What a retry is, as a batch stands:
 *
 * - `unsent`: some of it was never sent, and is sent as it is.
 * - `failed`: all that was sent has ended; tasks of it are sent again in new parts, beside `kept`. An earlier
 *   retry that was never sent gives way to one with other wishes; `unsent` parts of the first attempt, which are changed,
 *   give way to new ones with all of their tasks.
 */
export type RetryKind = { kind: 'unsent'; parts: Part[] } | { kind: 'failed'; kept: Part[]; unsent: Part[] };

/** Throws `wrong_state`, with what to do instead, where a retry could pay for something twice or has no sense. */
export function judgeRetry(record: BatchRecord, options: RetryOptions): RetryKind {
  const { batch_id, parts } = record;
  const states = new Set(parts.map(({ progress }) => progress.state));
  if (states.has('unconfirmed')) {
    throw wrongState(
      'It is not certain whether the API has part of this batch. It is being settled, so look with batch_status first. ' +
        'Where that names candidates, a person can decide: retry_batch with resolve set to one of them, or to send_again ' +
        'when it is none of them, which pays twice if that is wrong.',
    );
  }
  // Behind a part that was refused, what is prepared waits with it.
  if (states.has('sending') || (states.has('prepared') && !states.has('not_sent'))) {
    throw wrongState(
      `${batch_id} is still being sent. Call batch_status, and retry_batch when it has ended.`,
    );
  }
  const unsent = parts.filter(({ progress }) => progress.state === 'not_sent');
  if (unsent.length > 0 && !changesSomething(options)) return { kind: 'unsent', parts: unsent };
  const first = unsent.filter(({ tasks }) => tasks === 'run');
  if (first.length > 0 && hasFilters(options)) {
    throw wrongState(
      `Some tasks of ${batch_id} were never sent, so nothing is known of them to choose by. Call retry_batch with the ` +
        'batch_id alone to send them as they are, or with corrected tasks (requests, requests_file) or other changes beside it.',
    );
  }
  const kept = parts.filter((part) => !unsent.includes(part));
  if (kept.some(({ progress }) => progress.state === 'created' && progress.results === null)) {
    throw wrongState(
      `${batch_id} still runs, or its results are not saved yet: what failed is not known before. Call batch_status, and ` +
        'retry_batch when it has ended.',
    );
  }
  if (record.adopted) {
    throw wrongState(
      `Another program made ${batch_id}, and its requests are not here. Give the tasks to submit_batch as new work.`,
    );
  }
  return { kind: 'failed', kept, unsent: first };
}

function wrongState(message: string): BatchError {
  return new BatchError('wrong_state', `Nothing was sent. ${message}`);
}
