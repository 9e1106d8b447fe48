import { BatchError } from '../../errors.ts';
import type { Context } from '../../state/context.ts';
import type { AnswersSource } from '../../tasks/work.ts';
import { findBatch } from '../find-batch.ts';
import { watch } from '../looking/watch.ts';
import { answersSourceOf, hasAllAnswers } from '../waiting/earlier-answers.ts';
import { whyNeverEnds } from '../waiting/look-at-waiting.ts';
import type { GivenAnswers } from './work-arguments.ts';

/**
 * The answers of an earlier batch as a source of work, whether it has ended or not. Throws `invalid_input` where it is not
 * clear which batch is meant, `wrong_state` where it never will have an answer.
 */
export async function answersOf(
  context: Context,
  { from_batch, outcomes }: GivenAnswers,
): Promise<AnswersSource> {
  const { batch_id, note } = await findBatch(context, from_batch, 'from_batch');
  const { record } = await watch(context, batch_id);
  const why = hasAllAnswers(record) ? null : whyNeverEnds(record);
  if (why !== null) throw new BatchError('wrong_state', `Nothing was sent: ${why}.`);
  if (record.adopted && !hasAllAnswers(record)) throw notOurs(record.batch_id);
  const isMadeUp = record.provider === 'sandbox' && context.defaultProvider !== 'sandbox';
  const notes = [...(note === null ? [] : [note]), ...(isMadeUp ? [MADE_UP] : [])];
  return answersSourceOf(context, record, outcomes, notes);
}

const MADE_UP = 'from_batch is a sandbox batch: its answers, which these tasks work on, are made up.';

function notOurs(batch_id: string): BatchError {
  return new BatchError(
    'wrong_state',
    `Nothing was sent: another program made ${batch_id}, so what its answers are like is known only when it has ended. Call ` +
      'batch_status, and this again at its end.',
  );
}
