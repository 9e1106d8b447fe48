import { readdir } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Limits } from '../../src/state/context.ts';
import { follow, isSaved, startApi } from '../api.ts';
import { type ApiHandler, type ApiServer, apiError, hang, json, reset } from '../api-server.ts';
import { type Reply, startServer, type TestServer } from '../harness.ts';
import { eachNth } from '../long.ts';

const work = {
  requests: [
    { task_id: 'a', prompt: 'one' },
    { task_id: 'b', prompt: 'two' },
  ],
};

const fast = { BATCH_MCP_SETTLE_SECONDS: '0.2' };

async function start(limits: Partial<Limits> = {}): Promise<{ api: ApiServer; server: TestServer }> {
  const api = await startApi({ endsAtOnce: true });
  return { api, server: await startServer({ api, env: fast, limits: { busyMs: 4_000, ...limits } }) };
}

/** Looks until nothing goes on any more. */
const followToRest = (server: TestServer, batchId: string) =>
  follow(server, batchId, (status) => {
    const { processing_status, progress } = status;
    return (
      isSaved(status) ||
      processing_status === 'not_sent' ||
      (processing_status === 'unconfirmed' && !progress)
    );
  });

const garbage: ApiHandler = (_request, response: ServerResponse) => {
  response.writeHead(200, { 'content-type': 'application/json' }).end('<html>maintenance</html>');
};
const half: ApiHandler = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '500' });
  response.write('{"id":"msgbatch_');
  setTimeout(() => response.destroy(), 50);
};
const error = (status: number, type: string, headers = {}) =>
  json(status, apiError(type, 'told by the API'), headers);

/** `made` says whether the API has made a batch although its answer says otherwise. */
type Row = [
  name: string,
  fault: { handler: ApiHandler; made: boolean; times?: number },
  expected: { creates: number; batches: number; status: string; told: RegExp; isError?: boolean },
];

const definite = (status: number, type: string): Row => [
  `${status} ${type}`,
  { handler: error(status, type), made: false },
  { creates: 1, batches: 0, status: 'not_sent', told: /none of it is paid/ },
];

/** The key is refused: nothing that a caller could take for a success. */
const refusedKey = (status: number, type: string): Row => [
  `${status} ${type}`,
  { handler: error(status, type), made: false },
  { creates: 1, batches: 0, status: 'not_sent', told: /^api_refused: .*waits as batch_/, isError: true },
];

/** Uncertain, and nothing was made: settled by the list, and sent again. */
const uncertain = (name: string, handler: ApiHandler): Row => [
  `${name}, nothing made`,
  { handler, made: false, times: 1 },
  { creates: 2, batches: 1, status: 'ended', told: /"warnings":\[\],"duplicate":false,.*has ended/ },
];

/** Uncertain, and it was made: found in the list, and never sent again. */
const committed = (name: string, handler: ApiHandler): Row => [
  `${name}, but made`,
  { handler, made: true, times: 1 },
  { creates: 1, batches: 1, status: 'ended', told: /was taken for the batch/ },
];

const uncertainHandlers: [string, ApiHandler][] = [
  ['a hang', hang],
  ['a reset', reset],
  ['408', error(408, 'timeout_error')],
  ['409', error(409, 'conflict_error')],
  ['500', error(500, 'api_error')],
  ['502', (_request, response) => response.writeHead(502).end('<html>bad gateway</html>')],
  ['503', error(503, 'api_error')],
  ['504', error(504, 'timeout_error')],
  ['a 200 that is no JSON', garbage],
  ['a 200 cut in its body', half],
  ['a 200 without an id', json(200, { type: 'message_batch' })],
  [
    'a 101',
    ({ socket }) =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n'),
  ],
  ['a 307', (_request, response) => response.writeHead(307, { location: 'http://127.0.0.1:9/' }).end()],
];

