import type { Dialect } from '../provider/dialect.ts';
import type { Limits } from '../state/context.ts';
import { partBody, SCHEMAS } from '../store/blob-names.ts';
import { openBlobWriter } from '../store/blob-writer.ts';
import type { Part } from '../store/record.ts';
import { openSchemasWriter } from '../store/schemas.ts';
import type { Blobs, Span } from '../store/store.ts';
import { NO_REQUEST, openTasksWriter } from '../store/task-list.ts';
import type { RequestSink } from './prepare.ts';
import { createBodiesWriter, type RunPlace } from './write-bodies.ts';

/** Writes the tasks and the parts' bodies, each body in the form in which it is sent but for its mark. */
export type PartsWriter = RequestSink & {
  /** Writes the rest; the parts, ready to be sent. */
  finish(): Promise<Part[]>;
  /** Ends what is being written, for all of it to be removed. */
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

const sum = (counts: Uint32Array): number => counts.reduce((total, count) => total + count, 0);

/** Tasks that share a request have it at one place. */
function perTask(spans: readonly Span[], tasks: Uint32Array | undefined): readonly Span[] {
  if (tasks === undefined) return spans;
  return spans.flatMap((span, index) => Array.from({ length: tasks[index] ?? 0 }, () => span));
}

/** The parts of a first attempt: runs of tasks in the caller's order. */
export function createPartsWriter(
  blobs: Blobs,
  limits: Pick<Limits, 'partRequests' | 'partBytes'>,
  dialect: Pick<Dialect, 'requests' | 'requestIds'>,
): PartsWriter {
  const tasks = openTasksWriter(blobs);
  const schemas = openSchemasWriter(blobs, SCHEMAS);
  let number = 0;
  let isPacked = false;
  const bodies = createBodiesWriter(limits, dialect, async (hash) => {
    number += 1;
    return { number, blob: openBlobWriter(blobs, partBody(number), hash) };
  });

  const tasksOf = new Map<number, number>();

  return {
    async add({ requests, tasks: lines, packed, schemas: asked, is_stand_in }) {
      const places = is_stand_in ? [] : await bodies.add(requests);
      const spans = perTask(spansOf(places, requests.lengths), packed?.tasks);
      for (const { number, from, to } of places) {
        const count = packed === undefined ? to - from : sum(packed.tasks.subarray(from, to));
        tasksOf.set(number, (tasksOf.get(number) ?? 0) + count);
        isPacked ||= packed !== undefined;
      }
      await tasks.addLines(lines, (index) => spans[index] ?? NO_REQUEST);
      await schemas.add(new Map([...asked].map(([hash, { schema }]) => [hash, schema])));
    },
    async finish() {
      const [written] = await Promise.all([bodies.finish(), tasks.close(), schemas.close()]);
      let first_task = 0;
      return written.map((body): Part => {
        const request_count = tasksOf.get(body.number) ?? 0;
        first_task += request_count;
        return {
          number: body.number,
          attempt: 1,
          request_count,
          ...(isPacked && { packs: body.request_count }),
          first_task: first_task - request_count,
          tasks: 'run',
          body_bytes: body.bytes,
          body_sha256: body.sha256,
          mark: body.mark,
          progress: { state: 'prepared' },
        };
      });
    },
    async abandon() {
      await bodies.abandon();
      await tasks.abort();
      await schemas.abort();
    },
  };
}
