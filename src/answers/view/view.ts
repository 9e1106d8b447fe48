import type { Context } from '../../state/context.ts';
import type { BatchRecord, Part } from '../../store/record.ts';
import type { Outcome } from '../../store/saved-results.ts';
import type { TaskEntry } from '../../store/task-entry.ts';
import type { Expectations } from '../../tasks/examine/expected-values.ts';
import type { Answer, AnsweredRow } from '../answer.ts';
import { exact } from '../answer-json.ts';
import {
  openSavedAnswers,
  outcomeOf,
  type RowOptions,
  readAnswered,
  readFailures,
  readLines,
  rowOf,
  type TaskFailure,
} from './saved-answers.ts';

/** All tasks of a batch with the best answers that are saved, in the caller's order, read by seeking. */
export type View = {
  readonly count: number;
  /** Names the parts that it covers, and which of them are still open: another set is another view. */
  readonly parts: string;
  /** The same object for every opening of the same view. */
  readonly content: object;
  /** The part whose answer to a task counts. */
  partOf(ordinal: number): Part | undefined;
  /** What its answers are compared with. */
  readonly expect: Expectations;
  outcome(ordinal: number): Outcome | 'pending';
  /** The lines of these tasks' answers, as they were received, in the order asked for; null for a task without one. */
  lines(ordinals: readonly number[]): Promise<(Buffer | null)[]>;
  /** The length of a task's line in bytes; 0 if there is none. */
  lineLength(ordinal: number): number;
  /** All tasks that have no finished answer and are not awaited, in order, streamed in groups. */
  failures(): AsyncIterable<TaskFailure[]>;
  /** The answers of these tasks, in the order asked for. */
  answers(ordinals: readonly number[]): Promise<Answer[]>;
  /** The same with the rows that the tasks were made from, and every number as it was written. */
  answeredRows(ordinals: readonly number[], options?: RowOptions): Promise<AnsweredRow[]>;
  /** All tasks in order, streamed in groups. */
  tasks(): AsyncIterable<TaskEntry[]>;
};

/** How many lines are read together, to be in memory only as long as they are worked on. */
export const LINES_AT_ONCE = 100;

/** Opens what is saved of a batch. */
export async function openView(context: Context, record: BatchRecord): Promise<View> {
  const saved = await openSavedAnswers(context, record);
  const { tasks, viewed, partOf } = saved.loaded;
  const outcome = (ordinal: number) => outcomeOf(saved, ordinal);
  return {
    count: tasks.count,
    content: saved.loaded,
    partOf: (ordinal) => partOf(ordinal)?.part,
    expect: record.expect ?? {},
    parts: viewed.map(({ part, index }) => `${part.number}${index === null ? '?' : ''}`).join('.'),
    outcome,
    lines: (ordinals) => readLines(saved, ordinals),
    lineLength: (ordinal) => partOf(ordinal)?.index?.find(ordinal)?.length ?? 0,
    async *failures() {
      let group: number[] = [];
      for (let ordinal = 0; ordinal < tasks.count; ordinal += 1) {
        const became = outcome(ordinal);
        // Nearly all have succeeded: awaiting anything for each would take longer than all else.
        if (became === 'succeeded' || became === 'pending') continue;
        if (group.push(ordinal) < LINES_AT_ONCE) continue;
        yield await readFailures(saved, group);
        group = [];
      }
      yield await readFailures(saved, group);
    },
    async answers(ordinals) {
      return (await readAnswered(saved, ordinals)).map(({ answer }) => answer);
    },
    async answeredRows(ordinals, options) {
      return (await readAnswered(saved, ordinals, exact, options)).map(({ task, answer, text }) => ({
        answer,
        row: rowOf(task),
        ...(task.variant !== undefined && { variant: task.variant }),
        ...(text && { text }),
      }));
    },
    tasks: () => tasks.from(0),
  };
}
