import { describe, expect, it } from 'vitest';
import { startApi } from '../api.ts';
import { type ApiServer, type ApiServerOptions, errored, unfinished } from '../api-server.ts';
import { type Reply, spawnServer, startServer, type TestClient, temporaryFolder } from '../harness.ts';
import { eachNth, long } from '../long.ts';

const work = {
  requests: [
    { task_id: 'a', prompt: 'one' },
    { task_id: 'b', prompt: 'two' },
  ],
};

/** Eight processes on one data folder, each with a client of its own. */
async function startEight(api: ApiServer, folder: string): Promise<TestClient[]> {
  return Promise.all(Array.from({ length: 8 }, () => spawnServer({ folder, api })));
}

/** All submit at the same moment. */
async function submitAtOnce(clients: TestClient[]): Promise<Reply[]> {
  return Promise.all(clients.map((client) => client.ok('submit_batch', work)));
}

function expectOneOwner(replies: Reply[]) {
  expect(new Set(replies.map(({ batch_id }) => batch_id)).size).toBe(1);
  expect(replies.filter(({ duplicate }) => duplicate)).toHaveLength(7);
  for (const { duplicate, warnings } of replies) {
    if (duplicate) expect(warnings[0]).toMatch(/^Nothing new was sent: the same work was submitted/);
  }
}

async function submitAndEnd(client: TestClient, api: ApiServer): Promise<string> {
  const { batch_id } = await client.ok('submit_batch', work);
  api.endAll();
  await client.ok('get_results', { batch_id });
  return batch_id;
}

