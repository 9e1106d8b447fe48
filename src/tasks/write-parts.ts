import type { Dialect } from '../provider/dialect.ts';
import type { Limits } from '../state/context.ts';
import { createStoreWriter } from '../store/files/store-files.ts';
import type { Part } from '../store/record.ts';
import type { BatchFolder } from '../store/store.ts';
import { createTasksWriter, type Span } from '../store/task-list.ts';
import type { RequestSink } from './prepare.ts';
import { createBodiesWriter, type RunPlace } from './write-bodies.ts';

/** Writes the tasks and the parts' bodies, each body in the form in which it is sent. */
export type PartsWriter = RequestSink & {
  /** Writes all through to the disk; the parts, ready to be sent. */
  finish(): Promise<Part[]>;
  /** Closes what is open, for the folder to be removed. */
  abandon(): Promise<void>;
};

/** Where each of the requests stands in its body. */
function spansOf(places: readonly RunPlace[], lengths: Uint32Array): Span[] {
  return places.flatMap(({ offset, from, to }) => {
    let at = offset;
    return Array.from(lengths.subarray(from, to), (length): Span => {
      const span = { offset: at, length };
      at += length + 1;
      return span;
    });
  });
}

/** The parts of a first attempt: runs of tasks in the caller's order. */
export async function createPartsWriter(
  folder: BatchFolder,
  limits: Pick<Limits, 'partRequests' | 'partBytes'>,
  { requests }: Pick<Dialect, 'requests'>,
): Promise<PartsWriter> {
  const tasks = await createTasksWriter(folder);
  let number = 0;
  const bodies = createBodiesWriter(limits, requests.body, async (hash) => {
    number += 1;
    return { number, file: await createStoreWriter(folder.partBody(number), { hash }) };
  });

  return {
    async add({ requests, tasks: lines }) {
      const spans = spansOf(await bodies.add(requests), requests.lengths);
      await tasks.addLines(lines, (index) => spans[index] ?? { offset: 0, length: 0 });
    },
    async finish() {
      const written = await bodies.finish();
      // Closed last, for it syncs the folder, and with it the names of the bodies.
      await tasks.close();
      let first_task = 0;
      return written.map((body): Part => {
        first_task += body.request_count;
        return {
          number: body.number,
          attempt: 1,
          request_count: body.request_count,
          first_task: first_task - body.request_count,
          tasks: 'run',
          body_bytes: body.bytes,
          body_sha256: body.sha256,
          progress: { state: 'prepared' },
        };
      });
    },
    async abandon() {
      await bodies.abandon();
      await tasks.abort();
    },
  };
}
