import { readPartTasks } from '../../store/part-tasks.ts';
import type { Part } from '../../store/record.ts';
import type { BatchFolder } from '../../store/store.ts';
import { openTasks } from '../../store/tasks-file.ts';

/** A task as a part sent it. */
export type SentTask = {
  ordinal: number;
  custom_id: string;
  model: string;
  task_type?: string | undefined;
};

/** The tasks that a part holds, ascending by ordinal, streamed. */
export async function* tasksOfPart(folder: BatchFolder, part: Part): AsyncGenerator<SentTask> {
  if (part.tasks === 'listed') {
    yield* readPartTasks(folder.partTasks(part.number), part.request_count);
    return;
  }
  const end = part.first_task + part.request_count;
  let ordinal = 0;
  for await (const { custom_id, task_id, model, task_type } of (await openTasks(folder)).all()) {
    if (ordinal >= end) return;
    if (ordinal >= part.first_task) yield { ordinal, custom_id: custom_id ?? task_id, model, task_type };
    ordinal += 1;
  }
}
