import { describe, expect, it, onTestFinished } from 'vitest';
import { type ApiServer, json, reset, startApiServer } from '../api-server.ts';
import { startServer, type TestServer, temporaryFolder } from '../harness.ts';

const tasks = (...ids: string[]) => ({
  requests: ids.map((task_id) => ({ task_id, prompt: `say ${task_id}` })),
});

async function startApi(): Promise<ApiServer> {
  const api = await startApiServer({ endsAtOnce: true });
  onTestFinished(() => api.close());
  return api;
}

const quick = { env: { BATCH_MCP_SETTLE_SECONDS: '0.3' }, limits: { answerMs: 400, callMs: 3_000 } };

/** A batch of another program on the same key, made now. */
async function stranger(api: ApiServer, ids: string[]): Promise<string> {
  const body = { requests: ids.map((custom_id) => ({ custom_id, params: { model: 'claude-haiku-5-5' } })) };
  const response = await fetch(`${api.url}/v1/messages/batches`, {
    method: 'POST',
    headers: { authorization: `Bearer ${api.key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const { id } = (await response.json()) as { id: string };
  return id;
}

/** The newest batch of the API, as its own answer to the create would tell it. */
function described(api: ApiServer) {
  const batch = api.batches.at(-1);
  const counts = { processing: batch?.requests.length, succeeded: 0, errored: 0, canceled: 0, expired: 0 };
  const at = batch?.createdAt.toISOString();
  return {
    id: batch?.id,
    type: 'message_batch',
    processing_status: 'in_progress',
    request_counts: counts,
    created_at: at,
    expires_at: at,
    ended_at: null,
    cancel_initiated_at: null,
    results_url: null,
  };
}

/** Waits until the API has seen so many creates. */
async function arrived(api: ApiServer, creates: number) {
  while (api.creates.length < creates) await new Promise((resolve) => setTimeout(resolve, 10));
}

async function follow(server: TestServer, batchId: string, until: (status: any) => boolean) {
  for (let look = 0; look < 15; look += 1) {
    const status = await server.ok('batch_status', { batch_id: batchId, wait_seconds: 1 });
    if (until(status)) return status;
  }
  throw new Error('it never came to that');
}

describe('settling what is uncertain', () => {
  it("leaves it to a person where a stranger's batch of the same count stands beside ours", async () => {
    const api = await startApi();
    const server = await startServer({ api, ...quick });
    api.override('create', reset, { times: 1, after: true });
    const submitting = server.ok('submit_batch', tasks('a', 'b'));
    await arrived(api, 1);
    const theirs = await stranger(api, ['x', 'y']);
    const { batch_id } = await submitting;

    const status = await follow(server, batch_id, ({ progress }) => !progress);
    expect(status.processing_status).toBe('unconfirmed');
    expect(status.warnings.join(' ')).toContain(theirs);
    const ours = api.batches.find((batch) => batch.requests[0]?.custom_id === 'a')?.id;
    expect(status.warnings.join(' ')).toContain(ours);
    expect(api.creates).toHaveLength(2);
  });

  it("gives back a stranger's batch whose results hold what was never sent, and finds its own", async () => {
    const api = await startApi();
    const server = await startServer({ api, ...quick });
    api.override('create', reset, { times: 1 });
    const submitting = server.ok('submit_batch', tasks('a', 'b'));
    await arrived(api, 1);
    const theirs = await stranger(api, ['x', 'y']);
    const { batch_id } = await submitting;

    const status = await follow(server, batch_id, (each) => each.results_state === 'saved');
    expect(status.parts[0].provider_batch_id).not.toBe(theirs);
    const { results } = await server.ok('get_results', { batch_id });
    expect(results.map((result: any) => [result.task_id, result.text])).toEqual([
      ['a', 'answer a'],
      ['b', 'answer b'],
    ]);
    expect(api.creates).toHaveLength(3);
  });

  it('waits while another part of ours with as many requests is on its way', async () => {
    const api = await startApi();
    const folder = await temporaryFolder();
    const one = await startServer({ api, folder, ...quick });
    const two = await startServer({ api, folder, ...quick, limits: { answerMs: 20_000, callMs: 300 } });
    api.override('create', reset, { times: 1 });
    let answer = () => {};
    api.override(
      'create',
      (_request, response) => {
        answer = () => json(200, { ...described(api) })(_request, response);
      },
      { times: 1, after: true },
    );
    const submitting = one.ok('submit_batch', tasks('a', 'b'));
    await arrived(api, 1);
    // The second's create is made, newer than the first's watermark, and its answer is slow to come.
    await two.ok('submit_batch', tasks('c', 'd'));
    const { batch_id } = await submitting;
    const status = await one.ok('batch_status', { batch_id });
    expect(status.processing_status).toBe('unconfirmed');
    expect(api.creates).toHaveLength(2);

    answer();
    const settled = await follow(one, batch_id, (each) => each.results_state === 'saved');
    expect(settled.outcomes.succeeded).toBe(2);
    expect(api.batches.map((batch) => batch.requests[0]?.custom_id)).toEqual(['c', 'a']);
  });

  it('finds it behind several pages of newer batches', async () => {
    const api = await startApi();
    const server = await startServer({ api, ...quick });
    api.override('create', reset, { times: 1, after: true });
    const submitting = server.ok('submit_batch', tasks('a', 'b'));
    await arrived(api, 1);
    for (let n = 0; n < 230; n += 1) await stranger(api, [`only-${n}`]);
    const { batch_id } = await submitting;
    const status = await follow(server, batch_id, (each) => each.results_state === 'saved');
    expect(status.outcomes.succeeded).toBe(2);
    expect(api.batches.filter((batch) => batch.requests.length === 2)).toHaveLength(1);
  });

  it.each([-60_000, 60_000])('holds with a clock that is %d ms off', async (off) => {
    const api = await startApi();
    const now = () => new Date(Date.now() + off);
    const server = await startServer({ api, ...quick, now });
    api.override('create', reset, { times: 1, after: true });
    const { batch_id } = await server.ok('submit_batch', tasks('a', 'b'));
    await follow(server, batch_id, (each) => each.results_state === 'saved');
    expect(api.creates).toHaveLength(1);
  });

  it('finds a commit that shows up late, but within the time', async () => {
    const api = await startApi();
    const server = await startServer({
      api,
      env: { BATCH_MCP_SETTLE_SECONDS: '1.5' },
      limits: { answerMs: 400, callMs: 5_000 },
    });
    api.override('create', reset, { times: 1 });
    const submitting = server.ok('submit_batch', tasks('a', 'b'));
    await new Promise((resolve) => setTimeout(resolve, 900));
    await stranger(api, ['a', 'b']);
    const { batch_id } = await submitting;
    await follow(server, batch_id, (each) => each.results_state === 'saved');
    expect(api.batches).toHaveLength(1);
  });

  it('is left alone by a process with another key, which says so', async () => {
    const api = await startApi();
    const folder = await temporaryFolder();
    const one = await startServer({
      api,
      folder,
      env: { BATCH_MCP_SETTLE_SECONDS: '4' },
      limits: { answerMs: 300, callMs: 500 },
    });
    api.override('create', reset, { times: 1, after: true });
    const { batch_id } = await one.ok('submit_batch', tasks('a', 'b'));
    const record = await one.ok('batch_status', { batch_id });
    expect(record.processing_status).toBe('unconfirmed');

    const other = await startServer({
      api: { url: api.url, key: 'sk-ant-other' },
      folder,
      ...quick,
      now: () => new Date(Date.now() + 3_600_000),
    });
    const seen = await follow(other, batch_id, ({ progress }) => !progress);
    expect(seen.processing_status).toBe('unconfirmed');
    expect(seen.warnings.join(' ')).toMatch(/another API key/);
    expect(api.creates).toHaveLength(1);
  });

  it('never sends while a second process looks at a first that is still uploading', async () => {
    const api = await startApi();
    const folder = await temporaryFolder();
    const one = await startServer({ api, folder, ...quick, limits: { answerMs: 5_000, callMs: 300 } });
    const two = await startServer({ api, folder, ...quick });
    let answer = () => {};
    api.override(
      'create',
      (request, response) => {
        answer = () => response.writeHead(500).end('{}');
        request.resume();
      },
      { times: 1, after: true },
    );
    const { batch_id } = await one.ok('submit_batch', tasks('a', 'b'));
    for (let look = 0; look < 3; look += 1) {
      expect((await two.ok('batch_status', { batch_id })).processing_status).toBe('submitting');
    }
    expect(api.creates).toHaveLength(1);
    answer();
    await follow(one, batch_id, (each) => each.results_state === 'saved');
    expect(api.creates).toHaveLength(1);
  });
});
