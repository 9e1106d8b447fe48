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
  const unknownIds = new Set(options.task_ids);
  const unknownCorrections = given.corrections;
  const taskIds = new Set<number>();
  const corrections = new Map<number, Correction>();
  if (unknownIds.size + unknownCorrections.size > 0) {
    let ordinal = 0;
    for await (const entries of tasks.from(0)) {
      for (const { task_id } of entries) {
        const correction = unknownCorrections.get(task_id);
        if (correction) corrections.set(ordinal, correction);
        unknownCorrections.delete(task_id);
        if (unknownIds.delete(task_id)) taskIds.add(ordinal);
        ordinal += 1;
      }
    }
  }
  problems.add(...[...unknownIds].map((id) => unknownTask('task_ids', id)));
  for (const [id, { place }] of unknownCorrections) {
    problems.add({ ...unknownTask('task_id', id), item: itemName(place, id) });
  }
  return { taskIds: options.task_ids && taskIds, corrections, warnings: given.warnings };
}
