import { chunksOf } from '../../answers/view/passes.ts';
import { openView, type View } from '../../answers/view/view.ts';
import { parseExact } from '../../lib/exact-json.ts';
import { isJsonObject } from '../../lib/json.ts';
import { counted } from '../../lib/numbers.ts';
import type { Dialect, Params } from '../../provider/dialect.ts';
import { dialectOf } from '../../provider/dialects.ts';
import type { Context } from '../../state/context.ts';
import { isSaved, missingCertainAt } from '../../state/status.ts';
import type { BatchRecord } from '../../store/record.ts';
import { openTasks } from '../../store/task-list.ts';
import { openSentRequests } from '../../tasks/sources/sent/sent-requests.ts';
import { variantId } from '../../tasks/variants.ts';
import type { AnswersSource, EarlierAnswer, EarlierAnswers } from '../../tasks/work.ts';
import { requireRecord } from '../find-batch.ts';
import { wantsRetry } from '../retry/retry-by-itself.ts';
import { readWork } from './work-blob.ts';

/** Whether no more answers of a batch will come without a new request. */
export function hasAllAnswers(record: BatchRecord): boolean {
  return isSaved(record) && missingCertainAt(record) === null && !wantsRetry(record);
}

/** The answers of a batch as a source of work: the real ones once it has ended, before that placeholders for them. */
export async function answersSourceOf(
  context: Context,
  record: BatchRecord,
  outcomes: readonly string[] | undefined,
  notes: readonly string[] = [],
): Promise<AnswersSource> {
  const hasEnded = hasAllAnswers(record);
  const isPassedOn = passedOn(record, outcomes);
  const about = record.merge !== undefined && !withStages(outcomes) ? [LAST_ALONE] : [];
  return {
    kind: 'from_batch',
    batch_id: record.batch_id,
    name: record.name,
    attempts: attemptsAsked(record),
    outcomes,
    notes: [...notes, ...about],
    ...(record.form && { form: record.form }),
    awaits: hasEnded ? 'nothing' : record.waits === undefined ? 'answers' : 'tasks',
    answers: hasEnded
      ? readAnswers(await openView(context, record), isPassedOn, outcomes)
      : {
          count: () => rangeOf(record).filter(isPassedOn).length,
          read: () => awaitedAnswers(context, record, isPassedOn),
          skipped: () => '',
        },
  };
}

type IsPassedOn = (ordinal: number) => boolean;

const withStages = (outcomes: readonly string[] | undefined) => outcomes?.includes('succeeded') ?? false;

const LAST_ALONE =
  'Of a merge only the last answer is taken; outcomes ["succeeded"] takes those of its stages too.';

/** Which tasks of a batch others are made of: all, or of a merge the last one. */
function passedOn(
  { merge, request_count }: BatchRecord,
  outcomes: readonly string[] | undefined,
): IsPassedOn {
  const isAll = merge === undefined || withStages(outcomes);
  return (ordinal) => isAll || ordinal === request_count - 1;
}

const rangeOf = ({ request_count }: BatchRecord) =>
  Array.from({ length: request_count }, (_, ordinal) => ordinal);

/** An automatic retry belongs to the attempt before it. */
function attemptsAsked({ parts }: BatchRecord): number[] {
  const asked = parts.filter(({ by_itself }) => !by_itself).map(({ attempt }) => attempt);
  return [...new Set(asked)];
}

function readAnswers(
  view: View,
  isPassedOn: IsPassedOn,
  outcomes: readonly string[] | undefined,
): EarlierAnswers {
  const isMeant = (ordinal: number) => {
    if (!isPassedOn(ordinal)) return false;
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
        // A failed task without any text has nothing to work on.
        const answers = answered.flatMap(({ answer, row, variant }): EarlierAnswer[] => {
          const { task_id, text, json } = answer;
          return text === undefined && json === undefined ? [] : [{ task_id, row, text, json, variant }];
        });
        left += ordinals.filter(isPassedOn).length - answers.length;
        yield answers;
      }
    },
    skipped: () => (left === 0 ? '' : `${counted(left, 'task')} without a finished answer`),
  };
}

/** A placeholder for each answer that a batch may give, as long as that answer can be. */
async function* awaitedAnswers(
  context: Context,
  record: BatchRecord,
  isPassedOn: IsPassedOn,
): AsyncGenerator<EarlierAnswer[]> {
  if (record.waits !== undefined) {
    yield* answersOfWaiting(context, record, record.waits);
    return;
  }
  const blobs = context.store.blobs(record.batch_id);
  const dialect = dialectOf(record.provider);
  const tasks = await openTasks(blobs, record.request_count);
  const sent = await openSentRequests(blobs, record, dialect);
  const longest = longestIn(record, dialect);
  const leaves = record.merge?.stages[0] ?? record.request_count;
  for (const ordinals of chunksOf(tasks)) {
    const group: EarlierAnswer[] = [];
    const meant = ordinals.filter(isPassedOn);
    // The higher stages of a merge are not made yet: they ask what the first one asks.
    const requests = sent(meant.map((ordinal) => (ordinal < leaves ? ordinal : 0)));
    for (const { task_id, row, variant, structured, expected_output_tokens = 0 } of await tasks.read(meant)) {
      const { value } = await requests.next();
      const maximum_tokens = value === undefined ? 0 : longest(value.params);
      const columns = row === undefined ? null : parseExact(row).value;
      group.push({
        task_id,
        row: isJsonObject(columns) ? columns : null,
        variant,
        ...(structured && { json: {} }),
        awaited: { expected_tokens: expected_output_tokens, maximum_tokens },
      });
    }
    yield group;
  }
}

/** How long the answer of one of the tasks of a request can be. Those of a pack share what it may write: together they are no longer. */
function longestIn({ parts }: BatchRecord, { requests }: Dialect): (params: Params) => number {
  const known = new WeakMap<Params, number>();
  const isPacked = parts.some(({ packs }) => packs !== undefined);
  return (params) => {
    const { max_tokens } = requests.facts(params);
    const rows = known.get(params) ?? (isPacked ? Math.max(1, requests.rowsOf(params).length) : 1);
    known.set(params, rows);
    return Math.ceil((max_tokens ?? 0) / rows);
  };
}

/** The same for a batch that waits itself, so that its tasks are not known: one for each task of the work it waits to make. */
async function* answersOfWaiting(
  context: Context,
  { batch_id: waiting }: BatchRecord,
  { batch_id, longest_answer, expected_answer }: NonNullable<BatchRecord['waits']>,
): AsyncGenerator<EarlierAnswer[]> {
  const awaited = { expected_tokens: expected_answer, maximum_tokens: longest_answer };
  const { variants } = await readWork(context.store.blobs(waiting));
  const copies = variants?.map(({ name }) => name) ?? [undefined];
  const earlier = await requireRecord(context, batch_id);
  // The batch that it waits for may have ended, and be about to be taken up.
  const { answers } = await answersSourceOf(context, earlier, undefined);
  for await (const group of answers.read()) {
    yield group.flatMap(({ task_id, row }) =>
      copies.map((variant) => ({
        task_id: variant === undefined ? task_id : variantId(task_id, variant),
        row,
        variant,
        awaited,
      })),
    );
  }
}
