import path from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { createBatchClient } from '../../src/index.ts';
import { startApi } from '../api.ts';
import { apiError, json } from '../api-server.ts';
import { temporaryFolder } from '../harness.ts';

/** A batch that runs, before a client that waits for it. */
async function running() {
  const api = await startApi();
  const folder = await temporaryFolder();
  const env = {
    BATCH_MCP_DATA_DIR: path.join(folder, 'data'),
    BATCH_MCP_WORK_DIR: folder,
    BATCH_MCP_PROVIDER: 'anthropic',
    ANTHROPIC_BASE_URL: api.url,
  };
  const client = await createBatchClient({ env, apiKey: api.key });
  onTestFinished(() => client.close());
  const { batch_id } = await client.submit({ requests: ['Hello.'] });
  return { api, client, batch_id };
}

const AN_HOUR = 3600;

it('goes on after looks that failed', async () => {
  const { api, client, batch_id } = await running();
  let isDown = true;
  const down = json(500, apiError('api_error', 'told by the API'));
  api.override('retrieve', (request, response, pass) => (isDown ? down(request, response) : pass()));
  const waiting = client.wait(batch_id, { pollInterval: 0.1 });
  await expect.poll(() => api.asked('retrieve')).toBeGreaterThan(8);
  isDown = false;
  api.endAll();
  expect(await waiting).toMatchObject({ processing_status: 'ended', results_state: 'saved' });
});

it('ends with the time, however long it would be to the next look', async () => {
  const { client, batch_id } = await running();
  const waited = await client.wait(batch_id, { pollInterval: AN_HOUR, timeout: 0.3 });
  expect(waited).toMatchObject({ processing_status: 'in_progress' });
});

it('looks at once when the computer wakes from sleep', async () => {
  const { api, client, batch_id } = await running();
  const stages: string[] = [];
  const waiting = client.wait(batch_id, {
    pollInterval: AN_HOUR,
    onProgress: ({ stage }) => void stages.push(stage),
  });
  await expect.poll(() => stages).toContain('waiting');
  api.endAll();
  const { now } = Date;
  // The clock on the wall went on while the machine's stood still.
  const clock = vi.spyOn(Date, 'now').mockImplementation(() => now() + 600_000);
  onTestFinished(() => clock.mockRestore());
  expect(await waiting).toMatchObject({ processing_status: 'ended' });
});

it('ends when it is told to, and the batch lives', async () => {
  const { api, client, batch_id } = await running();
  const abort = new AbortController();
  const stages: string[] = [];
  const waiting = client.wait(batch_id, {
    pollInterval: AN_HOUR,
    signal: abort.signal,
    onProgress: ({ stage }) => void stages.push(stage),
  });
  await expect.poll(() => stages).toContain('waiting');
  abort.abort();
  expect(await waiting).toMatchObject({ processing_status: 'in_progress' });
  expect(api.asked('cancel')).toBe(0);
});
