import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test, vi } from 'vitest';
import { follow, startApi } from '../api.ts';
import type { ApiHandler, ApiServer } from '../api-server.ts';
import { type SpawnedServer, type SpawnOptions, spawnServer } from '../harness.ts';
import { long } from '../long.ts';

/** So many that their download takes a while. */
const COUNT = 20_000;

async function startWork(options: SpawnOptions = {}) {
  const api = await startApi({ endsAtOnce: true });
  const server = await spawnServer({ ...options, api, env: { BATCH_MCP_LOG_LEVEL: 'warn' } });
  const lines = Array.from({ length: COUNT }, (_, i) => JSON.stringify({ task_id: `t-${i}`, prompt: 'Hi' }));
  await writeFile(path.join(server.work, 'tasks.jsonl'), lines.join('\n'));
  const { batch_id } = await server.ok('submit_batch', { requests_file: 'tasks.jsonl', max_tokens: 10 });
  return { api, server, batch_id: String(batch_id) };
}

/** Half of a download, then nothing. */
const half =
  (api: ApiServer): ApiHandler =>
  (_request, response) => {
    const body = api.batches[0]?.results ?? Buffer.alloc(0);
    response.writeHead(200, { 'content-length': body.length });
    response.write(body.subarray(0, body.length / 2));
  };

const unfinishedFiles = ({ data }: SpawnedServer) => readdir(path.join(data, 'tmp'));

test('a server killed in the middle of a large download leaves it to the next one', long, async () => {
  const { api, server, batch_id } = await startWork();
  api.override('results', half(api), { times: 1 });
  // What came is seen, though nothing follows it.
  await follow(
    server,
    batch_id,
    ({ progress }) => progress?.stage === 'downloading' && progress.done > COUNT * 0.4,
  );
  expect(await unfinishedFiles(server)).toHaveLength(1);
  await server.kill();

  const next = await spawnServer({ folder: server.folder, api });
  expect((await follow(next, batch_id)).outcomes).toMatchObject({ succeeded: COUNT, missing: 0 });
});

test('a server told to end in the middle of a large download does', long, async () => {
  const { api, server, batch_id } = await startWork();
  api.override('results', half(api), { times: 1 });
  expect(await server.ok('batch_status', { batch_id })).toMatchObject({ results_state: 'downloading' });
  const ended = new Promise<void>((resolve) => {
    server.client.onclose = resolve;
  });
  process.kill(server.pid, 'SIGTERM');
  await ended;
});

test.runIf(process.platform === 'linux')(
  'a disk that takes no more is told, and nothing is left on it',
  long,
  async () => {
    const { server, batch_id } = await startWork({
      under: ['sh', '-c', 'ulimit -f 10000; exec "$@"', 'sh'],
    });
    const status = await follow(server, batch_id, ({ warnings }) => warnings.length > 0);
    expect(status.results_state).toBe('downloading');
    expect(status.warnings.join()).toMatch(/Could not write .*results\.jsonl \(EFBIG\)/);
    // The look that tells of it may have begun to download again.
    await vi.waitFor(async () => expect(await unfinishedFiles(server)).toEqual([]), 25_000);
    expect(await server.ok('list_batches')).toMatchObject({ batches: [{ batch_id }] });
  },
);
