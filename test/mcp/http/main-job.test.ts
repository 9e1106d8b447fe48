import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { advertised } from '../../../src/tools/advertised.ts';
import { ids, prompts } from '../../api.ts';
import { temporaryFolder } from '../../harness.ts';
import { long } from '../../long.ts';
import {
  callOf,
  headersFor,
  modernClient,
  newUser,
  oldClient,
  sendRaw,
  startHttpServer,
} from './http-harness.ts';

const requests = prompts(ids(3));
const clients = [
  { era: 'the old era', connect: oldClient, version: undefined },
  { era: 'the new era', connect: modernClient, version: '2026-07-28' },
];

describe.each(clients)('the official client of $era over HTTP', ({ era, connect, version }) => {
  const rarely = era === 'the old era' ? long : {};

  test('does the main job, each call on another replica', rarely, async () => {
    const ana = newUser('ana');
    const first = await startHttpServer({ users: [ana], env: { BATCH_MCP_SANDBOX_SECONDS: '1.5' } });
    const second = await startHttpServer({ users: [ana], folder: first.folder });
    const [one, two] = [await connect(first.url, ana), await connect(second.url, ana)];
    expect(one.version ?? version).toBe(version);
    expect(await one.tools()).toEqual(advertised.all);
    const submitted = await one.call('submit_batch', { requests, name: 'over http' });
    expect(submitted.isError).not.toBe(true);
    const { batch_id } = submitted.structuredContent;
    const told: unknown[] = [];
    const onProgress = (progress: unknown) => void told.push(progress);
    const status = await one.call('batch_status', { batch_id, wait_seconds: 20 }, { onProgress });
    expect(status.structuredContent).toMatchObject({ processing_status: 'ended', results_state: 'saved' });
    expect(told).not.toEqual([]);
    const results = await two.call('get_results', { batch_id });
    expect(results.structuredContent).toMatchObject({ totals: { total: 3, succeeded: 3 } });
    expect((await two.call('list_batches')).structuredContent).toMatchObject({ batches: [{ batch_id }] });
    expect(await two.resources()).toContain(`batch-mcp://batches/${batch_id}`);
  });
});

test('the program serves until it is told to end, and answers what it was asked by then', async () => {
  const folder = await temporaryFolder();
  const program = path.resolve(import.meta.dirname, '../../../dist/cli.js');
  const args = ['serve', '--http', '0', '--sandbox', '--data-dir', path.join(folder, 'data')];
  const env = { PATH: process.env.PATH, HOME: folder, BATCH_MCP_SANDBOX_SECONDS: '2' };
  const child = spawn(process.execPath, [program, ...args], { cwd: folder, env });
  onTestFinished(() => void child.kill('SIGKILL'));
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (piece) => (stdout += String(piece)));
  child.stderr.on('data', (piece) => (stderr += String(piece)));
  const ended = once(child, 'exit');
  const address = () => /http:\/\/127\.0\.0\.1:\d+/.exec(stderr)?.[0] ?? '';
  await expect.poll(address).not.toBe('');
  const url = address();
  expect(await sendRaw(url, { path: '/readyz' })).toMatchObject({ status: 200, text: 'ready\n' });
  const client = await modernClient(url);
  const { batch_id } = (await client.call('submit_batch', { requests })).structuredContent;
  const look = callOf('batch_status', { batch_id, wait_seconds: 20 });
  const body = JSON.stringify(look);
  const answer = sendRaw(url, { method: 'POST', path: '/mcp', headers: headersFor(look), body });
  await expect.poll(async () => (await sendRaw(url, { path: '/healthz' })).status).toBe(200);
  child.kill('SIGTERM');
  expect((await answer).json.result.structuredContent).toMatchObject({ processing_status: 'ended' });
  expect(await ended).toEqual([0, null]);
  expect(stdout).toBe('');
});
