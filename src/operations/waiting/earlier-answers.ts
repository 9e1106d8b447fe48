import { chunksOf } from '../../answers/view/passes.ts';
import { openView, type View } from '../../answers/view/view.ts';
import { parseExact } from '../../lib/exact-json.ts';
import { isJsonObject } from '../../lib/json.ts';
import { counted } from '../../lib/numbers.ts';
import { dialectOf } from '../../provider/dialects.ts';
import type { Context } from '../../state/context.ts';
import { isSaved, missingCertainAt } from '../../state/status.ts';
import type { BatchRecord } from '../../store/record.ts';
import { openTasks } from '../../store/task-list.ts';
import { openSentRequests } from '../../tasks/sources/sent/sent-requests.ts';
import type { AnswersSource, EarlierAnswer, EarlierAnswers } from '../../tasks/work.ts';
import { requireRecord } from '../find-batch.ts';
import { wantsRetry } from '../retry/retry-by-itself.ts';

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
  return {
    kind: 'from_batch',
    batch_id: record.batch_id,
    name: record.name,
    attempts: attemptsAsked(record),
    outcomes,
    notes,
    ...(record.form && { form: record.form }),
    awaits: hasEnded ? 'nothing' : record.waits === undefined ? 'answers' : 'tasks',
    answers: hasEnded
      ? readAnswers(await openView(context, record), outcomes)
      : {
          count: () => record.request_count,
          read: () => awaitedAnswers(context, record),
          skipped: () => '',
        },
  };
}

/** An automatic retry belongs to the attempt before it. */
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
        // A failed task without any text has nothing to work on.
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

/** A placeholder for each answer that a batch may give, as long as that answer can be. */
async function* awaitedAnswers(context: Context, record: BatchRecord): AsyncGenerator<EarlierAnswer[]> {
  if (record.waits !== undefined) {
    const { batch_id, longest_answer, expected_answer } = record.waits;
    const awaited = { expected_tokens: expected_answer, maximum_tokens: longest_answer };
    const earlier = await requireRecord(context, batch_id);
    // The batch that it waits for may have ended, and be about to be taken up.
    const { answers } = await answersSourceOf(context, earlier, undefined);
    for await (const group of answers.read()) {
      yield group.map(({ task_id, row }) => ({ task_id, row, awaited }));
    }
    return;
  }
  const blobs = context.store.blobs(record.batch_id);
  const dialect = dialectOf(record.provider);
  const tasks = await openTasks(blobs, record.request_count);
  const sent = await openSentRequests(blobs, record, dialect);
  for (const ordinals of chunksOf(tasks)) {
    const group: EarlierAnswer[] = [];
    const requests = sent(ordinals);
    for (const { task_id, row, structured, expected_output_tokens = 0 } of await tasks.read(ordinals)) {
      const { value } = await requests.next();
      const maximum_tokens = value === undefined ? 0 : (dialect.requests.facts(value.params).max_tokens ?? 0);
      const columns = row === undefined ? null : parseExact(row).value;
      group.push({
        task_id,
        row: isJsonObject(columns) ? columns : null,
        ...(structured && { json: {} }),
        awaited: { expected_tokens: expected_output_tokens, maximum_tokens },
      });
    }
    yield group;
  }
}