const rows: Row[] = [
  definite(400, 'invalid_request_error'),
  refusedKey(401, 'authentication_error'),
  definite(402, 'billing_error'),
  refusedKey(403, 'permission_error'),
  definite(404, 'not_found_error'),
  definite(413, 'request_too_large'),
  definite(422, 'invalid_request_error'),
  [
    'a spend limit',
    {
      handler: json(
        429,
        apiError('rate_limit_error', 'limit', { error_code: 'enforced_spend_limit_reached' }),
      ),
      made: false,
    },
    { creates: 1, batches: 0, status: 'not_sent', told: /spend limit/i },
  ],
  [
    '429 with retry-after, once',
    { handler: error(429, 'rate_limit_error', { 'retry-after': '1' }), made: false, times: 1 },
    { creates: 2, batches: 1, status: 'ended', told: /"warnings":\[\],"duplicate":false,.*has ended/ },
  ],
  [
    '529 with retry-after, once',
    { handler: error(529, 'overloaded_error', { 'retry-after': '1' }), made: false, times: 1 },
    { creates: 2, batches: 1, status: 'ended', told: /"warnings":\[\],"duplicate":false,.*has ended/ },
  ],
  [
    '529 for ever',
    { handler: error(529, 'overloaded_error', { 'retry-after': '2' }), made: false },
    { creates: 2, batches: 0, status: 'not_sent', told: /none of it is paid/ },
  ],
  [
    '429 with a retry-after of an hour',
    { handler: error(429, 'rate_limit_error', { 'retry-after': '3600' }), made: false },
    { creates: 1, batches: 0, status: 'not_sent', told: /none of it is paid/ },
  ],
  ...uncertainHandlers.map(([name, handler]) => uncertain(name, handler)),
  ...uncertainHandlers.map(([name, handler]) => committed(name, handler)),
];

describe('a create that goes wrong', () => {
  eachNth(4, rows)('%s', async (_name, { handler, made, times }, expected) => {
    // Only who waits for an answer that never comes is in a hurry.
    const { api, server } = await start(handler === hang ? { answerMs: 1_000 } : {});
    api.override('create', handler, { ...(times && { times }), after: made });

    const submitted = await server.call('submit_batch', work);
    expect(submitted.isError, submitted.text).toBe(expected.isError ?? false);
    const [batch_id = ''] = /batch_\w{26}/.exec(submitted.text) ?? [];
    expect(submitted.text).toMatch(expected.told);
    const status = await followToRest(server, batch_id);

    expect(status).toMatchObject({ batch_id, processing_status: expected.status });
    expect(api.creates).toHaveLength(expected.creates);
    expect(api.batches).toHaveLength(expected.batches);
    if (expected.status === 'ended') {
      const { results } = await server.ok('get_results', { batch_id });
      expect(results.map((result: { task_id: string }) => result.task_id)).toEqual(['a', 'b']);
    }
  });

  it.each<[name: string, before: (api: ApiServer, server: TestServer) => Promise<string>, as?: object]>([
    [
      'a batch of ours',
      async (api, server) => {
        const { batch_id } = await server.ok('submit_batch', { requests: ['one', 'two', 'three'] });
        api.make(['x']);
        return (await followToRest(server, batch_id)).parts[0].provider_batch_id;
      },
    ],
    ['the newest batch of another program', async (api) => api.make(['x', 'y'])],
    [
      'another batch of another size',
      async (api) => {
        const id = api.make(['x', 'y', 'z']);
        api.make(['w']);
        return id;
      },
    ],
    [
      'another batch of its size',
      async (api) => {
        const id = api.make(['x', 'y']);
        api.make(['w']);
        return id;
      },
      { created_at: new Date(Date.now() - 3_600_000).toISOString() },
    ],
  ])('is uncertain where its answer names %s that had been made before', async (_name, before, as = {}) => {
    const { api, server } = await start();
    const id = await before(api, server);
    const older: ApiHandler = (request, response) =>
      json(200, { ...api.describe(id), ...as })(request, response);
    api.override('create', older, { times: 1, after: true });
    const { batch_id } = await server.ok('submit_batch', work);
    const status = await follow(server, batch_id);
    expect(status).toMatchObject({ processing_status: 'ended', outcomes: { succeeded: 2 } });
    expect(status.parts[0].provider_batch_id).toBe(api.batches.at(-1)?.id);
    expect(api.batches.filter(({ requests }) => requests[0]?.custom_id === 'a')).toHaveLength(1);
  });

  it('is told as never sent where nothing listens', async () => {
    const { api, server } = await start();
    await api.close();
    const told = await server.fails('submit_batch', work);
    expect(told).toMatch(/^api_unreachable: Nothing was sent.*reach.*call retry_batch/);
    const [batch_id] = /batch_\w{26}/.exec(told) ?? [];
    expect(await server.ok('batch_status', { batch_id })).toMatchObject({ processing_status: 'not_sent' });
  });

  it('is taken up under its own id when the same work is submitted again', async () => {
    const { api, server } = await start();
    api.override('create', error(401, 'authentication_error'), { times: 1 });
    const [batch_id] = /batch_\w{26}/.exec(await server.fails('submit_batch', work)) ?? [];
    const second = await server.ok('submit_batch', work);
    expect(second).toMatchObject({ batch_id, duplicate: false });
    expect((await followToRest(server, second.batch_id)).processing_status).toBe('ended');
    expect(api.batches).toHaveLength(1);
  });

  it('is told as uncertain while it is being settled, and nothing is sent meanwhile', async () => {
    const { api, server } = await start({ callMs: 1_000 });
    let goOn = () => {};
    api.override(
      'create',
      (request, response) => {
        // It is settled from this list.
        goOn = api.hold('list');
        reset(request, response);
      },
      { times: 1, after: true },
    );
    const { batch_id } = await server.ok('submit_batch', work);
    const isUncertain = ({ processing_status }: Reply) => processing_status === 'unconfirmed';
    const submitted = await follow(server, batch_id, isUncertain);
    expect(`${submitted.warnings.join(' ')} ${submitted.next_step}`).toMatch(
      /not known whether .* nothing more is sent/s,
    );
    const again = await server.ok('submit_batch', work);
    expect(again).toMatchObject({ batch_id: submitted.batch_id, duplicate: true });
    goOn();
    expect((await followToRest(server, submitted.batch_id)).processing_status).toBe('ended');
    expect(api.creates).toHaveLength(1);
  });
});

