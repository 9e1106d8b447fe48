import { existsSync } from 'node:fs';
import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { follow, ids, prompts, startApi, startCheckedServer } from '../api.ts';
import type { ApiServer } from '../api-server.ts';
import { hang } from '../api-server.ts';
import { type Reply, type SpawnedServer, spawnServer, startServer, temporaryFolder } from '../harness.ts';
import { eachNth, long } from '../long.ts';
import { type Fate, outcomesByTask, retryToTheEnd, scripted, scriptedBatch, sentIds } from '../retry.ts';

const partFile = (server: { data: string }, batchId: string, name: string) =>
  path.join(server.data, 'batches', batchId, name);

/** Built servers in processes of their own, on one data folder and one API. */
async function spawnServers(api: ApiServer, count: number, folder?: string): Promise<SpawnedServer[]> {
  const shared = folder ?? (await temporaryFolder());
  return Promise.all(Array.from({ length: count }, () => spawnServer({ folder: shared, api })));
}

describe('a retry of many tasks', () => {
  test('is split as the first attempt is, its lists and bodies one beside the other', async () => {
    const all = ids(25);
    const batch = await scriptedBatch(
      Object.fromEntries(all.map((id, index) => [id, index % 5 === 0 ? ['ok'] : ['expired', 'ok']])),
      { server: { limits: { partRequests: 8 } } },
    );
    const { api, server, batch_id } = batch;
    expect(api.creates).toHaveLength(4);
    const failed = all.filter((_, index) => index % 5 !== 0);
    const reply = await retryToTheEnd(batch);
    expect(reply).toMatchObject({ retry: { attempt: 2, request_count: 20 }, part_count: 7 });
    expect([4, 5, 6].map((create) => sentIds(api, create))).toEqual([
      failed.slice(0, 8),
      failed.slice(8, 16),
      failed.slice(16),
    ]);
    const outcomes = await outcomesByTask(server, batch_id);
    expect(Object.keys(outcomes)).toEqual(all);
    expect(new Set(Object.values(outcomes))).toEqual(new Set(['succeeded']));
    const status = await server.ok('batch_status', { batch_id });
    expect(status).toMatchObject({
      outcomes: { succeeded: 25 },
      request_counts: { succeeded: 25, expired: 0 },
      attempts: [
        { attempt: 1, request_count: 25, outcomes: { succeeded: 5, expired: 20 } },
        { attempt: 2, request_count: 20, outcomes: { succeeded: 20 } },
      ],
    });
    expect(status.parts.map(({ attempt }: Reply) => attempt)).toEqual([2, 2, 2]);
  });

  test('adds up over any number of attempts', long, async () => {
    const fates: Fate[] = ['ok', 'cut', 'refused', 'expired', 'canceled', 'overloaded', 'invalid', 'missing'];
    const script = Object.fromEntries(
      ids(60).map((id, index) => [
        id,
        [0, 1, 2, 3].map((time) => fates[(index * 7 + time * 3 + index * time) % fates.length] ?? 'ok'),
      ]),
    );
    const batch = await scriptedBatch(script, { server: { limits: { partRequests: 25 } } });
    const { server, batch_id } = batch;
    for (let attempt = 1; attempt <= 4; attempt += 1) {
      if (attempt > 1) await retryToTheEnd(batch, { outcomes: ['failed'] });
      const { totals, error_digest } = await server.ok('get_results', { batch_id, detail: 'summary' });
      const { total, succeeded, pending, ...failures } = totals;
      const failed = Object.values(failures).reduce((sum: number, count) => sum + Number(count), 0);
      expect(total).toBe(60);
      expect(pending).toBe(0);
      expect(succeeded + failed).toBe(60);
      expect(error_digest.reduce((sum: number, { count }: Reply) => sum + count, 0)).toBe(failed);
      // Never fewer than before: a finished answer stays.
      const firstAttempts = Object.values(script).map((each) => each.slice(0, attempt));
      expect(succeeded).toBe(firstAttempts.filter((each) => each.includes('ok')).length);
    }
  });
});

