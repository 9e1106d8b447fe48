import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { BatchError, hasErrorCode } from '../../errors.ts';
import { syncFolder } from '../../files/durable-write.ts';
import { splitLines } from '../../files/lines.ts';
import type { BatchRecord, CreatedPart } from '../../store/record.ts';
import type { BatchFolder } from '../../store/store.ts';
import { createTasksWriter } from '../../store/tasks-file.ts';
import type { Context } from '../context.ts';
import { readResultLine } from './result-line.ts';

/** Ids that programs count up come in the order of their numbers: row-2 before row-10. */
const inOrder = new Intl.Collator('en', { numeric: true });

/**
 * Writes the tasks of a batch that another program made, from the ids in its results. Their order is not known,
 * so they stand by id. Does nothing where they are written already.
 */
export async function writeAdoptedTasks(
  context: Context,
  record: BatchRecord,
  part: CreatedPart,
): Promise<void> {
  const folder = context.store.folder(record.batch_id);
  if (await exists(folder.tasks)) return;
  const ids = await readIds(context, record, part);
  const unfinished = path.join(folder.path, `adopting-${randomUUID()}`);
  await mkdir(unfinished, { mode: 0o700 });
  try {
    const own: BatchFolder = {
      ...folder,
      path: unfinished,
      tasks: path.join(unfinished, 'tasks.jsonl'),
      tasksIndex: path.join(unfinished, 'tasks.idx'),
    };
    const writer = await createTasksWriter(own);
    for (const { id, model } of ids) await writer.add({ task_id: id, model }, { offset: 0, length: 0 });
    await writer.close();
    // The index first: the tasks file says that both are there.
    await rename(own.tasksIndex, folder.tasksIndex);
    await rename(own.tasks, folder.tasks);
    await syncFolder(folder.path);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

type AdoptedTask = { id: string; model: string };

/** Reads the results until they are whole, a few times at most. */
async function readIds(context: Context, record: BatchRecord, part: CreatedPart): Promise<AdoptedTask[]> {
  const { provider_batch_id } = part.progress;
  for (let fetch = 1; fetch <= context.limits.downloads; fetch += 1) {
    const models = new Map<string, string>();
    for await (const lines of splitLines(
      context.provider(record.provider).streamResults(provider_batch_id),
    )) {
      for (const line of lines) {
        const result = line.bytes.length > 0 ? readResultLine(line.bytes.toString('utf8')) : null;
        if (result === null) continue;
        models.set(result.custom_id, result.type === 'succeeded' ? result.message.model : '');
      }
    }
    if (models.size === part.request_count) {
      return [...models].map(([id, model]) => ({ id, model })).sort((a, b) => inOrder.compare(a.id, b.id));
    }
  }
  throw new BatchError(
    'api_uncertain',
    `The results of ${provider_batch_id} came short each time they were fetched, and which requests it has is told only ` +
      'by them. Look again later.',
  );
}

async function exists(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT')) return false;
    throw error;
  }
}
