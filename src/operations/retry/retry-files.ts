import type { Hash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { BatchError, hasErrorCode } from '../../errors.ts';
import { syncFolder } from '../../lib/durable-write.ts';
import { createFileWriter, type FileWriter } from '../../lib/file-writer.ts';
import type { Dialect } from '../../provider/dialect.ts';
import type { Limits } from '../../state/context.ts';
import { inStore } from '../../store/files/store-failure.ts';
import { guardWriter } from '../../store/files/store-files.ts';
import { createPartTasksWriter, type PartTask, type PartTasksWriter } from '../../store/part-tasks.ts';
import type { BatchFolder } from '../../store/store.ts';
import { createBodiesWriter, type WrittenBody } from '../../tasks/write-bodies.ts';

/** A request that is sent again, in the caller's order. */
export type RetriedTask = Omit<PartTask, 'offset' | 'length'>;

/** A body of a retry, with the ordinal of its first task. */
export type RetriedBody = WrittenBody & { first_task: number };

export type RetryFiles = {
  add(task: RetriedTask, request: Buffer): Promise<void>;
  /** Writes all through to the disk. */
  finish(): Promise<RetriedBody[]>;
  /** Removes all that was written: nothing of it is in the record. */
  discard(): Promise<void>;
};

/**
 * Writes the bodies of a retry and the lists of their tasks into the batch's folder, from the number `next` on.
 * A number is taken by creating its body, so that of several processes each has its own; one that a dead process
 * took stays unused.
 */
export function createRetryFiles(
  folder: BatchFolder,
  limits: Pick<Limits, 'partRequests' | 'partBytes'>,
  { requests }: Pick<Dialect, 'requests'>,
  next: number,
): RetryFiles {
  const taken: number[] = [];
  const firsts = new Map<number, number>();
  let list: { number: number; tasks: PartTasksWriter } | null = null;
  const bodies = createBodiesWriter(limits, requests.body, async (hash) => {
    const body = await takeNumber(folder, Math.max(next, (taken.at(-1) ?? 0) + 1), hash);
    taken.push(body.number);
    return body;
  });

  return {
    async add(task, request) {
      const { length } = request;
      const [place] = await bodies.add({ bytes: request, lengths: Uint32Array.of(length) });
      if (place === undefined) throw new BatchError('internal', 'A request that is sent again fits no body.');
      const { number, offset } = place;
      if (list?.number !== number) {
        await list?.tasks.close();
        list = { number, tasks: await createPartTasksWriter(folder.partTasks(number)) };
        firsts.set(number, task.ordinal);
      }
      await list.tasks.add({ ...task, offset, length });
    },
    async finish() {
      const written = await bodies.finish();
      await list?.tasks.close();
      await inStore('write', folder.path, () => syncFolder(folder.path));
      return written.map((body) => ({ ...body, first_task: firsts.get(body.number) ?? 0 }));
    },
    async discard() {
      await bodies.abandon();
      await list?.tasks.abort();
      for (const number of taken) {
        await rm(folder.partTasks(number), { force: true });
        // Last, for it holds the number.
        await rm(folder.partBody(number), { force: true });
      }
    },
  };
}

async function takeNumber(
  folder: BatchFolder,
  from: number,
  hash: Hash,
): Promise<{ number: number; file: FileWriter }> {
  for (let number = from; ; number += 1) {
    const path = folder.partBody(number);
    const file = await inStore('write', path, () => createIfFree(path, hash));
    if (file !== null) return { number, file };
  }
}

async function createIfFree(path: string, hash: Hash): Promise<FileWriter | null> {
  try {
    return guardWriter(path, await createFileWriter(path, { hash }));
  } catch (error) {
    if (hasErrorCode(error, 'EEXIST')) return null;
    throw error;
  }
}