describe('several processes', () => {
  test('that retry at once make one attempt', async () => {
    const api = await startApi({ results: scripted({ a: ['expired', 'ok'], b: ['overloaded', 'ok'] }) });
    const [first, ...others] = await spawnServers(api, 4);
    if (!first) throw new Error('no server');
    const { batch_id } = await first.ok('submit_batch', { requests: prompts(['a', 'b']) });
    api.endAll();
    await first.ok('get_results', { batch_id });

    const answers = await Promise.all(
      [first, ...others].map((server) => server.call('retry_batch', { batch_id })),
    );
    expect(answers.filter(({ isError }) => !isError)).toHaveLength(1);
    for (const { isError, text } of answers)
      if (isError) expect(text).toMatch(/^wrong_state: Nothing was sent/);
    expect(api.creates).toHaveLength(2);
    api.endAll();
    expect(await outcomesByTask(first, batch_id)).toEqual({ a: 'succeeded', b: 'succeeded' });
    // The losers leave nothing behind.
    const files = await readdir(partFile(first, batch_id, ''));
    expect(files.filter((name) => name.endsWith('.tasks.jsonl'))).toHaveLength(1);
    expect(files.filter((name) => name.endsWith('.requests.json'))).toHaveLength(2);
  });

  test('one that dies before it sends leaves an attempt that another sends, once', long, async () => {
    const api = await startApi({ results: scripted({ a: ['expired', 'ok'] }) });
    const folder = await temporaryFolder();
    const [first] = await spawnServers(api, 1, folder);
    if (!first) throw new Error('no server');
    const { batch_id } = await first.ok('submit_batch', { requests: prompts(['a', 'b']) });
    api.endAll();
    await first.ok('get_results', { batch_id });
    // The same work under another id must not keep this batch's retry from going on.
    await first.ok('submit_batch', { requests: prompts(['a', 'b']), force_new: true });
    const listed = api.asked('list');
    api.override('list', hang, { times: 1 });
    const answer = first.call('retry_batch', { batch_id }).catch(() => null);
    await expect.poll(() => api.asked('list')).toBe(listed + 1);
    await first.kill();
    await answer;
    expect(api.creates).toHaveLength(2);

    const second = await startServer({ folder, api });
    await follow(second, batch_id, ({ processing_status }) => processing_status === 'in_progress');
    api.endAll();
    expect(await follow(second, batch_id)).toMatchObject({
      processing_status: 'ended',
      outcomes: { succeeded: 2 },
      attempts: [{ attempt: 1 }, { attempt: 2, request_count: 1 }],
    });
    expect(api.creates).toHaveLength(3);
    expect(sentIds(api, 2)).toEqual(['a']);
  });

  test('one that dies while it sends leaves an attempt that another settles and reads', long, async () => {
    const api = await startApi({ results: scripted({ a: ['expired', 'ok'] }) });
    const folder = await temporaryFolder();
    const [first] = await spawnServers(api, 1, folder);
    if (!first) throw new Error('no server');
    const { batch_id } = await first.ok('submit_batch', { requests: prompts(['a']) });
    api.endAll();
    await first.ok('get_results', { batch_id });
    api.override('create', hang, { times: 1, after: true });
    const answer = first.call('retry_batch', { batch_id }).catch(() => null);
    await expect.poll(() => api.creates.length).toBe(2);
    await first.kill();
    await answer;

    const second = await startServer({ folder, api, env: { BATCH_MCP_SETTLE_SECONDS: '0.1' } });
    api.endAll();
    await follow(second, batch_id);
    expect(await outcomesByTask(second, batch_id)).toEqual({ a: 'succeeded' });
    expect(api.creates).toHaveLength(2);
  });
});