describe('the same work', () => {
  it('submitted by eight processes at the same moment is one batch', async () => {
    const api = await startApi();
    const folder = await temporaryFolder();
    const clients = await startEight(api, folder);
    const replies = await submitAtOnce(clients);
    expectOneOwner(replies);
    expect(api.batches).toHaveLength(1);
    const { batches } = (await clients[0]?.ok('list_batches')) ?? {};
    expect(batches.map(({ batch_id }: Reply) => batch_id)).toEqual([replies[0]?.batch_id]);
  });

  it('submitted by eight processes over a marker that has expired is one more batch', long, async () => {
    const api = await startApi();
    const folder = await temporaryFolder();
    const now = () => new Date(Date.now() - 25 * 60 * 60 * 1000);
    const yesterday = await startServer({ api, folder, now });
    const old = await yesterday.ok('submit_batch', work);
    expect(await yesterday.ok('submit_batch', work)).toMatchObject({ duplicate: true });

    const replies = await submitAtOnce(await startEight(api, folder));
    expectOneOwner(replies);
    expect(replies[0]?.batch_id).not.toBe(old.batch_id);
    expect(api.batches).toHaveLength(2);
  });

  it('is known as long as 24 hours, and not longer', async () => {
    const api = await startApi();
    const folder = await temporaryFolder();
    const { batch_id } = await (await startServer({ api, folder })).ok('submit_batch', work);
    const after = (hours: number) => () => new Date(Date.now() + hours * 60 * 60 * 1000);
    const same = await startServer({ api, folder, now: after(23.9) });
    expect(await same.ok('submit_batch', work)).toMatchObject({ batch_id, duplicate: true });
    const later = await startServer({ api, folder, now: after(24.1) });
    expect(await later.ok('submit_batch', work)).toMatchObject({ duplicate: false });
    expect(api.batches).toHaveLength(2);
  });

  it('is sent again with force_new, and from then on the newer one is the one known', async () => {
    const api = await startApi();
    const server = await startServer({ api });
    const first = await server.ok('submit_batch', work);
    const second = await server.ok('submit_batch', { ...work, force_new: true });
    expect(second).toMatchObject({ duplicate: false });
    expect(second.batch_id).not.toBe(first.batch_id);
    expect(await server.ok('submit_batch', work)).toMatchObject({
      batch_id: second.batch_id,
      duplicate: true,
    });
    expect(api.batches).toHaveLength(2);
  });

  it('is that of the first where the one beside it, by force_new, was canceled', async () => {
    const api = await startApi();
    const server = await startServer({ api });
    const first = await server.ok('submit_batch', work);
    const second = await server.ok('submit_batch', { ...work, force_new: true });
    await server.ok('cancel_batch', { batch_id: second.batch_id });
    expect(await server.ok('submit_batch', work)).toMatchObject({
      batch_id: first.batch_id,
      duplicate: true,
    });
    expect(api.batches).toHaveLength(2);
  });

  eachNth(8, [
    ['another order', { requests: work.requests.toReversed() }],
    [
      'another prompt',
      {
        requests: [
          { task_id: 'a', prompt: 'one' },
          { task_id: 'b', prompt: 'three' },
        ],
      },
    ],
    [
      'another id',
      {
        requests: [
          { task_id: 'a', prompt: 'one' },
          { task_id: 'c', prompt: 'two' },
        ],
      },
    ],
    ['another tier', { ...work, model_tier: 'cheap' }],
    ['another max_tokens', { ...work, max_tokens: 77 }],
  ])('is not work with %s', async (_what, other) => {
    const api = await startApi();
    const server = await startServer({ api });
    await server.ok('submit_batch', work);
    expect(await server.ok('submit_batch', other)).toMatchObject({ duplicate: false });
    expect(api.batches).toHaveLength(2);
  });

  it('under another name is the same', long, async () => {
    const api = await startApi();
    const server = await startServer({ api });
    const { batch_id } = await server.ok('submit_batch', { ...work, name: 'one' });
    const again = await server.ok('submit_batch', { ...work, name: 'two', output_file: 'out.json' });
    expect(again).toMatchObject({ batch_id, duplicate: true });
    expect(api.batches).toHaveLength(1);
  });

  it('that was canceled does not count', async () => {
    const api = await startApi();
    const server = await startServer({ api });
    const { batch_id } = await server.ok('submit_batch', work);
    await server.ok('cancel_batch', { batch_id });
    const again = await server.ok('submit_batch', work);
    expect(again).toMatchObject({ duplicate: false, processing_status: 'in_progress' });
    expect(again.batch_id).not.toBe(batch_id);
    expect(api.batches).toHaveLength(2);
  });

  eachNth<[string, ApiServerOptions['results']]>(2, [
    ['errored', (requests) => requests.map((each) => errored(each, 'api_error', 'oops'))],
    ['expired', (requests) => requests.map((each) => unfinished(each, 'expired'))],
  ])('of which all %s does not count', async (_outcome, results) => {
    const api = await startApi(results === undefined ? {} : { results });
    const server = await startServer({ api });
    const batch_id = await submitAndEnd(server, api);
    const again = await server.ok('submit_batch', work);
    expect(again).toMatchObject({ duplicate: false });
    expect(again.batch_id).not.toBe(batch_id);
    expect(api.batches).toHaveLength(2);
  });

  it('that has succeeded counts', async () => {
    const api = await startApi();
    const server = await startServer({ api });
    const batch_id = await submitAndEnd(server, api);
    expect(await server.ok('submit_batch', work)).toMatchObject({ batch_id, duplicate: true });
    expect(api.batches).toHaveLength(1);
  });

  it('done in the sandbox does not count for real, nor the other way round', async () => {
    const api = await startApi();
    const server = await startServer({ api });
    const made_up = await server.ok('submit_batch', { ...work, sandbox: true });
    expect(made_up.provider).toBe('sandbox');
    const real = await server.ok('submit_batch', work);
    expect(real).toMatchObject({ provider: 'anthropic', duplicate: false });
    expect(await server.ok('submit_batch', { ...work, sandbox: true })).toMatchObject({
      batch_id: made_up.batch_id,
      duplicate: true,
    });
    expect(api.batches).toHaveLength(1);
  });
});
