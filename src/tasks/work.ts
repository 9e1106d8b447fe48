import type { TaskDefaults } from './task.ts';

/** Where tasks come from. */
export type WorkSource =
  | { kind: 'requests'; items: readonly unknown[] }
  | { kind: 'requests_file'; path: string };

/** All that says what is to be done; what submitting and estimating both take. */
export type Work = {
  source: WorkSource;
  defaults: TaskDefaults;
  /** Only the first so many tasks: a pilot. */
  max_tasks?: number | undefined;
};
