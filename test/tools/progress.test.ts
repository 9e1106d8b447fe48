import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Progress } from '@modelcontextprotocol/sdk/types.js';
import { expect, test, vi } from 'vitest';
import { endedBatch, ids, prompts, startApi, startCheckedServer } from '../api.ts';
import { apiError, json } from '../api-server.ts';

const messages = (seen: readonly Progress[]) => [...new Set(seen.map(({ message }) => message))];

test('sending tells a client that asked how far it is, while the call waits', async () => {
  const api = await startApi();
  const server = await startCheckedServer({ api });
  const refuse = json(403, apiError('permission_error', 'no'));
  api.override('create', (request, response) => void setTimeout(() => refuse(request, response), 2_500));
  const seen: Progress[] = [];
  const onProgress = (progress: Progress) => void seen.push(progress);
  await server.call('submit_batch', { requests: prompts(ids(3)) }, { onProgress });
  expect(messages(seen)).toContain('sending');
  expect(seen).toContainEqual(expect.objectContaining({ progress: 0, total: 3, message: 'sending' }));
});

test.each(['batch_status', 'get_results'])('downloading tells it in %s', async (tool) => {
  const { api, server, batch_id } = await endedBatch(prompts(ids(3)), undefined);
  api.override('results', (_request, response) => {
    const results = api.batches[0]?.results ?? Buffer.alloc(0);
    const second = results.indexOf('\n') + 1;
    response.writeHead(200, { 'content-type': 'application/x-jsonl' });
    response.write(results.subarray(0, second));
    setTimeout(() => response.end(results.subarray(second)), 1_700);
  });
  const seen: Progress[] = [];
  const onProgress = (progress: Progress) => void seen.push(progress);
  const wait = tool === 'batch_status' ? { wait_seconds: 10 } : {};
  await server.call(tool, { batch_id, ...wait }, { onProgress });
  expect(messages(seen)).toContain('downloading');
  expect(seen).toContainEqual(expect.objectContaining({ progress: 1, total: 3 }));
});

test('a client that did not ask is told nothing', async () => {
  const { server, batch_id } = await endedBatch(prompts(ids(3)), undefined);
  const told = vi.fn();
  server.client.fallbackNotificationHandler = async (notification) => told(notification);
  await server.ok('batch_status', { batch_id, wait_seconds: 5 });
  expect(told).not.toHaveBeenCalled();
});

test('a cancelled call ends the preparation: nothing is sent, and nothing stays', async () => {
  const api = await startApi();
  const server = await startCheckedServer({ api, env: { BATCH_MCP_MAX_COST_USD: '100000' } });
  const lines = Array.from({ length: 60_000 }, (_, i) =>
    JSON.stringify({ task_id: `t${i}`, prompt: `Task ${i}.` }),
  );
  await writeFile(path.join(server.work, 'many.jsonl'), lines.join('\n'));
  const cancelling = new AbortController();
  const staging = path.join(server.data, 'staging');
  const call = server.client.callTool(
    { name: 'submit_batch', arguments: { requests_file: 'many.jsonl' } },
    undefined,
    { signal: cancelling.signal },
  );
  const ended = expect(call).rejects.toThrow();
  await vi.waitFor(async () => expect(await readdir(staging)).toHaveLength(1), { timeout: 10_000 });
  cancelling.abort();
  await ended;

  await vi.waitFor(async () => expect(await readdir(staging)).toEqual([]), { timeout: 10_000 });
  expect(api.creates).toEqual([]);
  expect((await server.ok('list_batches')).batches).toEqual([]);
});
