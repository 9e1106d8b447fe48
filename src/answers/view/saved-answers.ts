import { isJsonObject, type JsonObject } from '../../lib/json.ts';
import type { Dialect } from '../../provider/dialect.ts';
import { dialectOf } from '../../provider/dialects.ts';
import type { Result, ResultError } from '../../provider/result.ts';
import type { Context } from '../../state/context.ts';
import { isWaiting, resultsOf } from '../../state/parts.ts';
import type { BatchRecord } from '../../store/record.ts';
import type { Outcome } from '../../store/saved-results.ts';
import type { Blobs, Span } from '../../store/store.ts';
import type { TaskEntry } from '../../store/task-entry.ts';
import {
  type Answer,
  errorOf,
  failureOf,
  missingError,
  nothingToMerge,
  readSavedLine,
  toAnswer,
} from '../answer.ts';
import { type AnswerForm, exact } from '../answer-json.ts';
import { invalidAnswer } from '../check-answer.ts';
import { isExpected } from '../figures/compare-with-row.ts';
import { type LoadedView, loadView, type ViewedPart } from './loaded-view.ts';

/** Everything that the answers of a batch are read from. */
type SavedAnswers = {
  record: BatchRecord;
  loaded: LoadedView;
  blobs: Blobs;
  dialect: Dialect;
  /** Whether answers are compared with their rows. */
  isCompared: boolean;
};

/** Opens the saved answers of a batch. */
export async function openSavedAnswers(context: Context, record: BatchRecord): Promise<SavedAnswers> {
  return {
    record,
    loaded: await loadView(context, record),
    blobs: context.store.blobs(record.batch_id),
    dialect: dialectOf(record.provider),
    isCompared: Object.keys(record.expect ?? {}).length > 0,
  };
}

/** What became of a task. */
export function outcomeOf({ record, loaded }: SavedAnswers, ordinal: number): Outcome | 'pending' {
  const part = loaded.partOf(ordinal);
  // A task of a merge that is in no part had no finished answers to work on.
  const [leaves = 0] = record.merge?.stages ?? [];
  if (part === undefined && record.merge && ordinal >= leaves && !isWaiting(record)) return 'missing';
  const index = part?.index ?? null;
  return index === null ? 'pending' : (index.find(ordinal)?.outcome ?? 'missing');
}

