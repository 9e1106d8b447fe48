import { BatchError } from '../../errors.ts';
import { splitLines } from '../../lib/lines.ts';
import { ownId } from '../../lib/mark.ts';
import type { Dialect } from '../../provider/dialect.ts';
import { dialectOf } from '../../provider/dialects.ts';
import type { Context } from '../../state/context.ts';
import { TASKS } from '../../store/names.ts';
import type { BatchRecord, CreatedPart, PartMark } from '../../store/record.ts';
import { openTasksWriter } from '../../store/task-list.ts';
import { resultsAtProvider } from './results-at-provider.ts';
import { cameShort, pauseBefore } from './shortfall.ts';

/** Sorts numbered ids by their numbers: row-2 before row-10. */
const inOrder = new Intl.Collator('en', { numeric: true });

/**
 * Writes the tasks of a batch that another program made, from the ids in its results. Their order is not known, so
 * they are sorted by id. Does nothing where they are already written. Returns the part, with its mark where the batch
 * is one of ours from another computer.
 */
export async function writeAdoptedTasks(
  context: Context,
  record: BatchRecord,
  part: CreatedPart,
): Promise<CreatedPart> {
  const blobs = context.store.blobs(record.batch_id);
  if ((await blobs.size(TASKS)) !== null) return part;
  const ids = await readIds(context, record, part);
  const mark = markAmong(ids.map(({ id }) => id));
  const marked = mark === null ? part : { ...part, mark };
  await context.store
    .record(record.batch_id)
    .update(
      (current) => current && mark && { ...current, parts: current.parts.map((each) => ({ ...each, mark })) },
    );
  const writer = openTasksWriter(blobs);
  try {
    for (const { id, model } of ids) {
      const task_id = id === mark?.sent ? mark.own : id;
      await writer.add({ task_id, model }, { offset: 0, length: 0 });
    }
    await writer.close();
    return marked;
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

/** The mark among these ids; null where there is none, or the id that it stands for is another task's. */
function markAmong(ids: readonly string[]): PartMark | null {
  const taken = new Set(ids);
  for (const sent of ids) {
    const own = ownId(sent);
    // There is no body here to hold the mark.
    if (own !== sent && !taken.has(own)) return { sent, own, offset: 0, length: 0 };
  }
  return null;
}

type AdoptedTask = { id: string; model: string };

/**
 * The tasks that the results name, read until they are complete, a few times at most. What the last of several clean
 * downloads still lacks is a task of which only the count is known: it will be missing.
 */
async function readIds(context: Context, record: BatchRecord, part: CreatedPart): Promise<AdoptedTask[]> {
  const { provider_batch_id } = part.progress;
  let found = new Map<string, string>();
  let clean = true;
  for (let fetch = 1; fetch <= context.limits.downloads; fetch += 1) {
    await pauseBefore(context, fetch);
    try {
      const results = resultsAtProvider(context, record, part);
      found = await modelsById(results, dialectOf(record.provider));
      if (found.size === part.request_count) break;
    } catch (error) {
      if (fetch === context.limits.downloads || !(error instanceof BatchError)) throw error;
      clean = false;
    }
  }
  const lacking = part.request_count - found.size;
  if (lacking < 0 || (lacking > 0 && (!clean || found.size === 0))) throw cameShort(provider_batch_id);
  const named = [...found].map(([id, model]) => ({ id, model }));
  return [...named.sort((a, b) => inOrder.compare(a.id, b.id)), ...unnamed(lacking, found)];
}

async function modelsById(chunks: AsyncIterable<Uint8Array>, dialect: Dialect): Promise<Map<string, string>> {
  const models = new Map<string, string>();
  for await (const lines of splitLines(chunks)) {
    for (const { bytes } of lines) {
      const result = dialect.results.count(bytes);
      if (result !== null) models.set(result.request_id, result.usage?.model ?? '');
    }
  }
  return models;
}

/** Tasks with made-up ids that no other has. */
function unnamed(count: number, taken: ReadonlyMap<string, string>): AdoptedTask[] {
  const tasks: AdoptedTask[] = [];
  for (let number = 1; tasks.length < count; number += 1) {
    const id = `unnamed_${number}`;
    if (!taken.has(id)) tasks.push({ id, model: '' });
  }
  return tasks;
}
