import type { Dialect } from '../../provider/dialect.ts';
import type { Limits } from '../../state/context.ts';
import { openBlobWriter } from '../../store/blob-writer.ts';
import { partBody, partSchemas, partTasks } from '../../store/names.ts';
import { openPartTasksWriter, type PartTasksWriter, partTaskOf } from '../../store/part-tasks.ts';
import type { Part } from '../../store/record.ts';
import { openSchemasWriter, type SchemasWriter } from '../../store/schemas.ts';
import type { Blobs } from '../../store/store.ts';
import { decodeEntries } from '../../store/task-entry.ts';
import type { Block } from '../block.ts';
import { type BodiesOptions, createBodiesWriter, type OpenBody, spansOf } from './write-bodies.ts';
import { type PartsWriter, schemaTexts } from './write-parts.ts';

/** A block of tasks that a batch already has. */
export type KnownTasks = {
  /** The ordinals of the block's tasks in the batch; later blocks have higher ones. */
  ordinals: readonly number[];
  /** Those of them that were corrected since submission. */
  corrected?: ReadonlySet<number>;
};

type PartList = {
  number: number;
  first_task: number;
  count: number;
  isPacked: boolean;
  tasks: PartTasksWriter;
  schemas: SchemasWriter;
};

/**
 * Writes parts of a batch that already has its tasks, each with a list of its own. They take the first free numbers
 * from `next` on: one that a dead process took stays unused. Of several processes that use the same number at once
 * the first continues, and the others fail with `wrong_state`.
 */
export function createListedPartsWriter(
  blobs: Blobs,
  limits: Pick<Limits, 'partRequests' | 'partBytes'>,
  dialect: Pick<Dialect, 'requests' | 'requestIds'>,
  { next, attempt, alone }: { next: number; attempt: number } & BodiesOptions,
): PartsWriter<Pick<Block, 'requests' | 'tasks' | 'packed' | 'schemas'> & KnownTasks> {
  const lists = new Map<number, PartList>();
  let open: PartList | undefined;
  let last = next - 1;
  const begin: OpenBody = async (hash) => {
    do last += 1;
    while ((await blobs.size(partBody(last))) !== null);
    return { number: last, blob: openBlobWriter(blobs, partBody(last), hash) };
  };
  const bodies = createBodiesWriter(limits, dialect, begin, { alone });

  async function listOf(number: number, first_task: number): Promise<PartList> {
    if (open?.number === number) return open;
    await open?.tasks.close();
    await open?.schemas.close();
    const tasks = openPartTasksWriter(blobs, number);
    const schemas = openSchemasWriter(blobs, partSchemas(number));
    open = { number, first_task, count: 0, isPacked: false, tasks, schemas };
    lists.set(number, open);
    return open;
  }

  return {
    async add({ requests, tasks, packed, schemas, ordinals, corrected }) {
      const entries = decodeEntries('the tasks of a part', Buffer.from(tasks.bytes));
      const places = await bodies.add(requests);
      const spans = [...spansOf(places, requests.lengths)];
      const placed = entries.flatMap((entry, task) => {
        const [span, ordinal] = [spans[packed?.request[task] ?? task], ordinals[task]];
        return span === undefined || ordinal === undefined ? [] : [{ entry, ordinal, ...span }];
      });
      for (const { number } of places) {
        const own = placed.filter((task) => task.number === number).sort((a, b) => a.ordinal - b.ordinal);
        const list = await listOf(number, own[0]?.ordinal ?? 0);
        for (const { entry, ordinal, offset, length } of own) {
          const isCorrected = corrected?.has(ordinal) ?? false;
          await list.tasks.add({
            ordinal,
            ...partTaskOf(entry),
            ...(isCorrected && { corrected: true }),
            offset,
            length,
          });
          list.count += 1;
          list.isPacked ||= entry.pack !== undefined;
        }
        await list.schemas.add(schemaTexts(schemas));
      }
    },
    async finish() {
      const written = await bodies.finish();
      await open?.tasks.close();
      await open?.schemas.close();
      return written.map(({ number, request_count, bytes, sha256, mark }): Part => {
        const { count = request_count, first_task = 0, isPacked = false } = lists.get(number) ?? {};
        return {
          number,
          attempt,
          request_count: count,
          ...(isPacked && { packs: request_count }),
          first_task,
          tasks: 'listed',
          body_bytes: bytes,
          body_sha256: sha256,
          mark,
          progress: { state: 'prepared' },
        };
      });
    },
    async discard() {
      await bodies.abandon();
      await open?.tasks.abort();
      await open?.schemas.abort();
      for (const { number } of bodies.written()) {
        await blobs.remove(partTasks(number));
        await blobs.remove(partSchemas(number));
        // Last, as it reserves the number.
        await blobs.remove(partBody(number));
      }
    },
  };
}
