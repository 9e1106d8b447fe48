import { count, counted } from '../../lib/numbers.ts';
import { modelOfFewRefusals } from '../../provider/dialects.ts';
import type { Following, Progress } from '../../state/jobs.ts';
import {
  allExpireAt,
  isLost,
  isSaved,
  lastSent,
  missingCertainAt,
  type ProcessingStatus,
  statusOf,
} from '../../state/status.ts';
import type { BatchRecord } from '../../store/record.ts';

/** How far the results are on their way to this computer. */
export type ResultsState = 'none' | 'downloading' | 'saved';

/** For longer than this a client must not be kept polling: it tells the user, and ends its turn. */
const WORTH_WAITING_SECONDS = 60;

/** Real batches take minutes to hours: looking more often tells nothing more. */
const POLL_STEPS: readonly { olderThanSeconds: number; everySeconds: number }[] = [
  { olderThanSeconds: 4 * 3600, everySeconds: 1800 },
  { olderThanSeconds: 3600, everySeconds: 900 },
  { olderThanSeconds: 600, everySeconds: 300 },
  { olderThanSeconds: 0, everySeconds: 120 },
];

/** When it is worth looking again, in seconds; 0 where waiting changes nothing. */
export function checkAgainInSeconds(record: BatchRecord, now: Date, sandboxSeconds: number): number {
  const status = statusOf(record);
  if (status === 'not_sent') return 0;
  if (status === 'unconfirmed') return 60;
  if (isLost(record, now)) return 0;
  if (status === 'ended') return isSaved(record) ? untilCertain(record, now) : 5;
  if (status === 'submitting') return 5;
  const age = (now.getTime() - lastSent(record)) / 1000;
  if (record.provider === 'sandbox') return Math.max(1, Math.ceil(sandboxSeconds - age));
  if (status === 'canceling') return 30;
  return POLL_STEPS.find(({ olderThanSeconds }) => age >= olderThanSeconds)?.everySeconds ?? 120;
}

/** Seconds until it is certain which answers are missing; 0 where it is. */
function untilCertain(record: BatchRecord, now: Date): number {
  const at = missingCertainAt(record);
  const expires = Date.parse(allExpireAt(record) ?? '');
  if (at === null || now.getTime() >= expires) return 0;
  return Math.max(5, Math.ceil((at - now.getTime()) / 1000));
}

function duration(seconds: number): string {
  return seconds < 120 ? counted(seconds, 'second') : `${Math.round(seconds / 60)} minutes`;
}

/** What the next step for a batch depends on. */
type FollowedBatch = {
  batch_id: string;
  processing_status: ProcessingStatus;
  results_state?: ResultsState;
  check_again_in_seconds: number;
  progress?: Progress;
  never_sent?: boolean;
  waits_for?: string;
  request_count?: number;
  output_files?: readonly string[];
  failures?: readonly { type: string; count: number; retryable: boolean }[];
};

/** A batch's lifetime, and an hour to fetch its results. */
const LONGEST_FOLLOWED_SECONDS = 25 * 3600;

/** How to be told of the end, for clients that can wait outside a call. */
function followIt(id: string, following: Following | undefined): string {
  switch (following?.kind) {
    case 'task':
      return `Call batch_status with batch_id ${id} and wait_seconds ${LONGEST_FOLLOWED_SECONDS}: your client follows it in the background and tells you of the end. Then tell the user that the batch runs and under which batch_id, and end your turn.`;
    case 'command':
      return `Tell the user that the batch runs and under which batch_id. If you have a shell, run this in its background, as it ends when the batch does: ${following.waitFor(id)} . Then end your turn.`;
    default:
      return 'Tell the user that the batch runs and under which batch_id, then end your turn.';
  }
}

