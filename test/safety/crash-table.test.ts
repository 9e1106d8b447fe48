import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ApiServer, hang, reset, startApiServer, succeeded } from '../api-server.ts';
import { type Reply, spawnServer, startServer, type TestClient, temporaryFolder } from '../harness.ts';

const starter = path.join(import.meta.dirname, 'crash-starter.mjs');
const ids = ['a', 'b', 'c', 'd'];
/** Two parts of two tasks each. */
const limits = { partRequests: 2, answerMs: 600 };
const env = { BATCH_MCP_SETTLE_SECONDS: '0.2' };
const work = {
  requests: ids.map((task_id) => ({ task_id, prompt: `say ${task_id}` })),
  output_file: 'out.jsonl',
};

async function startApi(): Promise<ApiServer> {
  const api = await startApiServer({
    endsAtOnce: true,
    results: (requests) => requests.toReversed().map((each) => succeeded(each, `answer ${each.custom_id}`)),
  });
  onTestFinished(() => api.close());
  return api;
}

/** The whole job, as a client does it: submit, look until all is saved, read. Gives the batch_id it was told. */
async function doTheJob(client: TestClient): Promise<string> {
  const { batch_id } = await client.ok('submit_batch', work);
  await follow(client, batch_id);
  await client.ok('get_results', { batch_id });
  return batch_id;
}

async function follow(client: TestClient, batchId: string): Promise<Reply> {
  for (let look = 0; look < 15; look += 1) {
    const status = await client.ok('batch_status', { batch_id: batchId, wait_seconds: 1 });
    if (status.results_state === 'saved' && status.output_files.length > 0) return status;
  }
  throw new Error('its results were never saved');
}

describe('trace', () => {
  it('x', async () => {
    const api = await startApi();
    const server = await spawnServer({ starter, env: { ...env, TRACE: '1', LIMITS: JSON.stringify(limits), ANTHROPIC_API_KEY: api.key, ANTHROPIC_BASE_URL: api.url } });
    if (process.env.RST) api.override('create', reset, { times: 1, after: true });
    await doTheJob(server);
    process.stdout.write(server.stderr());
    void hang; void startServer; void temporaryFolder; void expect;
  });
});
