import type { Effort } from '../../provider/models.ts';
import { readPartTasks } from '../../store/part-tasks.ts';
import type { BatchRecord, Part } from '../../store/record.ts';
import type { Blobs } from '../../store/store.ts';
import { openTasks } from '../../store/task-list.ts';

/** A task as a part sent it. */
export type SentTask = {
  ordinal: number;
  custom_id: string;
  model: string;
  task_type?: string | undefined;
  structured?: true | undefined;
  schema?: string | undefined;
  effort?: Effort | undefined;
  /** The id of the request that it shares. */
  pack?: string | undefined;
};

/** The tasks that a part holds, ascending by ordinal, streamed in groups. */
export async function* tasksOfPart(
  blobs: Blobs,
  { request_count }: Pick<BatchRecord, 'request_count'>,
  part: Part,
): AsyncGenerator<SentTask[]> {
  if (part.tasks === 'listed') {
    yield* readPartTasks(blobs, part);
    return;
  }
  const end = part.first_task + part.request_count;
  let ordinal = part.first_task;
  for await (const entries of (await openTasks(blobs, request_count)).from(ordinal)) {
    const first = ordinal;
    ordinal += entries.length;
    yield entries.slice(0, end - first).map(({ custom_id, task_id, ...task }, index) => ({
      ordinal: first + index,
      custom_id: custom_id ?? task_id,
      model: task.model,
      task_type: task.task_type,
      effort: task.effort,
      structured: task.structured,
      schema: task.schema,
      pack: task.pack,
    }));
    if (ordinal >= end) return;
  }
}
