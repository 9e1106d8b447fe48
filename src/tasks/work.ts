import type { JsonObject } from '../lib/json.ts';
import type { AwaitedAnswer } from './sources/source-row.ts';
import type { TableForm } from './sources/tables/table.ts';
import type { TaskDefaults } from './task.ts';

/** Where tasks come from. */
export type WorkSource =
  | { kind: 'requests'; items: readonly unknown[] }
  | { kind: 'requests_file'; path: string }
  | RowsSource
  | FilesSource
  | AnswersSource;

/** A table, one task per row. */
export type RowsSource = {
  kind: 'rows_file';
  path: string;
  /** The column that holds the tasks' ids; without it they are `row_1` and so on. */
  id_column?: string | undefined;
  /** A second table, whose columns join by the same id. */
  join_file?: string | undefined;
};

/** Files, one task per file. */
export type FilesSource = {
  kind: 'input_files';
  /** Paths and globs; those that begin with `!` exclude. */
  patterns: readonly string[];
  /** Longer texts are split into parts at line ends. */
  split_chars?: number | undefined;
};

/** The answers of an earlier batch, one task per answer. */
export type AnswersSource = {
  kind: 'from_batch';
  batch_id: string;
  name: string;
  /** The attempts that were asked for so far: a further one may change its answers. */
  attempts: readonly number[];
  /** Which answers count besides the finished ones. */
  outcomes?: readonly string[] | undefined;
  /** What has not come yet: its answers, or even its tasks, so that their columns are unknown. */
  awaits: 'nothing' | 'answers' | 'tasks';
  /** Oddities that do not keep it from being used. */
  notes: readonly string[];
  /** How the table of its rows was written. */
  form?: TableForm;
  answers: EarlierAnswers;
};

/** Reads the answers of an earlier batch, from the beginning each time. */
export type EarlierAnswers = {
  /** How many of its tasks become tasks of the new work. */
  count(): number;
  /** In the earlier batch's order. */
  read(): AsyncIterable<EarlierAnswer[]>;
  /** Says how many tasks were left out for lack of such an answer; empty where none were. */
  skipped(): string;
};

/** What an earlier task passes on. */
export type EarlierAnswer = {
  task_id: string;
  /** The columns of its row, with every number as it was written; null where it had none. */
  row: JsonObject | null;
  text?: string | undefined;
  /** The answer, where it was asked for as JSON. */
  json?: unknown;
  /** Which variant of its work it answers. */
  variant?: string | undefined;
  /** The length in output tokens of an answer that has not come yet. */
  awaited?: AwaitedAnswer;
};

export type Merge = number | string;

/** A full description of the work, as submitting and estimating take it. */
export type Work = {
  source: WorkSource;
  defaults: TaskDefaults;
  /** Each item becomes one task per variant. */
  variants?: readonly Variant[] | undefined;
  /** Makes a pilot: this many items, spread evenly over the work. */
  max_tasks?: number | undefined;
  /** How many tasks may share a request; `auto` picks a number that brings most of the possible saving. */
  pack?: number | 'auto' | undefined;
  /**
   * How many items become one task, and then how many answers are merged into one; or the column whose values group
   * the items.
   */
  merge?: Merge | undefined;
  /** The placeholders in the names of answer files: columns, or parts of paths. */
  output_places?: readonly string[] | undefined;
  /** Which key of an answer is compared with which column of its row: `{"label": "category"}`. */
  expect?: Readonly<Record<string, string>> | undefined;
  /** Oddities of the files that its settings were read from. */
  notes?: readonly string[] | undefined;
};

/** Settings under which every item of the work becomes a task. */
export type Variant = {
  name: string;
  /** Its own settings. */
  own: TaskDefaults;
  /** Its settings over the shared ones. */
  defaults: TaskDefaults;
};
