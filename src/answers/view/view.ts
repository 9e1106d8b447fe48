import { isJsonObject, type JsonObject } from '../../lib/json.ts';
import { dialectOf } from '../../provider/dialects.ts';
import type { Result, ResultError } from '../../provider/result.ts';
import type { Context } from '../../state/context.ts';
import { isWaiting, resultsOf } from '../../state/parts.ts';
import type { BatchRecord, Part } from '../../store/record.ts';
import type { Outcome } from '../../store/saved-results.ts';
import type { Span } from '../../store/store.ts';
import type { TaskEntry } from '../../store/task-entry.ts';
import {
  type Answer,
  type AnsweredRow,
  errorOf,
  failureOf,
  missingError,
  nothingToMerge,
  readSavedLine,
  toAnswer,
} from '../answer.ts';
import { type AnswerForm, exact } from '../answer-json.ts';
import { invalidAnswer } from '../check-answer.ts';
import { type Expectations, isExpected } from '../figures/expected-answer.ts';
import { loadView, type ViewedPart } from './loaded-view.ts';

/** A task without a finished answer, and why. */
export type TaskFailure = { ordinal: number; outcome: Exclude<Outcome, 'succeeded'>; error: ResultError };

export type RowOptions = {
  /** Their lines, where they were read already. */
  lines?: readonly (Buffer | null)[];
  /** Stands for the text of an answer that is one text alone, whose JSON is given beside it as it came. */
  standIn?: string | undefined;
};

/** All tasks of a batch with the best answers that are saved, in the caller's order, read by seeking. */
export type View = {
  readonly count: number;
  /** Names the set of parts that it covers, and which of them are still open: another set is another view. */
  readonly parts: string;
  /** The same for every opening of the same view. */
  readonly content: object;
  /** The part whose answer to a task counts. */
  partOf(ordinal: number): Part | undefined;
  /** What its answers are compared with. */
  readonly expect: Expectations;
  outcome(ordinal: number): Outcome | 'pending';
  /** The lines of these tasks' answers, as they were received, in the order asked for; null where there is none. */
  lines(ordinals: readonly number[]): Promise<(Buffer | null)[]>;
  /** The bytes of a task's line; 0 where there is none. */
  lineLength(ordinal: number): number;
  /** All tasks that have no finished answer and are not awaited, in order, streamed in groups. */
  failures(): AsyncIterable<TaskFailure[]>;
  /** The answers of these tasks, in the order asked for. */
  answers(ordinals: readonly number[]): Promise<Answer[]>;
  /** The same with the rows that the tasks were made of, and every number as it was written. */
  answeredRows(ordinals: readonly number[], options?: RowOptions): Promise<AnsweredRow[]>;
  /** All tasks in order, streamed in groups. */
  tasks(): AsyncIterable<TaskEntry[]>;
};

function rowOf({ row }: TaskEntry): JsonObject | null {
  const columns = row === undefined ? null : exact(row);
  return isJsonObject(columns) ? columns : null;
}

/** Lines that are read together, in memory only as long as they are worked on. */
export const LINES_AT_ONCE = 100;

