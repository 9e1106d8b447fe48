import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { BatchError } from '../errors.ts';
import type { BatchRecord, CreatedPart, Outcome } from '../store/record.ts';
import { type ResultsIndex, readResultsIndex, writeResultsIndex } from '../store/results-index.ts';
import { openTasks, type TaskEntry } from '../store/tasks-file.ts';
import { type Answer, toAnswer } from './answer.ts';
import { expectedTasks } from './collect.ts';
import type { Context } from './context.ts';
import { isCreated } from './parts.ts';
import { readResultLine } from './result-line.ts';
import { scanResults } from './scan-results.ts';

/** All tasks of a batch with the answers that are on disk, in the caller's order, read by seeking. */
export type View = {
  readonly count: number;
  /** Names the set of parts that it covers: another set is another view. */
  readonly parts: string;
  outcome(ordinal: number): Outcome | 'pending';
  /** The answers of these tasks, in the order asked for. */
  answers(ordinals: readonly number[]): Promise<Answer[]>;
  tasks(): AsyncIterable<TaskEntry>;
  close(): Promise<void>;
};

type ViewedPart = { part: CreatedPart; index: ResultsIndex; path: string };

/** Opens what is on disk of a batch. The caller closes it. */
export async function openView(context: Context, record: BatchRecord): Promise<View> {
  const tasks = await openTasks(context.store.folder(record.batch_id));
  const viewed = await Promise.all(
    record.parts
      .filter(isCreated)
      .filter(({ progress }) => progress.results !== null)
      .map((part) => viewPart(context, record, part)),
  );
  const handles = new Map<string, FileHandle>();

  /** Which part has a task's answer, or would have it. */
  const partOf = (ordinal: number) =>
    viewed.find(({ part }) => ordinal >= part.first_task && ordinal < part.first_task + part.request_count);

  async function lineOf(ordinal: number, { index, path, part }: ViewedPart): Promise<string | null> {
    const place = index.find(ordinal);
    if (place === null) return null;
    const handle = handles.get(path) ?? (await open(path, 'r'));
    handles.set(path, handle);
    const { buffer, bytesRead } = await handle.read(
      Buffer.alloc(place.length),
      0,
      place.length,
      place.offset,
    );
    if (bytesRead === place.length) return buffer.toString('utf8');
    throw new BatchError(
      'store_damaged',
      `The results file of part ${part.number} is shorter than when it was saved: ${path}. It was left as it is.`,
    );
  }

  async function answer(ordinal: number, task: TaskEntry): Promise<Answer> {
    const viewedPart = partOf(ordinal);
    if (viewedPart === undefined) return { task_id: task.task_id, outcome: 'pending' };
    const line = await lineOf(ordinal, viewedPart);
    return toAnswer(task, line === null ? null : readResultLine(line), viewedPart.part.attempt);
  }

  return {
    count: tasks.count,
    parts: viewed.map(({ part }) => part.number).join('.'),
    outcome(ordinal) {
      const viewedPart = partOf(ordinal);
      if (viewedPart === undefined) return 'pending';
      return viewedPart.index.find(ordinal)?.outcome ?? 'missing';
    },
    async answers(ordinals) {
      const entries = await tasks.read(ordinals);
      const answers: Answer[] = [];
      for (const [position, task] of entries.entries()) {
        answers.push(await answer(ordinals[position] ?? 0, task));
      }
      return answers;
    },
    tasks: () => tasks.all(),
    async close() {
      await Promise.all([...handles.values()].map((handle) => handle.close()));
      handles.clear();
    },
  };
}

/** A part's index; one that is lost or damaged is made again from the results. */
async function viewPart(context: Context, record: BatchRecord, part: CreatedPart): Promise<ViewedPart> {
  const folder = context.store.folder(record.batch_id);
  const path = folder.partResults(part.number);
  const indexPath = folder.partResultsIndex(part.number);
  const known = await readResultsIndex(indexPath, part.progress.results?.bytes ?? 0);
  if (known !== null) return { part, path, index: known };
  const expected = await expectedTasks(context, record, part);
  const { index } = await scanResults(createReadStream(path), expected, context.catalog);
  if (index.resultsBytes !== part.progress.results?.bytes) {
    throw new BatchError(
      'store_damaged',
      `The results file of part ${part.number} is not as it was saved: ${path}.`,
    );
  }
  await writeResultsIndex(indexPath, index);
  return { part, path, index };
}