/** A page of the list with one batch each, which never says where it ends. */
const pageOfOne =
  (api: ApiServer): ApiHandler =>
  (request, response) => {
    const after = new URL(request.url ?? '', api.url).searchParams.get('after_id');
    const newest = api.batches.toReversed();
    const at = newest.findIndex(({ id }) => id === after) + 1;
    const data = newest.slice(at, at + 1).map(({ id }) => api.describe(id));
    json(200, { data, has_more: at + 1 < newest.length })(request, response);
  };

it('a list whose pages leave out their last id is read to its end all the same', async () => {
  const { api, server } = await start();
  await server.ok('submit_batch', work);
  api.override(
    'create',
    (request, response) => {
      // Newer than ours, and of another size: made by somebody else meanwhile.
      api.make(['x']);
      reset(request, response);
    },
    { times: 1, after: true },
  );
  api.override('list', pageOfOne(api));
  const more = { requests: [...work.requests, { task_id: 'c', prompt: 'three' }] };
  const { batch_id } = await server.ok('submit_batch', more);
  const status = await followToRest(server, batch_id);
  expect(status.processing_status).toBe('ended');
  expect(api.creates.filter(({ requests }) => requests.length === 3)).toHaveLength(1);
});

it('a list in another order is read for what is newer all the same', async () => {
  const { api, server } = await start();
  api.make(['x', 'y']);
  const oldestFirst: ApiHandler = (request, response) => {
    const limit = Number(new URL(request.url ?? '', api.url).searchParams.get('limit'));
    const data = api.batches.slice(0, limit).map(({ id }) => api.describe(id));
    json(200, { data, has_more: api.batches.length > limit })(request, response);
  };
  api.override('list', oldestFirst);
  api.override('create', error(500, 'api_error'), { times: 1, after: true });
  // Batches that are made within one millisecond have one time.
  await sleep(5);
  const { batch_id } = await server.ok('submit_batch', work);
  expect((await followToRest(server, batch_id)).outcomes).toMatchObject({ succeeded: 2 });
  expect(api.creates).toHaveLength(1);
});

/** All batches on one page, the newest second first, and those of one second by `order`. */
const bySecond =
  (api: ApiServer, order: () => (one: number, other: number) => number): ApiHandler =>
  (request, response) => {
    const sorted = api.batches
      .map((batch, index) => ({ batch, index, second: Math.floor(batch.createdAt.getTime() / 1000) }))
      .sort((one, other) => other.second - one.second || order()(one.index, other.index));
    for (const { batch, second } of sorted) batch.createdAt = new Date(second * 1000);
    const limit = Number(new URL(request.url ?? '', api.url).searchParams.get('limit'));
    const data = sorted.slice(0, limit).map(({ batch }) => api.describe(batch.id));
    json(200, { data, has_more: sorted.length > limit })(request, response);
  };

it('a list of whole seconds, with ours below what was there before, is read for ours all the same', async () => {
  const { api, server } = await start();
  const sameSecond = api.make(['x', 'y', 'z']);
  api.override(
    'create',
    (request, response) => {
      for (const batch of api.batches) batch.createdAt = new Date('2026-11-22T12:00:00Z');
      error(500, 'api_error')(request, response);
    },
    { times: 1, after: true },
  );
  api.override(
    'list',
    bySecond(api, () => (one, other) => one - other),
  );
  const { batch_id } = await server.ok('submit_batch', work);
  expect((await followToRest(server, batch_id)).outcomes).toMatchObject({ succeeded: 2 });
  expect(api.creates).toHaveLength(1);
  expect(sameSecond).toBe(api.batches[0]?.id);
});

