import { describe, expect, it, onTestFinished } from 'vitest';
import { type ApiServer, reset, startApiServer, succeeded } from '../api-server.ts';
import { startServer, temporaryFolder } from '../harness.ts';

async function startApi(endsAtOnce = true): Promise<ApiServer> {
  const api = await startApiServer({
    endsAtOnce,
    // Out of order, as the API may.
    results: (requests) =>
      requests.toReversed().map((request) => succeeded(request, `answer ${request.custom_id}`)),
  });
  onTestFinished(() => api.close());
  return api;
}

/** A batch of another program on the same key. */
async function madeElsewhere(api: ApiServer, ids: string[]): Promise<string> {
  const requests = ids.map((custom_id) => ({
    custom_id,
    params: { model: 'claude-haiku-5-5', max_tokens: 10, messages: [{ role: 'user', content: 'hi' }] },
  }));
  const response = await fetch(`${api.url}/v1/messages/batches`, {
    method: 'POST',
    headers: { authorization: `Bearer ${api.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ requests }),
  });
  return ((await response.json()) as { id: string }).id;
}

describe("another program's batch", () => {
  it('is followed and read by its own id, its tasks by their custom_id, and stays one batch', async () => {
    const api = await startApi();
    const server = await startServer({ api });
    const id = await madeElsewhere(api, ['row-1', 'row-2', 'row-10']);
    const status = await server.ok('batch_status', { batch_id: id, wait_seconds: 5 });
    expect(status).toMatchObject({ processing_status: 'ended', request_count: 3, results_state: 'saved' });
    expect(status.warnings.join(' ')).toMatch(/Another program made this batch/);

    const results = await server.ok('get_results', { batch_id: id });
    expect(results.batch_id).toBe(status.batch_id);
    expect(results.results.map((result: any) => [result.task_id, result.text])).toEqual([
      ['row-1', 'answer row-1'],
      ['row-2', 'answer row-2'],
      ['row-10', 'answer row-10'],
    ]);
    expect(results.cost_usd.actual).toBeGreaterThan(0);
    const { batches } = await server.ok('list_batches');
    expect(batches).toHaveLength(1);
  });

  it('has a status, no results and a cancel while it runs', async () => {
    const api = await startApi(false);
    const server = await startServer({ api });
    const id = await madeElsewhere(api, ['a', 'b']);
    expect((await server.ok('batch_status', { batch_id: id })).processing_status).toBe('in_progress');
    const before = await server.ok('get_results', { batch_id: id });
    expect(before).toMatchObject({ results: [], totals: { total: 2, pending: 2 } });
    expect((await server.ok('cancel_batch', { batch_id: id })).processing_status).toBe('canceling');
  });

  it('is adopted once by two processes that look at the same moment', async () => {
    const api = await startApi();
    const folder = await temporaryFolder();
    const servers = [await startServer({ api, folder }), await startServer({ api, folder })];
    const id = await madeElsewhere(api, ['a']);
    const seen = await Promise.all(servers.map((server) => server.ok('batch_status', { batch_id: id })));
    expect(seen[0]?.batch_id).toBe(seen[1]?.batch_id);
  });

  it.each<[string, (ids: string[]) => string[], string[]]>([
    ['has an id twice', () => ['a', 'b', 'b'], ['a', 'b', 'unnamed_1']],
    ['lacks a line', ([a = '', , c = '']) => [a, c], ['a', 'c', 'unnamed_1']],
    ['has an id like one that is made', () => ['a', 'unnamed_1'], ['a', 'unnamed_1', 'unnamed_2']],
  ])('whose results stay short is read as far as it goes: it %s', async (_what, lines, tasks) => {
    const api = await startApi();
    const id = await madeElsewhere(api, ['a', 'b', 'c']);
    const body = lines(['a', 'b', 'c']).map((custom_id) =>
      succeeded({ custom_id, params: {} }, `answer ${custom_id}`),
    );
    api.override('results', (_request, response) =>
      response.end(body.map((line) => `${JSON.stringify(line)}\n`).join('')),
    );
    const server = await startServer({ api });
    const status = await server.ok('batch_status', { batch_id: id, wait_seconds: 10 });
    expect(status).toMatchObject({ results_state: 'saved', outcomes: { succeeded: 2, missing: 1 } });
    const { results, totals } = await server.ok('get_results', { batch_id: id });
    expect(totals).toMatchObject({ total: 3, succeeded: 2, missing: 1 });
    expect(results.map((result: any) => result.task_id)).toEqual(tasks);
    expect(results[2].outcome).toBe('missing');
  });

  it('whose results fail once is read at the same look', async () => {
    const api = await startApi();
    const id = await madeElsewhere(api, ['a', 'b']);
    api.override('results', reset, { times: 1 });
    const server = await startServer({ api });
    const { totals } = await server.ok('get_results', { batch_id: id });
    expect(totals).toMatchObject({ total: 2, succeeded: 2 });
  });

  it('is not known where the API does not know it', async () => {
    const server = await startServer({ api: await startApi() });
    expect(await server.fails('batch_status', { batch_id: 'msgbatch_01Nothing' })).toMatch(/^not_found/);
  });

  it('is not adopted while it could be an uncertain part of ours', async () => {
    const api = await startApi();
    const server = await startServer({
      api,
      env: { BATCH_MCP_SETTLE_SECONDS: '3' },
      limits: { answerMs: 400, callMs: 300 },
    });
    api.override('create', reset, { times: 1, after: true });
    const { batch_id } = await server.ok('submit_batch', { requests: [{ task_id: 'a', prompt: 'x' }] });
    const made = api.batches[0]?.id;
    const refusal = await server.fails('batch_status', { batch_id: made });
    expect(refusal).toContain(batch_id);
    const status = await server.ok('batch_status', { batch_id, wait_seconds: 10 });
    expect(status.parts[0].provider_batch_id).toBe(made);
    expect(api.creates).toHaveLength(1);
  });

  it.each([
    ['off', 'batch_status', /^not_allowed/],
    ['read', 'cancel_batch', /^not_allowed/],
  ])('obeys BATCH_MCP_REMOTE=%s', async (remote, tool, refusal) => {
    const api = await startApi(false);
    const server = await startServer({ api, env: { BATCH_MCP_REMOTE: remote } });
    const id = await madeElsewhere(api, ['a']);
    expect(await server.fails(tool, { batch_id: id })).toMatch(refusal);
    expect(api.batches[0]?.status).toBe('in_progress');
  });

  it('is listed from the API when asked, ours left out', async () => {
    const api = await startApi();
    const server = await startServer({ api });
    await server.ok('submit_batch', { requests: [{ task_id: 'a', prompt: 'x' }] });
    const id = await madeElsewhere(api, ['b', 'c']);
    const { remote } = await server.ok('list_batches', { include_remote: true });
    expect(remote).toMatchObject([{ batch_id: id, processing_status: 'ended', request_count: 2 }]);
  });
});