/** What to do next, for the agent that reads the reply. Holds no name and no content of anybody's. */
export function nextStep(batch: FollowedBatch, following?: Following): string {
  const { batch_id: id, processing_status, check_again_in_seconds: again } = batch;
  if (batch.progress?.stage === 'preparing') {
    return processing_status === 'submitting' || processing_status === 'waiting'
      ? `The tasks are still being checked and prepared; nothing was sent yet. Call batch_status with batch_id ${id}.`
      : `A retry of this batch is being prepared; none of it has been sent yet. Call batch_status with batch_id ${id}.`;
  }
  if (batch.progress?.stage === 'asking') {
    return `The person is being asked whether this may be sent, in a form of their client; nothing was sent yet. Call batch_status with batch_id ${id} for what they answered.`;
  }
  switch (processing_status) {
    case 'unconfirmed':
      return (
        'It is not certain whether the API created part of this batch, so nothing more is sent and nothing is paid ' +
        'twice. It is being settled from the list of batches, which takes a minute: call batch_status again then. Do not ' +
        'submit the work again with force_new.'
      );
    case 'not_sent':
      if (batch.never_sent)
        return 'None of this was sent or paid, and no list shows it any more. Go on with the id that the first warning names, or call submit_batch with the work.';
      if (batch.waits_for !== undefined)
        return 'None of this was sent or paid: warnings say why. To send it after all, call submit_batch with the work again.';
      return `None of the part named in warnings was sent or paid. Fix what the warning says, then call retry_batch with batch_id ${id}: it goes on where it stopped.`;
    case 'waiting':
      if (again > 0)
        return `It waits for ${batch.waits_for ?? 'another batch'} and is sent by the first look at either after that has ended. ${followIt(id, following)} ${lookAgain(again, following)}`;
      return HELD_BACK;
    case 'ended':
      if (batch.results_state === 'saved') return afterEnd(batch);
      return again === 0
        ? `The batch has ended, and the API has dropped the results that are not saved here: warnings say since when. Tell the user. What is saved can be read with get_results; answers to the rest would have to be paid for again, with submit_batch and force_new: true, which a person has to agree to.`
        : `The batch has ended and its results are being downloaded. Call get_results with batch_id ${id} in ${duration(again)}.`;
    default:
      if (again === 0) return HELD_BACK;
      return again > WORTH_WAITING_SECONDS
        ? `${followIt(id, following)} ${lookAgain(again, following)}`
        : `Call batch_status with batch_id ${id} and wait_seconds 20, or look again in ${duration(again)}.`;
  }
}

const HELD_BACK =
  'This server does not send what waits to be sent: the first warning says why, and who can. Tell the user.';

function lookAgain(seconds: number, following: Following | undefined): string {
  const usual = 'most batches end within an hour, all within 24.';
  if (following?.kind === 'task') return `Do not look again before that; ${usual}`;
  return `Look again with batch_status in ${duration(seconds)} or later; ${usual}`;
}

/** The name for all further causes, where only the most frequent are named. */
export const OTHER_CAUSES = 'other';

/** Said before it is certain which answers are missing. */
export const MISSING_SO_FAR =
  'Some tasks have no answer so far, which may yet come: a later look fetches the results again.';

/** Said while the files that were requested at submission are being written. */
export function stillWriting({ done, total }: Progress): string {
  const far = done > 0 && total !== null ? ` (${count(done)} of ${counted(total, 'answer')} so far)` : '';
  return `All results are in, and the files that were asked for are being written${far}.`;
}

/** Where the results are, what failed, and the one call that helps. */
function afterEnd(batch: FollowedBatch): string {
  const {
    batch_id: id,
    output_files = [],
    failures = [],
    request_count,
    check_again_in_seconds: again,
  } = batch;
  if (batch.progress?.stage === 'writing')
    return `${stillWriting(batch.progress)} Call batch_status with batch_id ${id} and wait_seconds 20.`;
  if (again > 0)
    return `All results that the API gives are in. ${MISSING_SO_FAR} Call batch_status with batch_id ${id} in ${duration(again)}.`;
  const where =
    output_files.length > 0 ? 'All results are in, and written to output_files.' : 'All results are in.';
  const failed = failures.reduce((sum, { count }) => sum + count, 0);
  if (failed === 0) {
    return output_files.length > 0
      ? `${where} get_results with batch_id ${id} sums them up.`
      : `${where} Call get_results with batch_id ${id}.`;
  }
  const retryable = failures.reduce((sum, each) => sum + (each.retryable ? each.count : 0), 0);
  const named = failures.filter(({ type }) => type !== OTHER_CAUSES);
  const why = [
    ...named.map(({ type, count: times }) => `${count(times)} ${type}`),
    ...(named.length < failures.length ? ['and others'] : []),
  ].join(', ');
  const told = `${count(failed)} of ${request_count === undefined ? 'the tasks' : counted(request_count, 'task')} ${failed === 1 ? 'has' : 'have'} no finished answer (${why}).`;
  if (failures.every(({ type }) => type === 'refusal'))
    return `${where} ${told} Another model often answers: call retry_batch with batch_id ${id}, error_types ["refusal"] and model ${modelOfFewRefusals}.`;
  if (retryable === 0)
    return `${where} ${told} Sent again as they are, they would fail again: get_results with batch_id ${id} and outcomes ["failed"] says what to do.`;
  const all =
    retryable === failed ? (failed === 1 ? 'it' : 'them') : `the ${count(retryable)} that can succeed`;
  return `${where} ${told} Call retry_batch with batch_id ${id}: it sends ${all} again.`;
}
