import { BatchError } from '../../errors.ts';
import type { Dialect } from '../../provider/dialect.ts';
import type { Limits } from '../../state/context.ts';
import { partBody, partSchemas, partTasks } from '../../store/blob-names.ts';
import { openBlobWriter } from '../../store/blob-writer.ts';
import { openPartTasksWriter, type PartTask, type PartTasksWriter } from '../../store/part-tasks.ts';
import { openSchemasWriter, type Schemas, type SchemasWriter } from '../../store/schemas.ts';
import type { Blobs } from '../../store/store.ts';
import { createBodiesWriter, type WrittenBody } from '../../tasks/write-bodies.ts';

/** A request that is sent again, in the caller's order. */
export type RetriedTask = Omit<PartTask, 'offset' | 'length'>;

/** A body of a retry: how many tasks it holds, and the ordinal of the first; `packs` is how many requests, where tasks share some. */
export type RetriedBody = WrittenBody & { first_task: number; packs?: number };

export type RetryFiles = {
  /** Several tasks where they share the request; `schema` is what their answers are checked by, under its hash. */
  add(tasks: readonly RetriedTask[], request: Buffer, schema: Schemas): Promise<void>;
  /** Writes the rest. */
  finish(): Promise<RetriedBody[]>;
  /** Removes all that was written: nothing of it is in the record. */
  discard(): Promise<void>;
};

/**
 * Writes the bodies of a retry and the lists of their tasks among the batch's blobs, under the first numbers from `next`
 * on that are free. One that a dead process took stays unused; of several processes that write under the same at once
 * the first goes on, and the others end with `wrong_state`.
 */
export function createRetryFiles(
  blobs: Blobs,
  limits: Pick<Limits, 'partRequests' | 'partBytes'>,
  dialect: Pick<Dialect, 'requests' | 'requestIds'>,
  next: number,
): RetryFiles {
  const held = new Map<number, { first_task: number; tasks: number; isPacked: boolean }>();
  let list: { number: number; tasks: PartTasksWriter; schemas: SchemasWriter } | null = null;
  let last = next - 1;
  const bodies = createBodiesWriter(limits, dialect, async (hash) => {
    do last += 1;
    while ((await blobs.size(partBody(last))) !== null);
    return { number: last, blob: openBlobWriter(blobs, partBody(last), hash) };
  });

  return {
    async add(tasks, request, schema) {
      const { length } = request;
      const [place] = await bodies.add({ bytes: request, lengths: Uint32Array.of(length) });
      if (place === undefined) throw new BatchError('internal', 'A request that is sent again fits no body.');
      const { number, offset } = place;
      if (list?.number !== number) {
        await list?.tasks.close();
        await list?.schemas.close();
        const schemas = openSchemasWriter(blobs, partSchemas(number));
        list = { number, tasks: openPartTasksWriter(blobs, number), schemas };
        held.set(number, { first_task: tasks[0]?.ordinal ?? 0, tasks: 0, isPacked: false });
      }
      for (const task of tasks) await list.tasks.add({ ...task, offset, length });
      const sum = held.get(number);
      if (sum !== undefined) {
        sum.tasks += tasks.length;
        sum.isPacked ||= tasks.some(({ pack }) => pack !== undefined);
      }
      await list.schemas.add(schema);
    },
    async finish() {
      const written = await bodies.finish();
      await list?.tasks.close();
      await list?.schemas.close();
      return written.map(({ request_count, ...body }) => {
        const { first_task = 0, tasks = request_count, isPacked = false } = held.get(body.number) ?? {};
        return { ...body, request_count: tasks, first_task, ...(isPacked && { packs: request_count }) };
      });
    },
    async discard() {
      await bodies.abandon();
      await list?.tasks.abort();
      await list?.schemas.abort();
      for (const { number } of bodies.written()) {
        await blobs.remove(partTasks(number));
        await blobs.remove(partSchemas(number));
        // Last, for it holds the number.
        await blobs.remove(partBody(number));
      }
    },
  };
}
