import { chunksOf, openView, type View } from '../answers/view.ts';
import { BatchError } from '../errors.ts';
import { counted } from '../lib/counted.ts';
import type { Context } from '../state/context.ts';
import { isSaved } from '../state/status.ts';
import type { BatchRecord } from '../store/record.ts';
import type { AnswersSource, EarlierAnswer, EarlierAnswers } from '../tasks/work.ts';
import { findBatch } from './find-batch.ts';
import { wantsRetry } from './retry/retry-by-itself.ts';
import { watch } from './watch.ts';

/** An earlier batch as a call names it, and which answers of it count beside the finished ones. */
export type GivenAnswers = { from_batch: string; outcomes?: readonly string[] | undefined };

/** The answers of an earlier batch as a source of work. Throws `invalid_input` where it is not clear which batch is meant. */
export async function answersOf(
  context: Context,
  { from_batch, outcomes }: GivenAnswers,
): Promise<AnswersSource> {
  const { batch_id, note } = await findBatch(context, from_batch, 'from_batch');
  const { record } = await watch(context, batch_id);
  if (!hasAllAnswers(record)) throw notEnded(record);
  const isMadeUp = record.provider === 'sandbox' && context.defaultProvider !== 'sandbox';
  return {
    kind: 'from_batch',
    batch_id: record.batch_id,
    name: record.name,
    attempts: attemptsAsked(record),
    outcomes,
    notes: [...(note === null ? [] : [note]), ...(isMadeUp ? [MADE_UP] : [])],
    answers: readAnswers(await openView(context, record), outcomes),
  };
}

const MADE_UP = 'from_batch is a sandbox batch: its answers, which these tasks work on, are made up.';

/** Whether nothing more of a batch is to come by itself. */
export function hasAllAnswers(record: BatchRecord): boolean {
  return isSaved(record) && !wantsRetry(record);
}

function notEnded({ batch_id }: BatchRecord): BatchError {
  return new BatchError(
    'wrong_state',
    `Nothing was sent: ${batch_id}, whose answers are wanted, has not ended. Call batch_status, and this again at its end.`,
  );
}

/** What is sent again by itself belongs to the attempt that asked for it. */
function attemptsAsked({ parts }: BatchRecord): number[] {
  const asked = parts.filter(({ by_itself }) => !by_itself).map(({ attempt }) => attempt);
  return [...new Set(asked)];
}

function readAnswers(view: View, outcomes: readonly string[] | undefined): EarlierAnswers {
  const isMeant = (ordinal: number) => {
    const outcome = view.outcome(ordinal);
    if (outcome === 'succeeded') return true;
    return outcomes?.some((each) => each === outcome || each === 'failed') ?? false;
  };
  let left = 0;
  return {
    count() {
      let count = 0;
      for (let ordinal = 0; ordinal < view.count; ordinal += 1) if (isMeant(ordinal)) count += 1;
      return count;
    },
    async *read() {
      left = 0;
      for (const ordinals of chunksOf(view)) {
        const answered = await view.answeredRows(ordinals.filter(isMeant));
        // What failed without a word has nothing to work on.
        const answers = answered.flatMap(({ answer, row }): EarlierAnswer[] => {
          const { task_id, text, json } = answer;
          return text === undefined && json === undefined ? [] : [{ task_id, row, text, json }];
        });
        left += ordinals.length - answers.length;
        yield answers;
      }
    },
    skipped: () => (left === 0 ? '' : `${counted(left, 'task')} without a finished answer`),
  };
}
