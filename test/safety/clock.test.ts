import { afterEach, describe, expect, it, vi } from 'vitest';
import { startApi } from '../api.ts';
import { type ApiHandler, apiError, hang, json, reset } from '../api-server.ts';
import { startServer, type TestClient, temporaryFolder } from '../harness.ts';
import { eachNth } from '../long.ts';

// A clock on the wall that somebody sets while the product works: no time has passed by that.

const work = { requests: [{ task_id: 'a', prompt: 'one' }] };
const HOUR = 3_600_000;

let set = 0;
const real = Date.now;
const wall = () => new Date(Date.now());
const startClock = () => void vi.spyOn(Date, 'now').mockImplementation(() => real() + set);

afterEach(() => {
  set = 0;
  vi.restoreAllMocks();
});

const directions: [string, number][] = [
  ['back', -HOUR],
  ['forward', HOUR],
];

describe.each(directions)('a clock that is set %s by an hour', (_direction, ms) => {
  eachNth<[tool: string, args: object, answers: ApiHandler]>(12, [
    ['batch_status', { wait_seconds: 1 }, (_request, _response, pass) => pass()],
    ['get_results', {}, hang],
    ['get_results', { output_file: 'o.jsonl' }, hang],
  ])('makes no %s %j last longer', async (tool, args, answers) => {
    startClock();
    const api = await startApi();
    const server = await startServer({ api, wall, limits: { callMs: 700 } });
    const { batch_id } = await server.ok('submit_batch', work);
    api.override('retrieve', (...exchange) => {
      set = ms;
      answers(...exchange);
    });
    const begun = performance.now();
    await server.call(tool, { batch_id, ...args });
    expect(performance.now() - begun).toBeLessThan(20_000);
    await api.close();
  });

  it('makes a busy API be asked no longer, and the time to send no other', async () => {
    startClock();
    const api = await startApi();
    const server = await startServer({ api, wall, limits: { busyMs: 1_200, callMs: 3_000 } });
    api.override('create', (request, response) => {
      set = ms;
      json(429, apiError('rate_limit_error', 'busy'), { 'retry-after': '2' })(request, response);
    });
    const { processing_status } = await server.ok('submit_batch', work);
    expect(processing_status).toBe('not_sent');
    expect(api.creates).toHaveLength(1);
  });

  it('settles nothing before its time, by whoever looks', async () => {
    startClock();
    const settleMs = 400;
    const env = { BATCH_MCP_SETTLE_SECONDS: String(settleMs / 1000) };
    const api = await startApi();
    const folder = await temporaryFolder();
    const server = await startServer({ api, folder, wall, env, limits: { callMs: 100 } });
    let lost = 0;
    api.override(
      'create',
      (request, response) => {
        lost = performance.now();
        reset(request, response);
      },
      { times: 1 },
    );
    const { batch_id } = await server.ok('submit_batch', work);
    const other = await startServer({ api, folder, wall, env, limits: { callMs: 100 } });
    await expect.poll(() => lost).toBeGreaterThan(0);
    set = ms;
    const before = api.asked('list');
    const looks = [server, other].map((each: TestClient) => each.ok('batch_status', { batch_id }));
    await Promise.all(looks);
    await expect.poll(() => api.batches.length).toBe(1);
    const lists = api.requests.filter(({ route }) => route === 'list').slice(before);
    for (const { at } of lists) expect(at - lost).toBeGreaterThanOrEqual(settleMs - 20);
    expect(api.creates).toHaveLength(2);
  });
});
