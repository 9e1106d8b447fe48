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

/** A body of a retry, with the ordinal of its first task. */
export type RetriedBody = WrittenBody & { first_task: number };

export type RetryFiles = {
  /** `schema` is what its answer is checked by, under its hash. */
  add(task: RetriedTask, request: Buffer, schema: Schemas): Promise<void>;
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
  const firsts = new Map<number, number>();
  let list: { number: number; tasks: PartTasksWriter; schemas: SchemasWriter } | null = null;
  let last = next - 1;
  const bodies = createBodiesWriter(limits, dialect, async (hash) => {
    do last += 1;
    while ((await blobs.size(partBody(last))) !== null);
    return { number: last, blob: openBlobWriter(blobs, partBody(last), hash) };
  });

  return {
    async add(task, request, schema) {
      const { length } = request;
      const [place] = await bodies.add({ bytes: request, lengths: Uint32Array.of(length) });
      if (place === undefined) throw new BatchError('internal', 'A request that is sent again fits no body.');
      const { number, offset } = place;
      if (list?.number !== number) {
        await list?.tasks.close();
        await list?.schemas.close();
        const schemas = openSchemasWriter(blobs, partSchemas(number));
        list = { number, tasks: openPartTasksWriter(blobs, number), schemas };
        firsts.set(number, task.ordinal);
      }
      await list.tasks.add({ ...task, offset, length });
      await list.schemas.add(schema);
    },
    async finish() {
      const written = await bodies.finish();
      await list?.tasks.close();
      await list?.schemas.close();
      return written.map((body) => ({ ...body, first_task: firsts.get(body.number) ?? 0 }));
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
