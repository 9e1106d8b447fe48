import { BatchError } from '../../errors.ts';
import type { AllowedFolders } from '../../lib/files/allowed-folders.ts';
import { hasName, plainName } from '../../lib/names.ts';
import type { Context } from '../../state/context.ts';
import { itemsOf } from '../../tasks/examine/examine-work.ts';
import { everything } from '../../tasks/sources/item-source.ts';
import type { AnswersSource, Merge, WorkSource } from '../../tasks/work.ts';
import { findBatch } from '../find-batch.ts';
import { watch } from '../looking/watch.ts';
import { answersSourceOf, hasAllAnswers } from '../waiting/earlier-answers.ts';
import { whyNeverEnds } from '../waiting/look-at-waiting.ts';

/**
 * The answers of an earlier batch as a source of work, whether it has ended or not. Throws `invalid_input` where it
 * is not clear which batch is meant, `wrong_state` where it will never have answers.
 */
export async function givenAnswers(
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
    `Nothing was sent: another program made ${batch_id}, so the form of its answers is known only when it has ended. Call ` +
      'batch_status, and this again when it has.',
  );
}

const DIGITS = /^\s*(\d{1,6})\s*$/;

/** Resolves `merge`: digits are a number even as a text, unless a column has that name. */
export async function meantMerge(
  given: Merge | undefined,
  source: WorkSource,
  folders: AllowedFolders,
): Promise<Merge | undefined> {
  const digits = typeof given === 'string' ? DIGITS.exec(given)?.[1] : undefined;
  if (typeof given !== 'string') return given;
  if (digits === undefined) return plainName(given);
  return (await hasColumn(source, given, folders)) ? given : Number(digits);
}

/** Whether a source has a column. One that can't be read fails later, when the work is read. */
async function hasColumn(source: WorkSource, name: string, folders: AllowedFolders): Promise<boolean> {
  if (source.kind === 'requests' || source.kind === 'requests_file') return false;
  let found = false;
  const begin = ({ columns }: { columns: readonly string[] | null }) => {
    found = columns !== null && hasName(columns, name);
  };
  try {
    for await (const _items of itemsOf(source, folders).items(everything, begin)) break;
  } catch (error) {
    if (!(error instanceof BatchError)) throw error;
  }
  return found;
}

/** An earlier batch as a call names it, and which of its answers count besides the finished ones. */
export type GivenAnswers = { from_batch: string; outcomes?: readonly string[] | undefined };
