import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { follow, ids, prompts, startApi } from '../api.ts';
import { spawnServer } from '../harness.ts';
import { long } from '../long.ts';

const requests = prompts(ids(30));

describe('a batch submitted through one process', () => {
  test('is followed through another, and read through a third when the two were killed', async () => {
    const api = await startApi();
    const first = await spawnServer({ api });
    const submitted = await first.ok('submit_batch', { requests, output_file: 'answers.jsonl' });
    const { batch_id } = submitted;
    await first.kill();

    const second = await spawnServer({ folder: first.folder, api });
    expect(await second.ok('batch_status', { batch_id })).toMatchObject({
      processing_status: 'in_progress',
      outcomes: { pending: 30 },
    });
    const byTheirs = await second.ok('batch_status', { batch_id: submitted.parts[0].provider_batch_id });
    expect(byTheirs.batch_id).toBe(batch_id);
    await second.kill();

    api.endAll();
    const third = await spawnServer({ folder: first.folder, api });
    const results = await third.ok('get_results', { batch_id });
    expect(results).toMatchObject({ processing_status: 'ended', totals: { total: 30, succeeded: 30 } });
    expect(results.results.map(({ text }: { text: string }) => text)).toEqual(
      ids(30).map((id) => `answer ${id}`),
    );
    const file = path.join(first.work, 'answers.jsonl');
    expect(results.output_files).toEqual([file]);
    expect((await readFile(file, 'utf8')).trimEnd().split('\n')).toHaveLength(30);
    expect((await third.ok('list_batches')).batches).toMatchObject([{ batch_id, request_count: 30 }]);
    expect(api.creates).toHaveLength(1);
  });

  test('in the sandbox too, which no one process has to stay alive for', long, async () => {
    const env = { BATCH_MCP_SANDBOX_SECONDS: '2' };
    const first = await spawnServer({ env });
    const { batch_id } = await first.ok('submit_batch', { requests, sandbox: true });
    const second = await spawnServer({ folder: first.folder, env });
    expect(await second.ok('batch_status', { batch_id })).toMatchObject({
      provider: 'sandbox',
      request_count: 30,
    });
    await Promise.all([first.kill(), second.kill()]);

    const third = await spawnServer({ folder: first.folder, env });
    await follow(third, batch_id);
    const results = await third.ok('get_results', { batch_id });
    expect(results.totals).toMatchObject({ total: 30, succeeded: 30 });
    expect(results.results.map(({ task_id }: { task_id: string }) => task_id)).toEqual(ids(30));
  });
});

test('a download that its process was killed in is made whole by the next', long, async () => {
  const api = await startApi({ endsAtOnce: true });
  const first = await spawnServer({ api });
  const { batch_id } = await first.ok('submit_batch', { requests, output_file: 'answers.csv' });
  let begun = false;
  api.override(
    'results',
    (_request, response) => {
      response.writeHead(200);
      response.write(String(api.batches[0]?.results).slice(0, 5_000), () => {
        begun = true;
      });
    },
    { times: 1 },
  );
  const cutShort = first.call('get_results', { batch_id }).catch(() => 'it was killed');
  await expect.poll(() => begun).toBe(true);
  await first.kill();
  expect(await cutShort).toBe('it was killed');
  expect(await readdir(first.work)).toEqual([]);

  const second = await spawnServer({ folder: first.folder, api });
  const results = await second.ok('get_results', { batch_id });
  expect(results).toMatchObject({ totals: { total: 30, succeeded: 30, missing: 0 }, warnings: [] });
  expect(await readdir(first.work)).toEqual(['answers.csv']);
});

test('two processes that look at the same time write one download and one file', long, async () => {
  const api = await startApi();
  const first = await spawnServer({ api });
  const second = await spawnServer({ folder: first.folder, api });
  const { batch_id } = await first.ok('submit_batch', { requests, output_file: 'answers.json' });
  api.endAll();
  await Promise.all([first, second].map((server) => server.ok('batch_status', { batch_id })));
  const file = path.join(first.work, 'answers.json');
  for (const server of [first, second]) {
    expect(await follow(server, batch_id)).toMatchObject({
      outcomes: { succeeded: 30 },
      output_files: [file],
      warnings: [],
    });
  }
  expect(JSON.parse(await readFile(file, 'utf8'))).toHaveLength(30);
  const names = await readdir(path.join(first.data, 'batches', batch_id));
  expect(names.filter((name) => name.includes('results'))).toEqual([
    'part-0001.results.idx',
    'part-0001.results.jsonl',
  ]);
});
