import { type FileHandle, open } from 'node:fs/promises';
import { BatchError } from '../errors.ts';
import { parseExact } from '../lib/exact-json.ts';
import { isJsonObject, type JsonObject } from '../lib/json.ts';
import type { ResultError } from '../provider/dialect.ts';
import { dialectOf } from '../provider/dialects.ts';
import type { Context } from '../state/context.ts';
import { isCreated } from '../state/parts.ts';
import { inStore } from '../store/files/store-failure.ts';
import type { BatchRecord, Outcome } from '../store/record.ts';
import type { Store } from '../store/store.ts';
import type { TaskEntry } from '../store/task-entry.ts';
import { openTasks, type Tasks } from '../store/task-list.ts';
import { type Answer, failureOf, missingError, readSavedLine, toAnswer } from './answer.ts';
import { mergeParts } from './merge.ts';
import { createRecent, type Recent } from './recent.ts';
import { type ViewedPart, viewPart } from './viewed-part.ts';

/** All tasks of a batch with the best answers that are on disk, in the caller's order, read by seeking. */
export type View = {
  readonly count: number;
  /** Names the set of parts that it covers, and which of them are still open: another set is another view. */
  readonly parts: string;
  /** The same for every opening of the same view. */
  readonly content: object;
  outcome(ordinal: number): Outcome | 'pending';
  /** The line of a task's answer, as it was received; null where there is none. */
  line(ordinal: number): Promise<string | null>;
  /** Why a task has no finished answer; null where it has one, or is still awaited. */
  failure(ordinal: number): Promise<ResultError | null>;
  /** The answers of these tasks, in the order asked for. */
  answers(ordinals: readonly number[]): Promise<Answer[]>;
  /** The same for files, with the rows that the tasks were made of, and every number as it was written. */
  answeredRows(ordinals: readonly number[]): Promise<AnsweredRow[]>;
  /** All tasks in order, streamed in groups. */
  tasks(): AsyncIterable<TaskEntry[]>;
  close(): Promise<void>;
};

/** An answer beside the columns of its row, or the path of its file; null where its task was given by itself. */
export type AnsweredRow = { answer: Answer; row: JsonObject | null };

const exact = (text: string) => parseExact(text).value;

function rowOf({ row }: TaskEntry): JsonObject | null {
  const columns = row === undefined ? null : exact(row);
  return isJsonObject(columns) ? columns : null;
}

type LoadedView = {
  tasks: Tasks;
  viewed: ViewedPart[];
  /** The part whose answer to a task counts. */
  partOf: (ordinal: number) => ViewedPart | undefined;
};

/** Of a batch of 100,000 tasks one takes some 5 MB; who pages reads one or two batches at a time. */
const LOADED_KEPT = 3;

/** What was loaded last from a store. It describes files that are written once, so it never gets stale. */
const loaded = new WeakMap<Store, Recent<LoadedView>>();

function loadedView(context: Context, record: BatchRecord): Promise<LoadedView> {
  const recent = loaded.get(context.store) ?? createRecent<LoadedView>(LOADED_KEPT);
  loaded.set(context.store, recent);
  const parts = record.parts.map((part) => [
    part.number,
    part.body_sha256,
    isCreated(part) && part.progress.results?.saved_at,
  ]);
  return recent.get(JSON.stringify([record.batch_id, parts]), async () => {
    const tasks = await openTasks(context.store.folder(record.batch_id));
    const viewed = await Promise.all(record.parts.map((part) => viewPart(context, record, part)));
    return { tasks, viewed, partOf: mergeParts(tasks.count, viewed) };
  });
}

/** Opens what is on disk of a batch. The caller closes it. */
export async function openView(context: Context, record: BatchRecord): Promise<View> {
  const content = await loadedView(context, record);
  const dialect = dialectOf(record.provider);
  const { tasks, viewed, partOf } = content;
  const handles = new Map<string, Promise<FileHandle>>();

  async function lineOf(ordinal: number, { index, path, part }: ViewedPart): Promise<string | null> {
    const place = index?.find(ordinal) ?? null;
    if (place === null) return null;
    const opened = handles.get(path) ?? open(path, 'r');
    handles.set(path, opened);
    const { buffer, bytesRead } = await inStore('read', path, async () =>
      (await opened).read(Buffer.alloc(place.length), 0, place.length, place.offset),
    );
    if (bytesRead === place.length) return buffer.toString('utf8');
    throw new BatchError(
      'store_damaged',
      `The results file of part ${part.number} is shorter than when it was saved: ${path}. It was left as it is.`,
    );
  }

  async function answer(
    ordinal: number,
    task: TaskEntry,
    parse?: (text: string) => unknown,
  ): Promise<Answer> {
    const viewedPart = partOf(ordinal);
    if (!viewedPart?.index) return { task_id: task.task_id, outcome: 'pending' };
    const line = await lineOf(ordinal, viewedPart);
    const structured = viewedPart.structured?.has(ordinal) ?? task.structured === true;
    const result = line === null ? null : readSavedLine(dialect, line, task.custom_id ?? task.task_id);
    return toAnswer(task, structured, result, viewedPart.part.attempt, parse);
  }

  function outcome(ordinal: number): Outcome | 'pending' {
    const index = partOf(ordinal)?.index ?? null;
    return index === null ? 'pending' : (index.find(ordinal)?.outcome ?? 'missing');
  }

  async function line(ordinal: number): Promise<string | null> {
    const viewedPart = partOf(ordinal);
    return viewedPart === undefined ? null : lineOf(ordinal, viewedPart);
  }

  return {
    count: tasks.count,
    content,
    parts: viewed.map(({ part, index }) => `${part.number}${index === null ? '?' : ''}`).join('.'),
    outcome,
    line,
    async failure(ordinal) {
      const became = outcome(ordinal);
      switch (became) {
        case 'succeeded':
        case 'pending':
          return null;
        case 'missing':
          return missingError;
        case 'expired':
        case 'canceled':
          return failureOf({ outcome: became, error: null });
        case 'errored':
        case 'incomplete': {
          const text = await line(ordinal);
          return text === null ? missingError : failureOf(readSavedLine(dialect, text, ''));
        }
      }
    },
    async answers(ordinals) {
      const entries = await tasks.read(ordinals);
      return Promise.all(entries.map((task, position) => answer(ordinals[position] ?? 0, task)));
    },
    async answeredRows(ordinals) {
      const entries = await tasks.read(ordinals);
      return Promise.all(
        entries.map(async (task, position) => ({
          answer: await answer(ordinals[position] ?? 0, task, exact),
          row: rowOf(task),
        })),
      );
    },
    tasks: () => tasks.from(0),
    async close() {
      // One that could not be opened has nothing to close; whoever wanted to read it was told.
      await Promise.allSettled([...handles.values()].map(async (handle) => (await handle).close()));
      handles.clear();
    },
  };
}

/** Makes something of a whole view, once for however many openings of it. */
export function oncePerView<T>(make: (view: View) => Promise<T>): (view: View) => Promise<T> {
  const made = new WeakMap<object, Promise<T>>();
  return async (view) => {
    const found = made.get(view.content) ?? make(view);
    made.set(view.content, found);
    try {
      return await found;
    } catch (error) {
      made.delete(view.content);
      throw error;
    }
  };
}