/** The lines of these tasks' answers, as they were received, in the order asked for; null for a task without one. */
export async function readLines(
  { loaded, blobs }: SavedAnswers,
  ordinals: readonly number[],
): Promise<(Buffer | null)[]> {
  const found: (Buffer | null)[] = ordinals.map(() => null);
  const places = new Map<ViewedPart, { position: number; span: Span }[]>();
  for (const [position, ordinal] of ordinals.entries()) {
    const viewedPart = loaded.partOf(ordinal);
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

export type RowOptions = {
  /** The lines of the tasks, if they were read already. */
  lines?: readonly (Buffer | null)[];
  /** Replaces the text of an answer that is a single text; its JSON is given beside it as it came. */
  standIn?: string | undefined;
};

type Parse = (text: string) => unknown;
type Answered = { task: TaskEntry; answer: Answer; text?: Uint8Array };

/** These tasks with their answers, in the order asked for. */
export async function readAnswered(
  saved: SavedAnswers,
  ordinals: readonly number[],
  parse?: Parse,
  { lines: known, standIn }: RowOptions = {},
): Promise<Answered[]> {
  const [entries, found] = await Promise.all([
    saved.loaded.tasks.read(ordinals),
    known ?? readLines(saved, ordinals),
  ]);
  const answers: Answered[] = [];
  for (const [position, task] of entries.entries()) {
    const [ordinal = 0, line = null] = [ordinals[position], found[position]];
    const around = standIn === undefined ? null : answerAround(saved, ordinal, task, line, standIn);
    answers.push(around ?? (await answerOf(saved, ordinal, task, line, parse)));
  }
  return answers;
}

/** The answer with a stand-in for its text; null if its text has to be read. */
function answerAround(
  saved: SavedAnswers,
  ordinal: number,
  task: TaskEntry,
  line: Buffer | null,
  standIn: string,
): Answered | null {
  if (line === null || saved.isCompared || outcomeOf(saved, ordinal) !== 'succeeded') return null;
  if (formOf(saved, ordinal, task) !== undefined) return null;
  const around = saved.dialect.results.readAround(line, standIn);
  if (around === null) return null;
  const attempt = saved.loaded.partOf(ordinal)?.part.attempt ?? 1;
  const judged = { outcome: 'succeeded', invalid: null, structured: false, attempt } as const;
  return { task, answer: toAnswer(task, judged, around.result), text: around.text };
}

async function answerOf(
  saved: SavedAnswers,
  ordinal: number,
  task: TaskEntry,
  bytes: Buffer | null,
  parse?: Parse,
): Promise<Answered> {
  const { record, loaded, dialect, isCompared } = saved;
  const became = outcomeOf(saved, ordinal);
  const attempt = loaded.partOf(ordinal)?.part.attempt ?? 1;
  if (became === 'pending') return { task, answer: { task_id: task.task_id, outcome: 'pending' } };
  const line = bytes?.toString('utf8');
  const result =
    line === undefined ? null : readSavedLine(dialect, line, task.custom_id ?? task.task_id, parse);
  const invalid = result ? await invalidity(saved, ordinal, task, result) : unsentReason(saved, ordinal);
  const structured = formOf(saved, ordinal, task) !== undefined;
  // A line that can't be read after all is no answer, whatever it was taken for when it came in.
  const isSpoilt = became === 'succeeded' && result !== null && result.answer === null;
  const judged = { outcome: isSpoilt ? result.outcome : became, invalid, structured, attempt };
  const found = toAnswer(task, judged, result, parse);
  const expected = isCompared ? isExpected(record.expect ?? {}, found, rowOf(task)) : undefined;
  return { task, answer: expected === undefined ? found : { ...found, expected } };
}

/** The columns of a task's row, with every number as it was written; null if it has none. */
export function rowOf({ row }: TaskEntry): JsonObject | null {
  const columns = row === undefined ? null : exact(row);
  return isJsonObject(columns) ? columns : null;
}

function formOf({ loaded }: SavedAnswers, ordinal: number, task: TaskEntry): AnswerForm | undefined {
  const forms = loaded.partOf(ordinal)?.forms;
  if (forms) return forms.get(ordinal);
  return task.structured && { schema: task.schema ?? null };
}

/** Why an answer that the provider calls finished can't be used; null if the provider itself says why. */
async function invalidity(
  saved: SavedAnswers,
  ordinal: number,
  task: TaskEntry,
  result: Result,
): Promise<ResultError | null> {
  if (result.outcome !== 'succeeded' || result.answer === null) return null;
  if (outcomeOf(saved, ordinal) === 'succeeded') return null;
  const form = formOf(saved, ordinal, task) ?? { schema: null };
  const checking = await saved.loaded.check();
  const ground = await checking.groundOf(form, ordinal);
  const { error } = checking.judge(form, result.answer, ground);
  return error ?? invalidAnswer('so it was found when it came in');
}

/** Why a task of a batch that has ended was in no part. */
const unsentReason = ({ loaded }: SavedAnswers, ordinal: number): ResultError | null =>
  loaded.partOf(ordinal) === undefined ? nothingToMerge : null;

/** A task without a finished answer, and why. */
export type TaskFailure = { ordinal: number; outcome: Exclude<Outcome, 'succeeded'>; error: ResultError };

/** Why these tasks have no finished answers; leaves out those that have one or are awaited. */
export async function readFailures(saved: SavedAnswers, ordinals: readonly number[]): Promise<TaskFailure[]> {
  const found = await readLines(saved, ordinals);
  const entries = await saved.loaded.tasks.read(ordinals);
  const failures: TaskFailure[] = [];
  for (const [position, ordinal] of ordinals.entries()) {
    const became = outcomeOf(saved, ordinal);
    const task = entries[position];
    if (became === 'succeeded' || became === 'pending' || task === undefined) continue;
    const line = found[position]?.toString('utf8');
    const result = line === undefined ? null : readSavedLine(saved.dialect, line, '');
    const invalid = result ? await invalidity(saved, ordinal, task, result) : unsentReason(saved, ordinal);
    failures.push({ ordinal, outcome: became, error: reasonOf(became, invalid, result) });
  }
  return failures;
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
