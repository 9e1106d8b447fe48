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

/** Files, one task for each. */
export type FilesSource = {
  kind: 'input_files';
  /** Paths and globs; those that begin with `!` leave out. */
  patterns: readonly string[];
  /** A longer text is cut at line ends into parts. */
  split_chars?: number | undefined;
};

/** The answers of an earlier batch, one task for each. */
export type AnswersSource = {
  kind: 'from_batch';
  batch_id: string;
  name: string;
  /** The attempts that somebody asked for so far: with another one it holds other answers. */
  attempts: readonly number[];
  /** Those that count beside the finished ones. */
  outcomes?: readonly string[] | undefined;
  /** What is not there yet: its answers, or its tasks as well, so that nobody knows their columns. */
  awaits: 'nothing' | 'answers' | 'tasks';
  /** What is odd about it, though it can be used. */
  notes: readonly string[];
  /** How the table of its rows was written. */
  form?: TableForm;
  answers: EarlierAnswers;
};

/** Reads the answers of an earlier batch, once from the beginning whenever it is asked to. */
export type EarlierAnswers = {
  /** How many tasks become tasks again. */
  count(): number;
  /** In the earlier batch's order. */
  read(): AsyncIterable<EarlierAnswer[]>;
  /** How many tasks were left out, for they have no such answer, in words; empty where none was. */
  skipped(): string;
};

/** What an earlier task hands on. */
export type EarlierAnswer = {
  task_id: string;
  /** The columns of its row, with every number as it was written; null where it had none. */
  row: JsonObject | null;
  text?: string | undefined;
  /** Where it was asked for as JSON. */
  json?: unknown;
  /** How long an answer is, in output tokens, that is not there yet. */
  awaited?: AwaitedAnswer;
};

export type Merge = number | string;

/** All that says what is to be done; what submitting and estimating both take. */
export type Work = {
  source: WorkSource;
  defaults: TaskDefaults;
  /** Each item becomes a task under each of them. */
  variants?: readonly Variant[] | undefined;
  /** So many items, spread evenly over the work: a pilot. */
  max_tasks?: number | undefined;
  /** Up to so many tasks share a request; `auto` is as many as saves most of what that saves. */
  pack?: number | 'auto' | undefined;
  /** So many items become one task, and so many of their answers one again; or all that have one value in this column. */
  merge?: Merge | undefined;
  /** What names of files for single answers are made of: columns, or parts of paths. */
  output_places?: readonly string[] | undefined;
  /** Which key of an answer is compared with which column of its row: `{"label": "category"}`. */
  expect?: Readonly<Record<string, string>> | undefined;
  /** What is odd about files that its settings were read from. */
  notes?: readonly string[] | undefined;
};

/** Settings under which every item of the work becomes a task. */
export type Variant = {
  name: string;
  /** What it was given. */
  own: TaskDefaults;
  /** The same over what all variants share. */
  defaults: TaskDefaults;
};
