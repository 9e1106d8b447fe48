import { BatchError } from '../../errors.ts';
import { createRecent, type Recent } from '../../lib/recent.ts';
import type { Context } from '../../state/context.ts';
import { downloadOf, isCreated, resultsOf } from '../../state/parts.ts';
import { partExpiresAt } from '../../state/status.ts';
import { readPartTasks } from '../../store/part-tasks.ts';
import type { BatchRecord, CreatedPart, Part } from '../../store/record.ts';
import { type ResultsIndex, readResultsIndex, writeResultsIndex } from '../../store/results-index.ts';
import type { Blobs, Store } from '../../store/store.ts';
import { requireWhole } from '../../store/stored-json.ts';
import { openTasks, type Tasks } from '../../store/task-list.ts';
import type { AnswerForm } from '../answer-json.ts';
import { isAsWritten } from '../as-written.ts';
import { type AnswerCheck, loadAnswerCheck } from '../check-answer.ts';
import { scanPart } from '../download/scan-results.ts';
import { type AttemptedPart, mergeParts } from './merge.ts';

/** What is held of a batch while its answers are read: where they are, not what they say. */
export type LoadedView = {
  tasks: Tasks;
  viewed: ViewedPart[];
  /** The part whose answer to a task counts. */
  partOf: (ordinal: number) => ViewedPart | undefined;
  /** Loaded only when an answer broke its schema, to say why. */
  check: () => Promise<AnswerCheck>;
};

/** One of 100,000 tasks takes about 5 MB; a caller pages through one or two batches at a time. */
const LOADED_KEPT = 3;

/** What was loaded last from each store. It describes blobs that are written once, so it never gets stale. */
const loaded = new WeakMap<Store, Recent<LoadedView>>();

/** Loads what is saved of a batch, or finds it as it was loaded before. */
export function loadView(context: Context, record: BatchRecord): Promise<LoadedView> {
  const recent = loaded.get(context.store) ?? createRecent<LoadedView>(LOADED_KEPT);
  loaded.set(context.store, recent);
  const parts = record.parts.map((part) => [
    part.number,
    part.body_sha256,
    isCreated(part) && [part.progress.results?.saved_at, downloadOf(part)],
  ]);
  return recent.get(JSON.stringify([record.batch_id, parts]), async () => {
    const blobs = context.store.blobs(record.batch_id);
    const tasks = await openTasks(blobs, record.request_count);
    const viewed = await Promise.all(record.parts.map((part) => viewPart(context, record, part)));
    let check: Promise<AnswerCheck> | undefined;
    const loadCheck = () => {
      check ??= loadAnswerCheck(blobs, record);
      return check;
    };
    return { tasks, viewed, partOf: mergeParts(tasks.count, viewed), check: loadCheck };
  });
}

/** A part of an opened view. */
export type ViewedPart = AttemptedPart & {
  /** The forms that its answers must have, if the part has a list of its own; otherwise the batch's list tells. */
  readonly forms: ReadonlyMap<number, AnswerForm> | null;
};

/** What is saved of a part: where its answers are, and its tasks if it lists them. */
async function viewPart(context: Context, record: BatchRecord, part: Part): Promise<ViewedPart> {
  const saved = isCreated(part) && part.progress.results !== null;
  const index = saved ? await openIndex(context, record, part) : null;
  return { part, index, ...(await listOf(context.store.blobs(record.batch_id), part)) };
}

async function listOf(blobs: Blobs, part: Part): Promise<Pick<ViewedPart, 'listed' | 'forms'>> {
  if (part.tasks === 'run') return { listed: null, forms: null };
  // Which tasks of a stage are repeated is known only when the stage below has ended.
  if (part.body_bytes === 0) return { listed: new Uint32Array(0), forms: null };
  const listed = new Uint32Array(part.request_count);
  const forms = new Map<number, AnswerForm>();
  let position = 0;
  for await (const tasks of readPartTasks(blobs, part)) {
    for (const task of tasks) {
      listed[position] = task.ordinal;
      position += 1;
      if (task.structured) forms.set(task.ordinal, { schema: task.schema ?? null });
    }
  }
  return { listed, forms };
}

/** A part's index; one that is lost or damaged is made again from the results. */
export async function openIndex(
  context: Context,
  record: BatchRecord,
  part: CreatedPart,
): Promise<ResultsIndex> {
  const bytes = part.progress.results?.bytes ?? 0;
  const blobs = context.store.blobs(record.batch_id);
  const name = resultsOf(part);
  if ((await blobs.size(name)) === null) requireNotExpired(context, record, part, blobs.describe(name));
  await requireWhole(blobs, name, bytes);
  await requireOwn(context, record, part, name);
  const known = await readResultsIndex(blobs, part.number, bytes, downloadOf(part));
  if (known !== null) return known;
  const { index } = await scanPart(context, record, part, blobs.read(name));
  await writeResultsIndex(blobs, part.number, index, downloadOf(part));
  return index;
}

/** Results of another batch, put in place of a part's own, can have the very same ids: none of them must be shown. */
async function requireOwn(
  { store, catalog }: Context,
  record: BatchRecord,
  part: CreatedPart,
  name: string,
): Promise<void> {
  const { results } = part.progress;
  // Results of tasks that share requests were made here, and have no mark.
  if (results === null || part.packs !== undefined) return;
  if (await isAsWritten(store, record.batch_id, name, results)) return;
  const blobs = store.blobs(record.batch_id);
  const { isMarked, isOfAnother } = await scanPart({ store, catalog }, record, part, blobs.read(name));
  if (isMarked !== false || !isOfAnother) return;
  throw new BatchError(
    'store_damaged',
    `${blobs.describe(name)} holds the results of another batch. It was left as it is; restore it from a backup.`,
  );
}

/** Results that are gone are fetched again, unless the provider has dropped them too. */
function requireNotExpired(context: Context, record: BatchRecord, part: CreatedPart, place: string): void {
  const expires = partExpiresAt(record, part);
  if (expires > context.now().getTime()) return;
  throw new BatchError(
    'store_damaged',
    `${place} is missing, and the API kept these results only until ${new Date(expires).toISOString()}: they can't be ` +
      'fetched again. Restore the file from a backup, or submit the work again with force_new, which pays again.',
  );
}
