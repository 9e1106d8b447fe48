import * as z from 'zod';
import { splitLines } from '../lib/lines.ts';
import { efforts } from '../provider/models.ts';
import { openBlobWriter } from './blob-writer.ts';
import { partTasks } from './names.ts';
import type { Part } from './record.ts';
import type { Blobs } from './store.ts';
import { checkStored, damaged, parseStored } from './stored-json.ts';
import type { TaskEntry } from './task-entry.ts';

const count = z.int().nonnegative();

const partTask = z.object({
  /** Its index among all tasks of the batch, from 0. */
  ordinal: count,
  custom_id: z.string(),
  /** Only if the task has one. */
  task_type: z.string().exactOptional(),
  /** The model it was sent with, which a retry may have changed. */
  model: z.string(),
  /** Only if it was not left to the model. */
  effort: z.enum(efforts).exactOptional(),
  /** Only if the answer is JSON. */
  structured: z.literal(true).exactOptional(),
  /** The hash of the schema for checking the answer. */
  schema: z.string().exactOptional(),
  /** Given anew since it was submitted; its row and its input are kept as they were then. */
  corrected: z.literal(true).exactOptional(),
  /** The id of the request that it shares with other tasks. */
  pack: z.string().exactOptional(),
  /** Where its request is in the part's body, in bytes. */
  offset: count,
  length: count,
});

/** A task as one part sent it: what a retry needs to know besides the tasks of the attempt. */
type PartTask = z.infer<typeof partTask>;

/** What a part's list keeps of a task, except its position. */
export function partTaskOf(entry: TaskEntry): Omit<PartTask, 'ordinal' | 'offset' | 'length'> {
  const { task_id, custom_id = task_id, task_type, model, effort, structured, schema, pack } = entry;
  return {
    custom_id,
    ...(task_type !== undefined && { task_type }),
    model,
    ...(effort !== undefined && { effort }),
    ...(structured && { structured }),
    ...(schema !== undefined && { schema }),
    ...(pack !== undefined && { pack }),
  };
}

export type PartTasksWriter = {
  /** Takes tasks in the caller's order. */
  add(task: PartTask): Promise<void>;
  /** False if the part has a list already, which is kept. */
  close(): Promise<boolean>;
  /** Removes what was written. */
  abort(): Promise<void>;
};

/** Opens the list of a part's tasks for writing; it is written only once. */
export function openPartTasksWriter(blobs: Blobs, part: number): PartTasksWriter {
  const lines = openBlobWriter(blobs, partTasks(part));
  return {
    add: (task) => lines.write(`${JSON.stringify(task)}\n`),
    close: async () => (await lines.finish()) !== null,
    abort: () => lines.abort(),
  };
}

/**
 * The tasks of a part that lists them, ascending by ordinal, streamed in groups. Throws `store_damaged` if there are
 * not as many as the part has requests.
 */
export async function* readPartTasks(
  blobs: Blobs,
  { number, request_count }: Pick<Part, 'number' | 'request_count'>,
): AsyncGenerator<PartTask[]> {
  const name = partTasks(number);
  const place = blobs.describe(name);
  let found = 0;
  for await (const lines of splitLines(blobs.read(name))) {
    found += lines.length;
    yield lines.map(({ bytes }) => checkStored(place, parseStored(place, bytes.toString('utf8')), partTask));
  }
  if (found !== request_count) throw damaged(place, `it holds ${found} tasks instead of ${request_count}`);
}
