import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { startServer, temporaryFolder } from '../harness.ts';
import { retryToTheEnd, scriptedBatch } from '../retry.ts';
import { createMemoryStore } from './memory-store.ts';

test('the main job runs on another store, and nothing of it gets into the data folder', async () => {
  const store = createMemoryStore();
  const folder = await temporaryFolder();
  const batch = await scriptedBatch(
    { a: ['ok'], b: ['overloaded', 'ok'], c: ['cut', 'ok'], d: ['refused'], e: ['json'] },
    { server: { folder, store: () => store, limits: { partRequests: 2 } }, submit: { name: 'elsewhere' } },
  );
  const { server, batch_id } = batch;
  expect(await server.ok('batch_status', { batch_id })).toMatchObject({
    results_state: 'saved',
    outcomes: { succeeded: 2, incomplete: 2, errored: 1 },
  });

  await retryToTheEnd(batch);
  await server.ok('batch_status', { batch_id, wait_seconds: 10 });
  const { results, totals, error_digest } = await server.ok('get_results', {
    batch_id,
    detail: 'concise',
    output_file: 'out.jsonl',
  });
  expect(totals).toMatchObject({ total: 5, succeeded: 4, incomplete: 1 });
  expect(error_digest).toMatchObject([{ type: 'refusal', count: 1, sample_task_ids: ['d'] }]);
  expect(results.map((answer: { task_id: string }) => answer.task_id)).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect((await readFile(path.join(server.work, 'out.jsonl'), 'utf8')).trim().split('\n')).toHaveLength(5);
  expect((await server.ok('list_batches', {})).batches).toMatchObject([{ batch_id, name: 'elsewhere' }]);

  // What another "process" finds on the same store.
  const other = await startServer({ folder, store: () => store, api: batch.api });
  expect(await other.ok('batch_status', { batch_id })).toMatchObject({ processing_status: 'ended' });
  await expect(readdir(server.data)).rejects.toMatchObject({ code: 'ENOENT' });
});
