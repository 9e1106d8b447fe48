import * as z from 'zod';
import { BatchError } from '../errors.ts';
import { splitLines } from '../lib/lines.ts';
import { createStoreWriter, readStoreFile } from './files/store-files.ts';

const count = z.int().nonnegative();

const partTask = z.object({
  /** Its place among all tasks of the batch, from 0. */
  ordinal: count,
  custom_id: z.string(),
  /** Only where the task has one. */
  task_type: z.string().exactOptional(),
  /** What it was sent with, which a retry may have changed. */
  model: z.string(),
  /** Present where the answer is JSON. */
  structured: z.literal(true).exactOptional(),
  /** Where its request stands in the part's body, in bytes. */
  offset: count,
  length: count,
});

/** A task as one part sent it: what a retry needs that the run of an attempt's tasks does not tell. */
export type PartTask = z.infer<typeof partTask>;

export type PartTasksWriter = {
  /** Tasks in the caller's order. */
  add(task: PartTask): Promise<void>;
  /** Writes the rest, through to the disk. */
  close(): Promise<void>;
  /** Closes the file as it is, for one that is removed. */
  abort(): Promise<void>;
};

/** Creates the list of a part's tasks, which must not exist; written once. */
export async function createPartTasksWriter(path: string): Promise<PartTasksWriter> {
  const lines = await createStoreWriter(path);
  return {
    add: (task) => lines.write(`${JSON.stringify(task)}\n`),
    async close() {
      await lines.finish();
    },
    abort: () => lines.close(),
  };
}

function damaged(path: string, problem: string, cause?: unknown): BatchError {
  return new BatchError(
    'store_damaged',
    `${path} can't be read: ${problem}. It was left as it is; restore it from a backup.`,
    { cause },
  );
}

function decode(path: string, text: string): PartTask {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's own error is dropped, for it quotes what the file holds.
    throw damaged(path, 'a line of it is not JSON');
  }
  const task = partTask.safeParse(json);
  if (!task.success) throw damaged(path, 'a line of it is not a task', task.error);
  return task.data;
}

/**
 * The tasks of a part that lists them, ascending by ordinal, streamed in groups. Throws `store_damaged` where
 * there are not `expected` of them.
 */
export async function* readPartTasks(path: string, expected: number): AsyncGenerator<PartTask[]> {
  let found = 0;
  for await (const lines of splitLines(readStoreFile(path))) {
    found += lines.length;
    yield lines.map(({ bytes }) => decode(path, bytes.toString('utf8')));
  }
  if (found !== expected) throw damaged(path, `it holds ${found} tasks instead of ${expected}`);
}
