import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { sentIds, startApi, toTheEnd } from '../api.ts';
import { type ApiServer, succeeded } from '../api-server.ts';
import { bundleForTests } from '../bundle.ts';
import { spawnServer, startServer, temporaryFolder } from '../harness.ts';
import { eachNthOf, long } from '../long.ts';
import { crashStarter } from './left.ts';

const starter = bundleForTests(crashStarter);

const ids = ['a', 'b', 'c', 'd'];
const requests = ids.map((task_id) => ({ task_id, prompt: `say ${task_id}` }));
/** Two parts of two tasks each. */
const limits = { partRequests: 2 };
const env = { BATCH_MCP_SETTLE_SECONDS: '0.2' };

const stage = [
  ['a', 'b'],
  ['c', 'd'],
];

/** A chain whose first batch is at the API, left by a process that has ended in good order. */
async function leftChain(stages: number) {
  const api = await startApi({
    results: (all) => all.map((request) => succeeded(request, `${api.batches.length} ${request.custom_id}`)),
  });
  const folder = await temporaryFolder();
  const server = await startServer({ api, folder, env, limits });
  const chain: string[] = [(await server.ok('submit_batch', { requests })).batch_id];
  for (let index = 1; index < stages; index += 1) {
    const prompt = `Stage ${index}: {{text}}`;
    const work = { from_batch: chain.at(-1), prompt, output_file: `${index}.jsonl` };
    chain.push((await server.ok('submit_batch', work)).batch_id);
  }
  await server.close();
  return { api, folder, chain, last: chain.at(-1) ?? '' };
}

async function expectPaidOnce(api: ApiServer, folder: string, chain: readonly string[]) {
  const last = chain.at(-1) ?? '';
  const server = await startServer({ api, folder, env, limits });
  const status = await toTheEnd(server, api, last);
  expect(status).toMatchObject({ outcomes: { succeeded: 4 }, request_count: 4 });
  expect(sentIds(api)).toEqual(chain.flatMap(() => stage));
  const written = path.join(folder, 'work', `${chain.length - 1}.jsonl`);
  expect(status.output_files).toEqual([written]);
  expect((await readFile(written, 'utf8')).trim().split('\n')).toHaveLength(4);
  for (const batch_id of chain) {
    expect((await server.ok('get_results', { batch_id })).totals).toMatchObject({ total: 4, succeeded: 4 });
  }
}

describe('a batch that waits for another', () => {
  eachNthOf(16, [
    ...[4, 5, 6].flatMap((index) => [`record.update:before:${index}`, `record.update:after:${index}`]),
    'fs.link(tasks.jsonl):after:1',
    'fs.link(tasks.idx):after:1',
    'fs.link(part-0001.requests.json):after:1',
    'fs.link(part-0002.requests.json):after:1',
    'budget.update:before:1',
    'budget.update:after:1',
    'provider.createBatch:before:1',
    'provider.createBatch:after:1',
    'provider.createBatch:after:2',
  ])('is sent once, whoever dies at it: %s', async (crashAt) => {
    const { api, folder, chain, last } = await leftChain(2);
    api.endAll();
    const doomed = await spawnServer({
      starter: starter.path,
      folder,
      api,
      env: { ...env, CRASH_AT: crashAt, LIMITS: JSON.stringify(limits) },
    });
    await expect(toTheEnd(doomed, api, last)).rejects.toThrow(/Connection closed|Not connected/);
    await expectPaidOnce(api, folder, chain);
  });

  eachNthOf(16, [
    'staging.commit:after:1',
    'submission.update:after:1',
    'budget.update:after:1',
    'record.update:after:1',
  ])('is whole or not there where its submission dies: %s', async (crashAt) => {
    const { api, folder, chain } = await leftChain(1);
    const doomed = await spawnServer({
      starter: starter.path,
      folder,
      api,
      env: { ...env, CRASH_AT: crashAt, LIMITS: JSON.stringify(limits) },
    });
    const work = { from_batch: chain[0], prompt: 'Stage 1: {{text}}', output_file: '1.jsonl' };
    await expect(doomed.ok('submit_batch', work)).rejects.toThrow(/Connection closed|Not connected/);
    const server = await startServer({ api, folder, env, limits });
    const { batch_id } = await server.ok('submit_batch', work);
    await server.close();
    await expectPaidOnce(api, folder, [...chain, batch_id]);
  });

  it('is led on to from its source, although its submission died before that was noted', long, async () => {
    const { api, folder, chain } = await leftChain(1);
    const doomed = await spawnServer({
      starter: starter.path,
      folder,
      api,
      env: { ...env, CRASH_AT: 'budget.update:after:1', LIMITS: JSON.stringify(limits) },
    });
    const work = { from_batch: chain[0], prompt: 'Stage 1: {{text}}', output_file: '1.jsonl' };
    await expect(doomed.ok('submit_batch', work)).rejects.toThrow(/Connection closed/);
    const server = await startServer({ api, folder, env, limits });
    const { batch_id } = (await server.ok('list_batches')).batches[0];
    await server.ok('batch_status', { batch_id });
    await toTheEnd(server, api, chain[0] ?? '');
    await expect.poll(() => api.batches.length).toBe(4);
    await server.close();
    await expectPaidOnce(api, folder, [...chain, batch_id]);
  });

  it('is sent once by processes that look at the same time', async () => {
    const { api, folder, chain, last } = await leftChain(2);
    api.endAll();
    const servers = await Promise.all([0, 1, 2].map(() => startServer({ api, folder, env, limits })));
    await Promise.all(servers.map((server, index) => toTheEnd(server, api, chain[index % 2] ?? last)));
    await expectPaidOnce(api, folder, chain);
  });

  it.each([3, 5])(
    'comes to the end of a chain of %s through processes that are killed at any time',
    long,
    async (stages) => {
      const { api, folder, chain, last } = await leftChain(stages);
      api.endAll();
      for (let round = 0; round < 6; round += 1) {
        const doomed = await spawnServer({
          starter: starter.path,
          folder,
          api,
          env: { ...env, LIMITS: JSON.stringify(limits) },
        });
        const followed = toTheEnd(doomed, api, last).catch((error: unknown) => {
          if (!/Connection closed|Not connected/.test(String(error))) throw error;
        });
        await sleep(Math.random() * 400);
        await doomed.kill();
        await followed;
      }
      await expectPaidOnce(api, folder, chain);
    },
  );
});
