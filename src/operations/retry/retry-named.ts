import { createIdFinder } from '../../lib/names.ts';
import type { Dialect } from '../../provider/dialect.ts';
import type { Context } from '../../state/context.ts';
import type { Tasks } from '../../store/task-list.ts';
import type { ProblemList } from '../../tasks/problem-list.ts';
import { type Correction, readCorrections } from '../../tasks/sources/sent/corrections.ts';
import { itemName } from '../../tasks/task.ts';
import { type RetryOptions, unknownTask } from './retry-options.ts';

/** The tasks that a call names, by their ordinals. */
export type NamedTasks = {
  /** Undefined where the call does not choose by id. */
  taskIds: ReadonlySet<number> | undefined;
  corrections: ReadonlyMap<number, Correction>;
  /** Warnings about the corrections. */
  warnings: readonly string[];
};

/** Finds the named tasks in one pass over the batch's tasks; every unknown id is a problem. */
export async function findNamed(
  context: Context,
  tasks: Tasks,
  options: RetryOptions,
  dialect: Dialect,
  problems: ProblemList,
): Promise<NamedTasks> {
  const given = await readCorrections(context, options, dialect);
  problems.add(...given.problems);
  const { task_ids } = options;
  const named = createIdFinder(new Map((task_ids ?? []).map((id) => [id, id])));
  const corrected = createIdFinder(given.corrections);
  if (task_ids !== undefined || given.corrections.size > 0) {
    let ordinal = 0;
    for await (const entries of tasks.from(0)) {
      for (const { task_id } of entries) {
        named.compare(task_id, ordinal);
        corrected.compare(task_id, ordinal);
        ordinal += 1;
      }
    }
  }
  const { found: taskIds, left: unknownIds } = named.finish();
  const { found: corrections, left: unknown } = corrected.finish();
  problems.add(...[...unknownIds.keys()].map((id) => unknownTask('task_ids', id)));
  for (const [id, { place }] of unknown) {
    problems.add({ ...unknownTask('task_id', id), item: itemName(place, id) });
  }
  return {
    taskIds: task_ids && new Set(taskIds.keys()),
    corrections,
    warnings: given.warnings,
  };
}