describe('what is on disk', () => {
  test('of a retry that never got into the record is passed over', async () => {
    const batch = await scriptedBatch({ a: ['expired', 'ok'] });
    const { server, batch_id } = batch;
    await server.ok('get_results', { batch_id });
    const left = partFile(server, batch_id, 'part-0002.requests.json');
    await writeFile(left, '{"requests":[');
    await retryToTheEnd(batch);
    expect(await outcomesByTask(server, batch_id)).toEqual({ a: 'succeeded' });
    expect(await readFile(left, 'utf8')).toBe('{"requests":[');
    expect(existsSync(partFile(server, batch_id, 'part-0003.requests.json'))).toBe(true);
  });

  test('of a lost index is made again, of a retry too', async () => {
    const batch = await scriptedBatch({ a: ['expired', 'cut'], b: ['ok'], c: ['expired', 'ok'] });
    const { server, batch_id, api } = batch;
    await retryToTheEnd(batch);
    const expected = { a: 'incomplete', b: 'succeeded', c: 'succeeded' };
    expect(await outcomesByTask(server, batch_id)).toEqual(expected);
    await rm(partFile(server, batch_id, 'part-0001.results.idx'));
    await rm(partFile(server, batch_id, 'part-0002.results.idx'));
    const other = await startServer({ folder: server.folder, api });
    expect(await outcomesByTask(other, batch_id)).toEqual(expected);
  });

  const damages: [title: string, file: string, damage: (file: string) => Promise<void>][] = [
    ['the list of a retry is cut', 'part-0002.tasks.jsonl', (file) => truncate(file, 20)],
    ['the list of a retry is empty', 'part-0002.tasks.jsonl', (file) => truncate(file, 0)],
    ['the list of a retry is gone', 'part-0002.tasks.jsonl', (file) => rm(file)],
    ['a body is cut', 'part-0002.requests.json', (file) => truncate(file, 20)],
    ['a body is gone', 'part-0002.requests.json', (file) => rm(file)],
  ];
  eachNth(6, damages)('%s: named, and nothing is sent', async (_title, file, damage) => {
    const batch = await scriptedBatch({ a: ['expired', 'expired'] });
    const { server, batch_id, api } = batch;
    await retryToTheEnd(batch);
    await server.ok('get_results', { batch_id });
    await damage(partFile(server, batch_id, file));
    const other = await startServer({ folder: server.folder, api });
    const text = await other.fails('retry_batch', { batch_id });
    expect(text).toMatch(/^store_(damaged|failed): /);
    expect(text).toContain(file);
    expect(api.creates).toHaveLength(2);
  });

  test('does not hold the requests any more: corrections go out all the same', long, async () => {
    const batch = await scriptedBatch({ a: ['expired', 'ok'] });
    const { server, batch_id, api } = batch;
    await server.ok('get_results', { batch_id });
    await rm(partFile(server, batch_id, 'tasks.idx'));
    expect(await server.fails('retry_batch', { batch_id })).toMatch(/^store_damaged: .*in requests/);
    await retryToTheEnd(batch, { requests: prompts(['a']) });
    expect(sentIds(api, 1)).toEqual(['a']);
  });
});

test('a batch that another program made cannot be sent again from here', async () => {
  const api = await startApi({ results: scripted({ a: ['expired'] }) });
  const elsewhere = await startServer({ api });
  const submitted = await elsewhere.ok('submit_batch', { requests: prompts(['a']) });
  api.endAll();
  const server = await startCheckedServer({ api });
  const id = submitted.parts[0].provider_batch_id;
  expect(await server.fails('retry_batch', { batch_id: id })).toMatch(/^wrong_state: .*Another program made/);
  expect(api.creates).toHaveLength(1);
});

test('a sandbox batch is retried in the sandbox, whatever it would cost', async () => {
  const server = await startCheckedServer({ env: { BATCH_MCP_MAX_COST_USD: '0' } });
  const { batch_id } = await server.ok('submit_batch', { requests: prompts(['a', 'b']), sandbox: true });
  await follow(server, batch_id);
  const reply = await server.ok('retry_batch', {
    batch_id,
    requests: [{ task_id: 'b', prompt: 'Otherwise.' }],
  });
  expect(reply).toMatchObject({ provider: 'sandbox', retry: { attempt: 2, request_count: 1 } });
  await follow(server, batch_id);
  const { results } = await server.ok('get_results', { batch_id, detail: 'full' });
  expect(results.map(({ attempt }: Reply) => attempt)).toEqual([1, 2]);
});

test('another host gets no retry', async () => {
  const batch = await scriptedBatch({ a: ['expired', 'ok'] });
  const { server, batch_id } = batch;
  await server.ok('get_results', { batch_id });
  const elsewhere = await startApi();
  const moved = await startServer({ folder: server.folder, api: elsewhere });
  expect(await moved.fails('retry_batch', { batch_id })).toMatch(/^wrong_state: .*another base URL/);
  expect(elsewhere.creates).toHaveLength(0);
});
