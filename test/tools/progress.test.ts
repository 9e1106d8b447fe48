import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Progress } from '@modelcontextprotocol/sdk/types.js';
import { expect, test, vi } from 'vitest';
import { endedBatch, follow, ids, prompts, startApi, startCheckedServer } from '../api.ts';
import type { TestServer } from '../harness.ts';
import { eachNthOf } from '../long.ts';

/** Calls a tool of which the API's answer comes only when the client was told this. Gives all that it was told. */
async function callUntilTold(
  server: TestServer,
  [tool, args]: [tool: string, args: object],
  told: Partial<Progress>,
  answer: () => void,
): Promise<Progress[]> {
  const seen: Progress[] = [];
  const onProgress = (progress: Progress) => {
    seen.push(progress);
    if (isDeepStrictEqual({ ...progress, ...told }, progress)) answer();
  };
  await server.call(tool, args, { onProgress });
  return seen;
}

test('sending tells a client that asked how far it is, while the call waits', async () => {
  const api = await startApi();
  const server = await startCheckedServer({ api });
  const answer = api.hold('create');
  const sending = { total: 3, message: 'sending' };
  const work = { requests: prompts(ids(3)) };
  const seen = await callUntilTold(server, ['submit_batch', work], sending, answer);
  expect(seen).toContainEqual(expect.objectContaining(sending));
});

eachNthOf(2, ['batch_status', 'get_results'])('downloading tells it in %s', async (tool) => {
  const { api, server, batch_id } = await endedBatch(prompts(ids(3)), undefined);
  let finish = () => {};
  api.override('results', (_request, response) => {
    const results = api.batches[0]?.results ?? Buffer.alloc(0);
    const second = results.indexOf('\n') + 1;
    response.writeHead(200, { 'content-type': 'application/x-jsonl' });
    response.write(results.subarray(0, second));
    finish = () => response.end(results.subarray(second));
  });
  const wait = tool === 'batch_status' ? { wait_seconds: 20 } : {};
  const downloading = { progress: 1, total: 3, message: 'downloading' };
  const seen = await callUntilTold(server, [tool, { batch_id, ...wait }], downloading, () => finish());
  expect(seen).toContainEqual(expect.objectContaining(downloading));
});

test('a client that did not ask is told nothing', async () => {
  const { server, batch_id } = await endedBatch(prompts(ids(3)), undefined);
  const told = vi.fn();
  server.client.fallbackNotificationHandler = async (notification) => told(notification);
  await follow(server, batch_id);
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
  const ended = expect(call).rejects.toThrow('AbortError');
  await expect.poll(() => readdir(staging)).toHaveLength(1);
  cancelling.abort();
  await ended;

  await expect.poll(() => readdir(staging)).toEqual([]);
  expect(api.creates).toEqual([]);
  expect((await server.ok('list_batches')).batches).toEqual([]);
});
