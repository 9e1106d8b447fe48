import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ids, prompts, startApi, startCheckedServer, toTheEnd } from '../api.ts';
import { type ApiRequest, errored, succeeded, unfinished } from '../api-server.ts';
import { spawnServer } from '../harness.ts';
import { eachNthOf, long } from '../long.ts';
import { outcomesByTask, type Script, scripted, sentIds, sentParams } from '../retry.ts';

/** Ends whatever is sent, and looks until nothing goes on any more. */
async function submitted(script: Script, args: object) {
  const api = await startApi({ results: scripted(script) });
  const server = await startCheckedServer({ api });
  const requests = prompts(Object.keys(script));
  const { batch_id } = await server.ok('submit_batch', { requests, ...args });
  return { api, server, batch_id };
}

describe('retries', () => {
  it('send again what can succeed, so often as was asked for, and nothing else', async () => {
    const script: Script = {
      ok: ['ok'],
      late: ['expired', 'ok'],
      busy: ['overloaded', 'expired', 'ok'],
      wrong: ['invalid'],
      declined: ['refused'],
      never: ['expired'],
    };
    const { api, server, batch_id } = await submitted(script, { retries: 2, output_file: 'all.jsonl' });
    const status = await toTheEnd(server, api, batch_id);
    expect(api.creates.map((_, index) => sentIds(api, index).length)).toEqual([6, 3, 2]);
    expect(await outcomesByTask(server, batch_id)).toEqual({
      ok: 'succeeded',
      late: 'succeeded',
      busy: 'succeeded',
      wrong: 'errored',
      declined: 'incomplete',
      never: 'expired',
    });
    expect(status.outcomes).toMatchObject({
      succeeded: 3,
      incomplete: 1,
      errored: 1,
      expired: 1,
      pending: 0,
    });
    expect(status.request_count).toBe(6);
    const lines = (await readFile(path.join(server.work, 'all.jsonl'), 'utf8')).trimEnd().split('\n');
    expect(lines).toHaveLength(6);
    expect(lines.filter((line) => JSON.parse(line).outcome === 'succeeded')).toHaveLength(3);
    // No further look sends anything.
    for (let look = 0; look < 3; look += 1) await server.ok('batch_status', { batch_id });
    expect(api.creates).toHaveLength(3);
  });

  it.each([
    ['each task', {}, [8, 8]],
    ['packs of tasks', { pack: 4 }, [2, 2]],
  ])('send all of it again within what was reserved by the count of the API: %s', async (_of, how, sent) => {
    const api = await startApi({
      tokens: (params) => Math.ceil(JSON.stringify(params.messages).length / 4),
      results: (requests) => requests.map((request) => unfinished(request, 'expired')),
    });
    const server = await startCheckedServer({ api });
    const rows = Array.from({ length: 8 }, (_, row) => `${row},What became of card ${row}?\n`).join('');
    await writeFile(path.join(server.work, 'rows.csv'), `id,text\n${rows}`);
    const work = { rows_file: 'rows.csv', prompt: 'Say what it is about: {{text}}', max_tokens: 50 };
    const { work_id } = await server.ok('estimate_cost', { ...work, ...how });
    const { batch_id, cost_usd } = await server.ok('submit_batch', { work_id, retries: 1 });
    expect(cost_usd.basis).toBe('exact');
    await toTheEnd(server, api, batch_id);
    expect(api.creates.map(({ requests }) => requests.length)).toEqual(sent);
  });

  it.each([
    ['each task', {}, [[8], [8]]],
    ['packs of tasks', { pack: 4 }, [[2], [4]]],
  ])(
    'send all of it again where every answer was unusable, with lower limits: %s',
    async (_of, how, sent) => {
      const api = await startApi({
        endsAtOnce: true,
        tokens: (params) => Math.ceil(JSON.stringify(params.messages).length / 4),
        results: (requests) => requests.map((request) => succeeded(request, 'I would say: refund.')),
      });
      const server = await startCheckedServer({ api });
      const rows = Array.from({ length: 8 }, (_, row) => `${row},What became of card ${row}?\n`).join('');
      await writeFile(path.join(server.work, 'rows.csv'), `id,text\n${rows}`);
      const work = { rows_file: 'rows.csv', prompt: 'About: {{text}}', labels: ['refund', 'pin'], ...how };
      const { batch_id, cost_usd } = await server.ok('submit_batch', { ...work, retries: 1 });
      const status = await toTheEnd(server, api, batch_id);
      expect(api.creates.map(({ requests }) => [requests.length])).toEqual(sent);
      const limits = api.creates.map(({ requests }) => Number(requests[0]?.params.max_tokens));
      expect(limits[1]).toBeLessThan(limits[0] ?? 0);
      expect(status.cost_usd.maximum).toBe(cost_usd.maximum);
      expect(status.warnings.join(' ')).not.toMatch(/Not retried automatically/);
    },
  );

  it('double max_tokens where an answer was cut off', async () => {
    const { api, server, batch_id } = await submitted(
      { a: ['cut', 'cut', 'ok'], b: ['ok'] },
      { retries: 3, max_tokens: 500 },
    );
    await toTheEnd(server, api, batch_id);
    expect(
      api.creates.map((_, create) => sentParams(api, create, sentIds(api, create)[0] ?? '').max_tokens),
    ).toEqual([500, 1000]);
    const status = await server.ok('batch_status', { batch_id });
    // The second time it could have cost more than was left of the maximum.
    expect(status.outcomes).toMatchObject({ succeeded: 1, incomplete: 1 });
    expect(status.warnings.join(' ')).toMatch(/Not retried automatically/);
  });

  eachNthOf(2, [0, undefined])('%s: nothing is sent without being asked', async (retries) => {
    const { api, server, batch_id } = await submitted(
      { a: ['expired', 'ok'] },
      retries === undefined ? {} : { retries },
    );
    await toTheEnd(server, api, batch_id);
    expect(api.creates).toHaveLength(1);
  });

  it('leave what was canceled alone', async () => {
    const { api, server, batch_id } = await submitted(
      { a: ['canceled', 'ok'], b: ['expired', 'ok'] },
      { retries: 2 },
    );
    await toTheEnd(server, api, batch_id);
    expect(api.creates).toHaveLength(1);
  });

  it('are refused above 3', async () => {
    const server = await startCheckedServer({ api: await startApi() });
    expect(await server.fails('submit_batch', { requests: prompts(['a']), retries: 4 })).toMatch(/retries/);
  });

  it('stay within the maximum that was reserved, whatever fails', async () => {
    const { api, server, batch_id } = await submitted(
      { a: ['cut', 'cut', 'cut', 'cut'], b: ['cut', 'cut', 'cut', 'cut'], c: ['expired', 'expired', 'ok'] },
      { retries: 3, max_tokens: 1_000 },
    );
    const { cost_usd: reserved } = await server.ok('batch_status', { batch_id });
    const { cost_usd } = await toTheEnd(server, api, batch_id);
    expect(cost_usd.maximum).toBe(reserved.maximum);
    expect(cost_usd.actual).toBeLessThanOrEqual(reserved.maximum);
  });

  it('are sent once, however many processes look at the end', async () => {
    const api = await startApi({ results: scripted({ a: ['expired', 'ok'], b: ['overloaded', 'ok'] }) });
    const first = await startCheckedServer({ api });
    const { batch_id } = await first.ok('submit_batch', { requests: prompts(['a', 'b', 'c']), retries: 3 });
    const others = await Promise.all(
      Array.from({ length: 3 }, () => startCheckedServer({ api, folder: first.folder })),
    );
    api.endAll();
    await Promise.all([first, ...others].map((server) => server.ok('batch_status', { batch_id })));
    await Promise.all([first, ...others].map((server) => toTheEnd(server, api, batch_id)));
    expect(api.creates.map((_, index) => sentIds(api, index).length)).toEqual([3, 2]);
  });

  it('are not sent for work that was submitted anew since', async () => {
    const { api, server, batch_id } = await submitted({ a: ['expired', 'expired', 'ok'] }, { retries: 2 });
    api.endAll();
    const reader = await startCheckedServer({ api, folder: server.folder, argv: ['--read-only'] });
    await toTheEnd(reader, api, batch_id);
    const anew = await server.ok('submit_batch', { requests: prompts(['a']) });
    expect(anew).toMatchObject({ duplicate: false });
    const status = await toTheEnd(server, api, batch_id);
    expect(status.warnings.join(' ')).toContain(
      `Not retried automatically: Nothing was sent: ${anew.batch_id}`,
    );
    expect(api.creates).toHaveLength(2);
  });

  it('are not sent by a server that may not', async () => {
    const api = await startApi({ results: scripted({ a: ['expired', 'ok'] }) });
    const first = await startCheckedServer({ api });
    const { batch_id } = await first.ok('submit_batch', { requests: prompts(['a']), retries: 1 });
    const reader = await startCheckedServer({ api, folder: first.folder, argv: ['--read-only'] });
    await toTheEnd(reader, api, batch_id);
    expect(api.creates).toHaveLength(1);
    await toTheEnd(first, api, batch_id);
    expect(api.creates).toHaveLength(2);
  });
});

