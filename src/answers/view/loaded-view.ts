import { createRecent, type Recent } from '../../lib/recent.ts';
import type { Context } from '../../state/context.ts';
import { downloadOf, isCreated } from '../../state/parts.ts';
import type { BatchRecord } from '../../store/record.ts';
import type { Store } from '../../store/store.ts';
import { openTasks, type Tasks } from '../../store/task-list.ts';
import { type AnswerCheck, loadAnswerCheck } from '../check-answer.ts';
import { mergeParts } from './merge.ts';
import { type ViewedPart, viewPart } from './viewed-part.ts';

/** What is held of a batch while its answers are read: where they stand, not what they say. */
export type LoadedView = {
  tasks: Tasks;
  viewed: ViewedPart[];
  /** The part whose answer to a task counts. */
  partOf: (ordinal: number) => ViewedPart | undefined;
  /** Loaded where an answer turned out not to be as it was asked for, to say why. */
  check: () => Promise<AnswerCheck>;
};

/** Of a batch of 100,000 tasks one takes some 5 MB; who pages reads one or two batches at a time. */
const LOADED_KEPT = 3;

/** What was loaded last from a store. It describes blobs that are written once, so it never gets stale. */
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