/** Opens what is saved of a batch. */
export async function openView(context: Context, record: BatchRecord): Promise<View> {
  const content = await loadView(context, record);
  const dialect = dialectOf(record.provider);
  const { tasks, viewed, partOf, check } = content;
  const { expect = {} } = record;
  const isCompared = Object.keys(expect).length > 0;
  const blobs = context.store.blobs(record.batch_id);

  function outcome(ordinal: number): Outcome | 'pending' {
    const part = partOf(ordinal);
    // It would have worked on answers of which none was finished.
    const [leaves = 0] = record.merge?.stages ?? [];
    if (part === undefined && record.merge && ordinal >= leaves && !isWaiting(record)) return 'missing';
    const index = part?.index ?? null;
    return index === null ? 'pending' : (index.find(ordinal)?.outcome ?? 'missing');
  }

  /** Why a task of a batch that has ended was in no part. */
  function unsentReason(ordinal: number): ResultError | null {
    return partOf(ordinal) === undefined ? nothingToMerge : null;
  }

  async function lines(ordinals: readonly number[]): Promise<(Buffer | null)[]> {
    const found: (Buffer | null)[] = ordinals.map(() => null);
    const places = new Map<ViewedPart, { position: number; span: Span }[]>();
    for (const [position, ordinal] of ordinals.entries()) {
      const viewedPart = partOf(ordinal);
      const span = viewedPart?.index?.find(ordinal);
      if (!viewedPart || !span) continue;
      const ofPart = places.get(viewedPart) ?? [];
      ofPart.push({ position, span });
      places.set(viewedPart, ofPart);
    }
    for (const [{ part }, wanted] of places) {
      const spans = wanted.map(({ span }) => span);
      for (const [index, bytes] of (await blobs.readRanges(resultsOf(part), spans)).entries()) {
        const position = wanted[index]?.position;
        if (position !== undefined) found[position] = bytes;
      }
    }
    return found;
  }

  function formOf(ordinal: number, task: TaskEntry): AnswerForm | undefined {
    const forms = partOf(ordinal)?.forms;
    if (forms) return forms.get(ordinal);
    return task.structured && { schema: task.schema ?? null };
  }

  /** Why an answer can't be used that the provider calls finished; null where the provider itself says why. */
  async function invalidity(ordinal: number, task: TaskEntry, result: Result): Promise<ResultError | null> {
    if (outcome(ordinal) === 'succeeded' || result.outcome !== 'succeeded' || result.answer === null)
      return null;
    const form = formOf(ordinal, task) ?? { schema: null };
    const checking = await check();
    const ground = await checking.groundOf(form, ordinal);
    return (
      checking.judge(form, result.answer, ground).error ?? invalidAnswer('it was found to when it came in')
    );
  }

  type Parse = (text: string) => unknown;
  type Answered = { task: TaskEntry; answer: Answer; text?: Uint8Array };

  async function answered(
    ordinals: readonly number[],
    parse?: Parse,
    { lines: known, standIn }: RowOptions = {},
  ): Promise<Answered[]> {
    const [entries, found] = await Promise.all([tasks.read(ordinals), known ?? lines(ordinals)]);
    const answers: Answered[] = [];
    for (const [position, task] of entries.entries()) {
      const [ordinal = 0, line = null] = [ordinals[position], found[position]];
      const around = standIn === undefined ? null : answerAround(ordinal, task, line, standIn);
      answers.push(around ?? (await answerOf(ordinal, task, line, parse)));
    }
    return answers;
  }

  /** The answer with a stand-in for its text; null where its text has to be read. */
  function answerAround(
    ordinal: number,
    task: TaskEntry,
    line: Buffer | null,
    standIn: string,
  ): Answered | null {
    if (line === null || isCompared || outcome(ordinal) !== 'succeeded') return null;
    if (formOf(ordinal, task) !== undefined) return null;
    const around = dialect.results.readAround(line, standIn);
    if (around === null) return null;
    const attempt = partOf(ordinal)?.part.attempt ?? 1;
    const judged = { outcome: 'succeeded', invalid: null, structured: false, attempt } as const;
    return { task, answer: toAnswer(task, judged, around.result), text: around.text };
  }

  async function answerOf(
    ordinal: number,
    task: TaskEntry,
    bytes: Buffer | null,
    parse?: Parse,
  ): Promise<Answered> {
    const became = outcome(ordinal);
    const attempt = partOf(ordinal)?.part.attempt ?? 1;
    if (became === 'pending') return { task, answer: { task_id: task.task_id, outcome: 'pending' } };
    const line = bytes?.toString('utf8');
    const result =
      line === undefined ? null : readSavedLine(dialect, line, task.custom_id ?? task.task_id, parse);
    const invalid = result ? await invalidity(ordinal, task, result) : unsentReason(ordinal);
    const structured = formOf(ordinal, task) !== undefined;
    // A line that can't be read after all, whatever it was taken for when it came in, is no answer.
    const isSpoilt = became === 'succeeded' && result !== null && result.answer === null;
    const judged = { outcome: isSpoilt ? result.outcome : became, invalid, structured, attempt };
    const found = toAnswer(task, judged, result, parse);
    const expected = isCompared ? isExpected(expect, found, rowOf(task)) : undefined;
    return { task, answer: expected === undefined ? found : { ...found, expected } };
  }

  async function failuresOf(ordinals: readonly number[]): Promise<TaskFailure[]> {
    const found = await lines(ordinals);
    const entries = await tasks.read(ordinals);
    const failures: TaskFailure[] = [];
    for (const [position, ordinal] of ordinals.entries()) {
      const became = outcome(ordinal);
      const task = entries[position];
      if (became === 'succeeded' || became === 'pending' || task === undefined) continue;
      const line = found[position]?.toString('utf8');
      const result = line === undefined ? null : readSavedLine(dialect, line, '');
      const invalid = result ? await invalidity(ordinal, task, result) : unsentReason(ordinal);
      failures.push({ ordinal, outcome: became, error: reasonOf(became, invalid, result) });
    }
    return failures;
  }

  return {
    count: tasks.count,
    content,
    partOf: (ordinal) => partOf(ordinal)?.part,
    expect,
    parts: viewed.map(({ part, index }) => `${part.number}${index === null ? '?' : ''}`).join('.'),
    outcome,
    lines,
    lineLength: (ordinal) => partOf(ordinal)?.index?.find(ordinal)?.length ?? 0,
    async *failures() {
      let group: number[] = [];
      for (let ordinal = 0; ordinal < tasks.count; ordinal += 1) {
        const became = outcome(ordinal);
        // Nearly all have succeeded: to await anything for each would take longer than all else.
        if (became === 'succeeded' || became === 'pending') continue;
        if (group.push(ordinal) < LINES_AT_ONCE) continue;
        yield await failuresOf(group);
        group = [];
      }
      yield await failuresOf(group);
    },
    async answers(ordinals) {
      return (await answered(ordinals)).map(({ answer }) => answer);
    },
    async answeredRows(ordinals, options) {
      return (await answered(ordinals, exact, options)).map(({ task, answer, text }) => ({
        answer,
        row: rowOf(task),
        ...(task.variant !== undefined && { variant: task.variant }),
        ...(text && { text }),
      }));
    },
    tasks: () => tasks.from(0),
  };
}

/** Why a task has no finished answer. */
function reasonOf(
  outcome: TaskFailure['outcome'],
  invalid: ResultError | null,
  result: Result | null,
): ResultError {
  if (outcome === 'expired' || outcome === 'canceled')
    return failureOf({ outcome, error: null }) ?? missingError;
  if (outcome === 'missing' || result === null) return invalid ?? missingError;
  return errorOf({ outcome, invalid }, result) ?? missingError;
}