/** Numbers that look random, the same each time. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

const schema = { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] };

it.each<[seed: number]>([[1], [2], [3]])(
  'an API that expires, overloads and breaks schemas, under servers that are killed (%i)',
  long,
  async (seed) => {
    const random = createRandom(seed);
    const results = (requests: ApiRequest[]) =>
      requests.map((request) => {
        const chance = random();
        if (chance < 0.15) return unfinished(request, 'expired');
        if (chance < 0.3) return errored(request, 'overloaded_error', 'Overloaded');
        if (chance < 0.4) return succeeded(request, chance < 0.35 ? 'no JSON' : '{"n":"x"}');
        return succeeded(request, '{"n":1}');
      });
    const api = await startApi({ results });
    const env = { BATCH_MCP_SETTLE_SECONDS: '0.05' };
    let server = await spawnServer({ api, env });
    const { folder } = server;
    const requests = ids(40).map((task_id) => ({ task_id, prompt: 'n?', output_schema: schema }));
    const { batch_id } = await server.ok('submit_batch', { requests, retries: 3, output_file: 'out.jsonl' });
    const { cost_usd: reserved } = await server.ok('batch_status', { batch_id });
    for (let kill = 0; kill < 4; kill += 1) {
      api.endAll();
      const look = server.call('batch_status', { batch_id }).catch(() => null);
      // At any moment of the look: nothing is waited for here.
      await sleep(random() * 300);
      await server.kill();
      await look;
      server = await spawnServer({ api, env, folder });
    }
    const status = await toTheEnd(server, api, batch_id);
    const { totals } = await server.ok('get_results', { batch_id });
    const { total, ...outcomes } = totals;
    expect(total).toBe(40);
    expect(status.outcomes).toEqual(outcomes);
    // Each request was paid at most once in each attempt, and what had succeeded never again.
    expect(api.creates.length).toBeLessThanOrEqual(4);
    const sent = api.creates.map((_, index) => sentIds(api, index));
    for (const each of sent) expect(new Set(each).size).toBe(each.length);
    for (const [index, each] of sent.entries()) {
      if (index > 0) expect(each.length).toBeLessThan(sent[index - 1]?.length ?? 0);
    }
    expect(status.cost_usd.actual).toBeLessThanOrEqual(reserved.maximum);
    const lines = (await readFile(path.join(server.work, 'out.jsonl'), 'utf8')).trimEnd().split('\n');
    const written = lines.map((line) => JSON.parse(line));
    expect(written).toHaveLength(40);
    expect(written.filter(({ outcome }) => outcome === 'succeeded')).toHaveLength(totals.succeeded);
  },
);
