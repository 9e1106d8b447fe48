import { readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createFileBlobs } from '../../src/store/files/blobs.ts';
import { TASKS, TASKS_INDEX } from '../../src/store/names.ts';
import type { TaskEntry } from '../../src/store/task-entry.ts';
import { openTasks, openTasksWriter } from '../../src/store/task-list.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const entry = (i: number): TaskEntry => ({
  task_id: `täsk ${i} ${'x'.repeat(i % 50)}`,
  model: 'claude-haiku-5-5',
  ...(i % 2 === 0 && { custom_id: `t_${i}` }),
  ...(i % 3 === 0 && { structured: true, task_type: 'classify_bulk' }),
});
const request = (i: number) => ({ offset: i * 3_000_000_000, length: i + 1 });

/** So many tasks on disk, and the paths of their files. */
async function written(count: number) {
  const folder = await temporaryFolder();
  const blobs = createFileBlobs({ folder, temporary: join(folder, 'tmp') });
  const writer = openTasksWriter(blobs);
  for (let i = 0; i < count; i += 1) await writer.add(entry(i), request(i));
  await writer.close();
  return { blobs, tasks: blobs.describe(TASKS), tasksIndex: blobs.describe(TASKS_INDEX) };
}

async function listed(groups: AsyncIterable<TaskEntry[]>): Promise<TaskEntry[]> {
  const found: TaskEntry[] = [];
  for await (const entries of groups) found.push(...entries);
  return found;
}

describe('the tasks of a batch', () => {
  it('come back in order, by ordinal and all', async () => {
    const folder = await written(5_000);
    const tasks = await openTasks(folder.blobs, 5_000);
    expect(tasks.count).toBe(5_000);
    const wanted = [4_999, 0, 7, 8, 9, 7, 2_500];
    expect(await tasks.read(wanted)).toEqual(wanted.map(entry));
    for (const first of [0, 1, 2_500, 4_999, 5_000]) {
      const rest = Array.from({ length: 5_000 - first }, (_, i) => entry(first + i));
      expect(await listed(tasks.from(first))).toEqual(rest);
    }
    expect(tasks.request(4_000)).toEqual(request(4_000));
    expect(await tasks.read([])).toEqual([]);
  });

  it('are one line each in a file of 0600, with 24 bytes each beside it', async () => {
    const folder = await written(10);
    const lines = (await readFile(folder.tasks, 'utf8')).split('\n');
    expect(lines).toHaveLength(11);
    expect(JSON.parse(lines[3] ?? '')).toEqual(entry(3));
    expect((await stat(folder.tasks)).mode & 0o777).toBe(0o600);
    expect((await stat(folder.tasksIndex)).mode & 0o777).toBe(0o600);
    expect((await stat(folder.tasksIndex)).size).toBe(24 + 240);
  });

  it('can be none', async () => {
    const tasks = await openTasks((await written(0)).blobs, 0);
    expect(tasks.count).toBe(0);
    expect(await listed(tasks.from(0))).toEqual([]);
  });

  it('are written once, with the index of those that were first', async () => {
    const { blobs } = await written(2);
    const late = openTasksWriter(blobs);
    await late.add(entry(7), request(7));
    await late.close();
    const tasks = await openTasks(blobs, 2);
    expect(await tasks.read([0, 1])).toEqual([entry(0), entry(1)]);
    expect(tasks.request(1)).toEqual(request(1));
  });

  it.each([9, 11, 0])('are damaged where the batch has %d tasks, and not as many lines', async (count) => {
    const { blobs, tasks, tasksIndex } = await written(10);
    const failure = {
      code: 'store_damaged',
      message: expect.stringContaining(`${tasks} can't be read: it holds 10 tasks instead of ${count}`),
    };
    await expect(openTasks(blobs, count)).rejects.toMatchObject(failure);
    await rm(tasksIndex);
    await expect(openTasks(blobs, count)).rejects.toMatchObject(failure);
  });

  it.each([-1, 10, 0.5, Number.NaN])('refuse the ordinal %d', async (ordinal) => {
    const tasks = await openTasks((await written(10)).blobs, 10);
    await expect(tasks.read([ordinal])).rejects.toMatchObject({ code: 'internal' });
    expect(() => tasks.request(ordinal)).toThrow(expect.objectContaining({ code: 'internal' }));
  });

  it.each<[string, (path: string) => Promise<void>]>([
    ['missing', (path) => rm(path)],
    ['empty', (path) => truncate(path, 0)],
    ['cut short', (path) => truncate(path, 100)],
    ['another file', (path) => writeFile(path, 'x'.repeat(24 + 240))],
    [
      'changed in one byte',
      async (path) => {
        const bytes = await readFile(path);
        bytes.writeUInt8(bytes.readUInt8(60) ^ 1, 60);
        await writeFile(path, bytes);
      },
    ],
  ])('are found without their index when that is %s, but for the requests', async (_what, damage) => {
    const folder = await written(10);
    await damage(folder.tasksIndex);
    const tasks = await openTasks(folder.blobs, 10);
    expect(tasks.count).toBe(10);
    expect(await tasks.read([3, 9])).toEqual([entry(3), entry(9)]);
    expect(tasks.request(3)).toBeNull();
  });

  it.each<[string, (path: string) => Promise<void>]>([
    ['missing', (path) => rm(path)],
    ['cut short', async (path) => truncate(path, (await stat(path)).size - 5)],
  ])('are named when tasks.jsonl is %s', async (_what, damage) => {
    const folder = await written(10);
    await damage(folder.tasks);
    await expect(openTasks(folder.blobs, 10)).rejects.toMatchObject({
      code: 'store_damaged',
      message: expect.stringContaining(folder.tasks),
    });
  });

  it('are named, but not quoted, when a line is no task', async () => {
    const folder = await written(0);
    await rm(folder.tasks);
    await writeFile(folder.tasks, 'secret\n{"task_id":"secret"}\n');
    const tasks = await openTasks(folder.blobs, 2);
    for (const reading of [() => tasks.read([0]), () => tasks.read([1]), () => listed(tasks.from(0))]) {
      const error: unknown = await reading().catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: 'store_damaged' });
      expect(String(error)).not.toContain('secret');
    }
  });
});