it('a list that turns round what is of one second has ours among the candidates all the same', async () => {
  const api = await startApi();
  const server = await startServer({ api, env: fast });
  let listings = 0;
  const turned = () => (one: number, other: number) => (listings === 1 ? other - one : one - other);
  api.override(
    'create',
    (request, response) => {
      for (const id of ['p', 'q']) api.make([`${id}1`, `${id}2`]);
      for (const batch of api.batches) batch.createdAt = new Date('2026-11-22T12:00:00Z');
      const list = bySecond(api, turned);
      api.override('list', (...call) => {
        listings += 1;
        list(...call);
      });
      reset(request, response);
    },
    { times: 1, after: true },
  );
  const { batch_id } = await server.ok('submit_batch', work);
  const candidates = ({ parts }: Reply) => parts?.[0]?.candidates?.length;
  await follow(server, batch_id, (status) => candidates(status) === 3);
  const before = listings;
  const seen = await follow(server, batch_id, (status) => listings > before && !status.progress);
  expect(candidates(seen)).toBe(3);
  api.endAll();
  expect((await followToRest(server, batch_id)).outcomes).toMatchObject({ succeeded: 2 });
  expect(api.creates).toHaveLength(1);
});

it('a list that leaves out what was there before proves nothing', async () => {
  const { api, server } = await start();
  api.make(['x']);
  const empty: ApiHandler = (request, response) => {
    // The one before the create is whole.
    api.override('list', json(200, { data: [], has_more: false }), { times: 4 });
    error(500, 'api_error')(request, response);
  };
  api.override('create', empty, { times: 1, after: true });
  const { batch_id } = await server.ok('submit_batch', work);
  await follow(server, batch_id, () => api.asked('list') > 5);
  expect((await followToRest(server, batch_id)).processing_status).toBe('ended');
  expect(api.creates).toHaveLength(1);
});

it('a list that says that there is more, and not where, proves nothing', async () => {
  const { api, server } = await start();
  api.override('create', error(500, 'api_error'), { times: 1, after: true });
  api.override('list', json(200, { data: [], has_more: true }));
  const { batch_id } = await server.ok('submit_batch', work);
  const status = await followToRest(server, batch_id);
  expect(status.processing_status).toBe('unconfirmed');
  expect(api.creates).toHaveLength(1);
});

eachNth<[after: string | undefined, most: number]>(6, [
  ['0', 2],
  ['-5', 2],
  ['0.001', 2],
  ['Thu, 01 Jan 1970 00:00:00 GMT', 2],
  ['1e308', 1],
  ['1e3', 1],
  ['9'.repeat(400), 1],
  ['soon', 1],
  ['', 1],
  [undefined, 1],
])('a busy API with retry-after %s is asked again with pauses, in one state', async (after, most) => {
  const { api, server } = await start({ busyMs: 1_500 });
  const headers = after === undefined ? {} : { 'retry-after': after };
  api.override('create', error(429, 'rate_limit_error', headers));
  const { batch_id } = await server.ok('submit_batch', work);
  const status = await followToRest(server, batch_id);
  expect(status.processing_status).toBe('not_sent');
  expect(status.warnings.join(' ')).toMatch(/try again in (?:a minute|[\d,]{2,} seconds)/);
  expect(api.creates.length).toBeLessThanOrEqual(most);
  // Prepared, being sent, not sent.
  expect(await readdir(path.join(server.data, 'batches', batch_id, 'record'))).toHaveLength(3);
});

it('a list that goes wrong at each look is asked again, in one state', async () => {
  const { api, server } = await start();
  const record = async (batch_id: string) =>
    (await readdir(path.join(server.data, 'batches', batch_id, 'record'))).length;
  api.override(
    'create',
    (request, response) => {
      api.override('list', error(403, 'permission_error'));
      reset(request, response);
    },
    { times: 1, after: true },
  );
  const { batch_id } = await server.ok('submit_batch', work);
  await followToRest(server, batch_id);
  // Prepared, being sent, unconfirmed.
  expect(await record(batch_id)).toBe(3);
  for (let look = 0; look < 5; look += 1) await followToRest(server, batch_id);
  expect(api.asked('list')).toBeGreaterThan(5);
  expect(await record(batch_id)).toBe(3);
});
