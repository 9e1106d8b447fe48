import type { TaskDefaults } from './task.ts';

/** Where tasks come from. */
export type WorkSource =
  | { kind: 'requests'; items: readonly unknown[] }
  | { kind: 'requests_file'; path: string }
  | RowsSource
  | FilesSource;

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

/** All that says what is to be done; what submitting and estimating both take. */
export type Work = {
  source: WorkSource;
  defaults: TaskDefaults;
  /** So many tasks, spread evenly over the work: a pilot. */
  max_tasks?: number | undefined;
  /** What names of files for single answers are made of: columns, or parts of paths. */
  output_places?: readonly string[] | undefined;
  /** Which key of an answer is compared with which column of its row: `{"label": "category"}`. */
  expect?: Readonly<Record<string, string>> | undefined;
};
