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

/** Tasks that a batch has already. */
export type KnownTasks = {
  /** The places of the block's tasks among all of the batch; those of a later block come behind them. */
  ordinals: readonly number[];
  /** Those of them that were given anew since they were submitted. */
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
 * Writes parts of a batch that has its tasks already, each with a list of those that it holds. They take the first numbers
 * from `next` on that are free: one that a dead process took stays unused, and of several processes that write under the
 * same at once the first goes on, and the others end with `wrong_state`.
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
        // Last, for it holds the number.
        await blobs.remove(partBody(number));
      }
    },
  };
}
