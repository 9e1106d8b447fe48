import { type FileHandle, open } from 'node:fs/promises';
import { BatchError } from '../../errors.ts';
import type { Dialect, Params } from '../../provider/dialect.ts';
import { inStore } from '../../store/files/store-failure.ts';
import { readPartTasks } from '../../store/part-tasks.ts';
import type { BatchRecord, Part } from '../../store/record.ts';
import type { BatchFolder } from '../../store/store.ts';
import { openTasks, type Span } from '../../store/task-list.ts';

/** A request as it stands in a body that was sent. */
export type SentRequest = { id: string; params: Params };

/** The requests of a batch, each as it was sent last, read by seeking. The caller closes it. */
export type SentRequests = {
  read(ordinal: number): Promise<SentRequest>;
  close(): Promise<void>;
};

type Spans = { part: Part; span: (ordinal: number) => Span | null };

/** Throws `store_damaged`, now or at reading, where a request can't be cut out of what was sent. */
export async function openSentRequests(
  folder: BatchFolder,
  record: BatchRecord,
  { requests }: Dialect,
): Promise<SentRequests> {
  const tasks = await openTasks(folder);
  // The newest first: a task that was sent again was perhaps changed then.
  const newestFirst = await Promise.all(
    record.parts.toReversed().map(async (part): Promise<Spans> => {
      if (part.tasks === 'listed') return { part, span: await listedSpans(folder, part) };
      const end = part.first_task + part.request_count;
      return {
        part,
        span: (ordinal) => (ordinal >= part.first_task && ordinal < end ? tasks.request(ordinal) : null),
      };
    }),
  );
  const handles = new Map<string, FileHandle>();

  async function readSpan(path: string, { offset, length }: Span): Promise<string> {
    const handle = handles.get(path) ?? (await open(path, 'r'));
    handles.set(path, handle);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, offset);
    return buffer.toString('utf8', 0, bytesRead);
  }

  return {
    async read(ordinal) {
      for (const { part, span } of newestFirst) {
        const found = span(ordinal);
        if (found === null) continue;
        const path = folder.partBody(part.number);
        const request = requests.decode(await inStore('read', path, () => readSpan(path, found)));
        if (request !== null) return request;
        throw notThere(path);
      }
      throw notThere(folder.tasksIndex);
    },
    async close() {
      await Promise.all([...handles.values()].map((handle) => handle.close()));
      handles.clear();
    },
  };
}

function notThere(path: string): BatchError {
  return new BatchError(
    'store_damaged',
    `A request as it was sent can't be read any more (${path} is not as it was written). Nothing was sent. Give ` +
      'the tasks that are to be sent again in requests.',
  );
}

/** Where the requests of a part that lists its tasks stand: 16 bytes each. */
async function listedSpans(folder: BatchFolder, part: Part): Promise<(ordinal: number) => Span | null> {
  const ordinals = new Uint32Array(part.request_count);
  const offsets = new Float64Array(part.request_count);
  const lengths = new Uint32Array(part.request_count);
  let position = 0;
  for await (const tasks of readPartTasks(folder.partTasks(part.number), part.request_count)) {
    for (const task of tasks) {
      ordinals[position] = task.ordinal;
      offsets[position] = task.offset;
      lengths[position] = task.length;
      position += 1;
    }
  }
  return (wanted) => {
    const at = indexOfSorted(ordinals, wanted);
    const [offset, length] = [offsets[at], lengths[at]];
    return offset === undefined || length === undefined ? null : { offset, length };
  };
}

/** The place of a number among ascending ones, -1 where it is not among them. */
function indexOfSorted(sorted: Uint32Array, wanted: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) < wanted) low = middle + 1;
    else high = middle;
  }
  return sorted[low] === wanted ? low : -1;
}
