import type { Dialect } from '../../provider/dialect.ts';
import type { Context, Limits } from '../../state/context.ts';
import { openBlobWriter } from '../../store/blob-writer.ts';
import { partBody, SCHEMAS } from '../../store/names.ts';
import type { Part } from '../../store/record.ts';
import { openSchemasWriter, type Schemas } from '../../store/schemas.ts';
import type { Blobs } from '../../store/store.ts';
import { NO_REQUEST, openTasksWriter } from '../../store/task-list.ts';
import type { Block } from '../block.ts';
import type { RequestSink } from '../gather.ts';
import { type BodiesOptions, createBodiesWriter, type OpenBody, spansOf } from './write-bodies.ts';

type RunBlock = Pick<Block, 'requests' | 'tasks' | 'packed' | 'schemas' | 'is_stand_in'>;

/** Writes the tasks and the parts' bodies, each as it is sent except for its mark. */
export type PartsWriter<B = RunBlock> = RequestSink<B> & {
  /** Writes the rest; the parts, ready to be sent. */
  finish(): Promise<Part[]>;
  /** Stops writing and removes everything except what is discarded with the staging. */
  discard(): Promise<void>;
};

/** The schemas of a block, under their hashes. */
export const schemaTexts = (schemas: Block['schemas']): Schemas =>
  new Map([...schemas].map(([hash, { schema }]) => [hash, schema]));

/** The parts of a first attempt: runs of tasks in the caller's order. */
export function createPartsWriter(
  blobs: Blobs,
  limits: Pick<Limits, 'partRequests' | 'partBytes'>,
  dialect: Pick<Dialect, 'requests' | 'requestIds'>,
  options: BodiesOptions = {},
): PartsWriter {
  const tasks = openTasksWriter(blobs);
  const schemas = openSchemasWriter(blobs, SCHEMAS);
  let number = 0;
  let isPacked = false;
  const open: OpenBody = async (hash) => {
    number += 1;
    return { number, blob: openBlobWriter(blobs, partBody(number), hash) };
  };
  const bodies = createBodiesWriter(limits, dialect, open, options);

  const tasksOf = new Map<number, number>();

  return {
    async add({ requests, tasks: lines, packed, schemas: asked, is_stand_in }) {
      const places = is_stand_in ? [] : await bodies.add({ ...requests, together: packed?.together });
      const spans = [...spansOf(places, requests.lengths)];
      const spanOf = (task: number) => spans[packed?.request[task] ?? task];
      for (const task of lines.lengths.keys()) {
        const span = spanOf(task);
        if (span !== undefined) tasksOf.set(span.number, (tasksOf.get(span.number) ?? 0) + 1);
      }
      isPacked ||= packed !== undefined && places.length > 0;
      await tasks.addLines(lines, (task) => spanOf(task) ?? NO_REQUEST);
      await schemas.add(schemaTexts(asked));
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
    async discard() {
      await bodies.abandon();
      await tasks.abort();
      await schemas.abort();
    },
  };
}

/**
 * Discards what was written for a batch, unless its record names it: on a full disk a record may have been written
 * although the call failed, or could not be undone. Where the record can't be read, the files stay.
 */
export async function discardUnnamed(
  { store }: Pick<Context, 'store'>,
  batchId: string,
  writer: Pick<PartsWriter, 'discard'>,
  written: readonly Part[],
): Promise<void> {
  const marks = new Set(written.flatMap(({ mark }) => mark?.sent ?? []));
  // Without a record nothing can be distinguished, and nothing was written either.
  const isNamed = marks.size > 0 && (await names(store, batchId, marks));
  if (!isNamed) await writer.discard();
}

async function names(store: Context['store'], batchId: string, marks: ReadonlySet<string>): Promise<boolean> {
  try {
    const record = await store.record(batchId).read();
    return record?.parts.some(({ mark }) => mark !== undefined && marks.has(mark.sent)) ?? false;
  } catch {
    return true;
  }
}
