import { describe, expect, it } from 'vitest';
import { createStore } from '../../src/store/files/create-store.ts';
import type { Claim } from '../../src/store/shared-records.ts';
import type { Store } from '../../src/store/store.ts';
import { follow, prompts, startApi } from '../api.ts';
import { type ApiHandler, type ApiServer, apiError, json, reset } from '../api-server.ts';
import { startServer, type TestServer, temporaryFolder } from '../harness.ts';
import { eachNth, eachNthOf, long } from '../long.ts';
import { budgetIn } from './budget-in.ts';

const tasks = (...ids: string[]) => ({ requests: prompts(ids) });
const ended = { endsAtOnce: true };
const SETTLE_MS = 300;
const quick = { env: { BATCH_MCP_SETTLE_SECONDS: String(SETTLE_MS / 1000) }, limits: { callMs: 3_000 } };

/** Resets the next create, when this has happened. `made`: the API has made its batch all the same. */
function resetNextCreate(api: ApiServer, { made }: { made: boolean }, first: () => unknown = () => {}): void {
  const handler: ApiHandler = (request, response) => {
    void Promise.resolve(first()).then(() => reset(request, response));
  };
  api.override('create', handler, { times: 1, after: made });
}

/** Submits what the API makes without an answer, while its list can't be read; then the list can be read again. */
async function submitUnlisted(api: ApiServer, server: TestServer, made = true): Promise<string> {
  let isAway = true;
  const away = json(500, apiError('api_error', 'no list'));
  resetNextCreate(api, { made }, () =>
    api.override('list', (request, response, pass) => (isAway ? away(request, response) : pass())),
  );
  const { batch_id } = await server.ok('submit_batch', tasks('a', 'b'));
  await follow(server, batch_id, ({ progress }) => !progress);
  isAway = false;
  return batch_id;
}

/** What a process does right after it has changed a claim, and before it goes on. */
function afterClaims(act: (claim: Claim) => unknown): (real: Store) => Store {
  return (real) => ({
    ...real,
    claim: (id) => {
      const claim = real.claim(id);
      const update: typeof claim.update = async (change) => {
        const held = await claim.update(change);
        if (held) await act(held);
        return held;
      };
      return { ...claim, update };
    },
  });
}

/** A batch as a list has it. */
const listed = (id: string) => ({
  id,
  processing_status: 'ended',
  request_counts: { processing: 0, succeeded: 7, errored: 0, canceled: 0, expired: 0 },
  created_at: new Date().toISOString(),
});

/** Does it the first time alone. */
function once(act: () => Promise<unknown>): () => Promise<void> {
  let isDone = false;
  return async () => {
    if (isDone) return;
    isDone = true;
    await act();
  };
}

describe('settling what is uncertain', () => {
  it("leaves it to a person where a stranger's batch of the same count runs beside ours", async () => {
    const api = await startApi();
    const server = await startServer({ api, ...quick });
    let theirs = '';
    resetNextCreate(api, { made: true }, () => {
      theirs = api.make(['x', 'y']);
    });
    const { batch_id } = await server.ok('submit_batch', tasks('a', 'b'));

    const status = await follow(server, batch_id, ({ progress }) => !progress);
    expect(status.processing_status).toBe('unconfirmed');
    expect(status.warnings.join(' ')).toContain(theirs);
    expect(status.warnings.join(' ')).toContain(api.batches[0]?.id);
    expect(api.creates).toHaveLength(1);
  });

  it("gives back a stranger's batch whose results hold what was never sent, and finds its own", async () => {
    const api = await startApi(ended);
    const server = await startServer({ api, ...quick });
    let theirs = '';
    resetNextCreate(api, { made: false }, () => {
      theirs = api.make(['x', 'y']);
    });
    const { batch_id } = await server.ok('submit_batch', tasks('a', 'b'));

    const status = await follow(server, batch_id);
    expect(status.parts[0].provider_batch_id).not.toBe(theirs);
    const { results } = await server.ok('get_results', { batch_id });
    expect(results.map((result: any) => [result.task_id, result.text])).toEqual([
      ['a', 'answer a'],
      ['b', 'answer b'],
    ]);
    expect(api.creates).toHaveLength(2);
  });

  it('waits while another part of ours with as many requests is on its way', async () => {
    const api = await startApi(ended);
    const folder = await temporaryFolder();
    const one = await startServer({ api, folder, ...quick });
    const two = await startServer({ api, folder, ...quick, limits: { callMs: 300 } });
    let answer = () => {};
    // The second's create is made, newer than the first's watermark, and its answer is slow to come.
    resetNextCreate(api, { made: false }, async () => {
      answer = api.hold('create');
      await two.ok('submit_batch', tasks('c', 'd'));
      await expect.poll(() => api.creates.length).toBe(2);
    });
    const { batch_id } = await one.ok('submit_batch', tasks('a', 'b'));
    const status = await follow(one, batch_id, ({ progress }) => !progress);
    expect(status.processing_status).toBe('unconfirmed');
    expect(api.creates).toHaveLength(2);

    answer();
    const settled = await follow(one, batch_id);
    expect(settled.outcomes.succeeded).toBe(2);
    expect(api.batches.map((batch) => batch.requests[0]?.custom_id)).toEqual(['c', 'a']);
  });

  it('finds it behind several pages of newer batches', async () => {
    const api = await startApi(ended);
    const server = await startServer({ api, ...quick });
    resetNextCreate(api, { made: true }, () => {
      for (let n = 0; n < 230; n += 1) api.make([`only-${n}`]);
    });
    const { batch_id } = await server.ok('submit_batch', tasks('a', 'b'));
    const status = await follow(server, batch_id);
    expect(status.outcomes.succeeded).toBe(2);
    expect(api.batches.filter((batch) => batch.requests.length === 2)).toHaveLength(1);
  });

  eachNth<[off: number]>(2, [[-60_000], [60_000]])('holds with a clock that is %d ms off', async (off) => {
    const api = await startApi(ended);
    const now = () => new Date(Date.now() + off);
    const server = await startServer({ api, ...quick, now });
    resetNextCreate(api, { made: true });
    const { batch_id } = await server.ok('submit_batch', tasks('a', 'b'));
    await follow(server, batch_id);
    expect(api.creates).toHaveLength(1);
  });

  it('finds a commit that shows up late, but within the time', async () => {
    const api = await startApi(ended);
    const server = await startServer({ api, ...quick });
    resetNextCreate(api, { made: false }, () => {
      // It shows in the moment in which it is looked for.
      api.override(
        'list',
        (_request, _response, pass) => {
          api.commit();
          pass();
        },
        { times: 1 },
      );
    });
    const { batch_id } = await server.ok('submit_batch', tasks('a', 'b'));
    await follow(server, batch_id);
    expect(api.creates).toHaveLength(1);
    const [create, list] = api.requests
      .filter(({ route }) => route === 'create' || route === 'list')
      .slice(1);
    expect((list?.at ?? 0) - (create?.at ?? 0)).toBeGreaterThanOrEqual(SETTLE_MS - 1);
  });

  it('takes nothing for ours that came in above an empty first listing', async () => {
    const api = await startApi();
    const server = await startServer({ api, ...quick });
    resetNextCreate(api, { made: false }, () => {
      api.override('list', (_request, _response, pass) => pass(), { times: 1 });
      api.override(
        'list',
        (_request, _response, pass) => {
          api.make(['x', 'y']);
          pass();
        },
        { times: 1 },
      );
    });
    const { batch_id } = await server.ok('submit_batch', tasks('a', 'b'));
    const status = await follow(
      server,
      batch_id,
      ({ processing_status }) => processing_status === 'in_progress',
    );
    expect(status.parts[0].provider_batch_id).not.toBe(api.batches[0]?.id);
    expect(api.creates).toHaveLength(2);
  });

  it('looks once into what has ended and is not ours', long, async () => {
    const api = await startApi();
    const server = await startServer({ api, ...quick });
    const theirs: string[] = [];
    resetNextCreate(api, { made: true }, () => {
      for (let n = 0; n < 3; n += 1) theirs.push(api.make(['a', 'b']));
      for (const id of theirs.slice(0, 2)) api.end(id);
    });
    const { batch_id } = await server.ok('submit_batch', tasks('a', 'b'));
    for (let look = 0; look < 3; look += 1) {
      const status = await follow(server, batch_id, ({ progress }) => !progress);
      expect(status.processing_status).toBe('unconfirmed');
      expect(status.warnings.join(' ')).not.toContain(theirs[0]);
      expect(status.warnings.join(' ')).toContain(theirs[2]);
    }
    expect(api.asked('results')).toBe(2);
    // Once it has ended the last of them is disproved as well, and ours is the only one that is left.
    api.end(theirs[2] ?? '');
    api.end(api.batches[0]?.id ?? '');
    expect((await follow(server, batch_id)).parts[0].provider_batch_id).toBe(api.batches[0]?.id);
    expect(api.creates).toHaveLength(1);
  });

  it('keeps what is disproved where the results of another can not be read now', long, async () => {
    const api = await startApi();
    const server = await startServer({ api, ...quick });
    let isAway = true;
    resetNextCreate(api, { made: true }, () => {
      for (let n = 0; n < 6; n += 1) api.make(['x', 'y']);
      api.override('results', (request, response, pass) =>
        isAway && /test0+[37]\//.test(request.url ?? '') ? reset(request, response) : pass(),
      );
      for (const { id } of api.batches.slice(1)) api.end(id);
    });
    const { batch_id } = await server.ok('submit_batch', tasks('a', 'b'));
    const named = await follow(server, batch_id, ({ parts }) => parts[0].candidates?.length === 3);
    expect(named.processing_status).toBe('unconfirmed');
    expect(await server.fails('retry_batch', { batch_id, resolve: 'send_again' })).toMatch(/^api_/);
    isAway = false;
    api.end(api.batches[0]?.id ?? '');
    expect((await follow(server, batch_id)).parts[0].provider_batch_id).toBe(api.batches[0]?.id);
    expect(api.creates).toHaveLength(1);
  });

  eachNthOf(3, ['made', 'not made', 'gone'])(
    'tells what became of a send that a person had sent again: %s',
    async (fate) => {
      const api = await startApi();
      const server = await startServer({ api, ...quick });
      resetNextCreate(api, { made: fate === 'made' }, () => {
        api.make(['x', 'y']);
        api.make(['x', 'y']);
      });
      const { batch_id } = await server.ok('submit_batch', tasks('a', 'b'));
      await follow(
        server,
        batch_id,
        ({ processing_status, progress }) => processing_status === 'unconfirmed' && !progress,
      );
      await server.ok('retry_batch', { batch_id, resolve: 'send_again' });
      await follow(server, batch_id, ({ processing_status }) => processing_status === 'in_progress');
      const [first, second] = api.batches.map(({ id }) => id);
      const ours = api.batches.at(-1)?.id ?? '';
      api.end(ours);
      const before = await follow(server, batch_id);
      expect(before.cost_usd.actual).toBeNull();
      expect(before.warnings.join(' ')).toMatch(
        /sent again without knowing what became of it may have been paid .* a look after these have ended will tell/,
      );
      const once = before.cost_usd.maximum / 2;
      expect((await budgetIn(server.folder)).reserved).toBeCloseTo(once, 6);

      if (fate === 'gone') api.batches.splice(0, 1);
      api.endAll();
      const told = await follow(
        server,
        batch_id,
        ({ warnings }) => !/a look after the end/.test(warnings.join(' ')),
      );
      await server.fails('submit_batch', { ...tasks('z'), max_cost_usd: 0.000001 });
      await follow(server, batch_id);
      const { spent, reserved } = await budgetIn(server.folder);
      if (fate === 'gone') {
        expect(told.cost_usd.actual).toBeNull();
        expect(told.warnings.join(' ')).toMatch(`${first}, whose results the API no longer has`);
        expect(told.warnings.join(' ')).not.toContain(second);
        expect(reserved).toBeCloseTo(once, 6);
      } else {
        expect(told.warnings).toEqual(
          fate === 'made' ? [expect.stringContaining(`was made twice: ${first}`)] : [],
        );
        expect(reserved).toBe(0);
        expect(spent).toBeCloseTo(told.cost_usd.actual, 6);
        const { batches, totals, groups } = await server.ok('list_batches', {
          group_by: ['model'],
          limit: 1,
        });
        expect(batches[0].cost_usd.actual).toBe(told.cost_usd.actual);
        expect(totals.actual_usd).toBe(told.cost_usd.actual);
        expect(groups).toMatchObject([{ requests: 2, actual_usd: told.cost_usd.actual }]);
      }
    },
  );

  it('gives a tentative claim back where the part became something else meanwhile', long, async () => {
    const api = await startApi();
    const folder = await temporaryFolder();
    const other = await startServer({ api, folder, ...quick });
    let theirs = '';
    let decided = false;
    const decide = async () => {
      if (decided) return;
      decided = true;
      // What could be it is not paid beside another one without a word.
      api.end(theirs);
      const [{ batch_id }] = (await other.ok('list_batches')).batches;
      await other.ok('retry_batch', { batch_id, resolve: 'send_again' });
    };
    const server = await startServer({
      api,
      folder,
      ...quick,
      store: (real) => ({
        ...real,
        claim: (id) => {
          const claim = real.claim(id);
          const update: typeof claim.update = async (by) => {
            const held = await claim.update(by);
            if (id === theirs) await decide();
            return held;
          };
          return { ...claim, update };
        },
      }),
    });
    resetNextCreate(api, { made: false }, () => {
      theirs = api.make(['x', 'y']);
    });
    const { batch_id } = await server.ok('submit_batch', tasks('a', 'b'));
    await follow(server, batch_id, ({ processing_status }) => processing_status === 'in_progress');
    await expect
      .poll(
        async () =>
          (
            await createStore({ path: other.data, log: () => {} })
              .claim(theirs)
              .read()
          )?.owner,
      )
      .toBeNull();
    expect(api.creates).toHaveLength(2);
  });

  it("is settled by a person's word, also where a look takes the same for a guess in the middle of it", async () => {
    const api = await startApi();
    const folder = await temporaryFolder();
    const other = await startServer({ api, folder, ...quick });
    resetNextCreate(api, { made: true }, () => api.make(['x', 'y']));
    const { batch_id } = await other.ok('submit_batch', tasks('a', 'b'));
    await follow(other, batch_id, ({ parts }) => parts[0].candidates?.length === 2);
    const look = once(() =>
      follow(other, batch_id, ({ processing_status }) => processing_status === 'in_progress'),
    );
    const person = await startServer({
      api,
      folder,
      ...quick,
      store: afterClaims(({ owner }) => owner && look()),
    });
    await person.ok('retry_batch', { batch_id, resolve: api.batches[0]?.id });
    const { warnings } = await person.ok('batch_status', { batch_id });
    expect(warnings.join(' ')).not.toContain('was taken for the batch');
  });

  it("keeps a person's word that comes while results are fetched which prove nothing", long, async () => {
    const api = await startApi(ended);
    const folder = await temporaryFolder();
    let minutes = 0;
    const now = () => new Date(Date.now() + minutes * 60_000);
    const options = { api, folder, now, env: quick.env, limits: { callMs: 3_000, downloadPauseMs: 10 } };
    const server = await startServer(options);
    const person = await startServer(options);
    resetNextCreate(api, { made: true });
    let decide = () => Promise.resolve();
    const unreadable: ApiHandler = (_request, response) => {
      const strange = JSON.stringify({ custom_id: 'strange', result: { type: 'canceled' } });
      void decide().then(() => response.end(`garbled\n${strange}\n`));
    };
    api.override('results', unreadable);
    const { batch_id } = await server.ok('submit_batch', tasks('a', 'b'));
    await follow(server, batch_id, ({ warnings }) =>
      /could not be downloaded whole/.test(warnings.join(' ')),
    );
    const resolve = api.batches[0]?.id ?? '';
    decide = once(() => person.ok('retry_batch', { batch_id, resolve }));
    minutes = 16;
    const status = await follow(server, batch_id);
    expect(status.outcomes).toMatchObject({ missing: 2 });
    const claim = await createStore({ path: server.data, log: () => {} })
      .claim(resolve)
      .read();
    expect(claim?.owner).toEqual({ batch_id, part: 1 });
    expect(api.creates).toHaveLength(1);
  });

  it("is no batch that a person names whose results are another's", async () => {
    const api = await startApi(ended);
    const server = await startServer({
      api,
      env: { BATCH_MCP_SETTLE_SECONDS: '60' },
      limits: quick.limits,
    });
    resetNextCreate(api, { made: true });
    const { batch_id } = await server.ok('submit_batch', tasks('a', 'b'));
    const theirs = api.make(['a', 'b']);
    const refusal = await server.fails('retry_batch', { batch_id, resolve: theirs });
    expect(refusal).toMatch(/^invalid_input.*has results that are not/s);
    await server.ok('retry_batch', { batch_id, resolve: api.batches[0]?.id ?? '' });
    expect((await follow(server, batch_id)).outcomes.succeeded).toBe(2);
    expect(api.creates).toHaveLength(1);
  });

  it('sends nothing again while a second listing has not shown the same', async () => {
    const api = await startApi(ended);
    const server = await startServer({ api, ...quick, limits: { callMs: 300 } });
    let goOn = () => {};
    resetNextCreate(api, { made: false }, () => {
      api.override('list', (_request, _response, pass) => pass(), { times: 1 });
      goOn = api.hold('list');
    });
    const { batch_id } = await server.ok('submit_batch', tasks('a', 'b'));
    // The watermark before the create, an empty listing after it, and the one that is held.
    await expect.poll(() => api.asked('list')).toBe(3);
    expect(await server.ok('batch_status', { batch_id })).toMatchObject({
      processing_status: 'unconfirmed',
      progress: { stage: 'sending' },
    });
    expect(api.creates).toHaveLength(1);

    goOn();
    await follow(server, batch_id);
    expect(api.creates).toHaveLength(2);
    expect(api.batches).toHaveLength(1);
  });

  const well: ApiHandler = (_request, _response, pass) => pass();
  const busy = json(529, apiError('overloaded_error', 'busy'));
  const gone: ApiHandler = (request, response) => reset(request, response);
  const endless = json(200, { data: [], has_more: true });
  /** What the API may make of the page behind a batch that it does not have any more: its first page. */
  const restarted: ApiHandler = (request, response) => {
    const { host = '', authorization = '' } = request.headers;
    const first = fetch(`http://${host}${request.url?.split('?')[0]}?limit=100`, {
      headers: { authorization },
    });
    void first.then(async (page) => json(200, await page.json())(request, response));
  };
  /** What the API answers to the first requests for its list after the create, and how many it then takes. */
  const listings: [name: string, answers: ApiHandler[], newer: number, asked: number][] = [
    ['two listings', [], 0, 2],
    ['two, and one that failed before them', [busy], 0, 3],
    ['two, and one that failed between them', [well, busy], 0, 3],
    ['two, and one that never says where it goes on', [well, endless], 0, 3],
    ['two of two pages', [], 101, 4],
    ['two of two pages, of which one failed once', [well, busy], 101, 5],
    ['two of two pages, of which each failed at times', [busy, well, gone, busy, busy, well, busy], 101, 9],
    ['two of three pages, and one that came to its first page again', [well, well, restarted], 201, 10],
  ];
  eachNth(3, listings)('is sent again after %s, all late enough', async (_name, answers, newer, asked) => {
    const api = await startApi(ended);
    const server = await startServer({ api, ...quick });
    resetNextCreate(api, { made: false }, () => {
      for (let n = 0; n < newer; n += 1) api.make([`only-${n}`]);
      for (const answer of answers) api.override('list', answer, { times: 1 });
    });
    const { batch_id } = await server.ok('submit_batch', tasks('a', 'b'));
    await follow(server, batch_id);

    const told = api.requests.filter(({ route }) => route === 'list' || route === 'create');
    const between = Array.from({ length: asked }, () => 'list');
    // Each create has a look at the newest batch before it.
    expect(told.map(({ route }) => route)).toEqual(['list', 'create', ...between, 'list', 'create']);
    const [, create, ...listed] = told;
    for (const { at } of listed) expect(at - (create?.at ?? 0)).toBeGreaterThanOrEqual(SETTLE_MS - 1);
    expect(api.batches).toHaveLength(newer + 1);
  });

  it('is settled by a process with another key of the same account', long, async () => {
    const api = await startApi({ ...ended, otherKeys: ['sk-ant-other'] });
    const folder = await temporaryFolder();
    const one = await startServer({ api, folder, ...quick });
    // By a batch that the account had before, it is known again.
    api.make(['x']);
    const batch_id = await submitUnlisted(api, one);
    const key = 'sk-ant-other';
    const now = () => new Date(Date.now() + 3_600_000);
    const other = await startServer({ api: { url: api.url, key }, folder, ...quick, now });
    expect((await follow(other, batch_id)).outcomes).toMatchObject({ succeeded: 2 });
    expect(api.creates).toHaveLength(1);
  });

  it('is sent again by a process with another key of the same account, where it was lost', async () => {
    const key = 'sk-ant-other';
    const api = await startApi({ ...ended, otherKeys: [key] });
    const folder = await temporaryFolder();
    const one = await startServer({ api, folder, ...quick });
    const known = api.make(['x']);
    const batch_id = await submitUnlisted(api, one, false);
    await one.close();
    const now = () => new Date(Date.now() + 3_600_000);
    const other = await startServer({ api: { url: api.url, key }, folder, ...quick, now });
    expect((await follow(other, batch_id)).outcomes).toMatchObject({ succeeded: 2 });
    expect(api.batches.filter(({ id }) => id !== known)).toHaveLength(1);
  });

  it('is left alone by a process with another key, which says so', long, async () => {
    const api = await startApi(ended);
    const folder = await temporaryFolder();
    const one = await startServer({ api, folder, ...quick });
    // It stays uncertain for whoever could settle it.
    resetNextCreate(api, { made: true }, () =>
      api.override('list', json(500, apiError('api_error', 'no list'))),
    );
    const { batch_id } = await one.ok('submit_batch', tasks('a', 'b'));
    const record = await follow(one, batch_id, ({ progress }) => !progress);
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

  eachNth(6, [
    [
      'empty pages, each with another end',
      () =>
        json(200, { data: [], has_more: true, last_id: `msgbatch_${Math.random().toString(36).slice(2)}` }),
    ],
    [
      'two pages in turn',
      (turn: number) =>
        json(200, {
          data: [listed(`msgbatch_${turn % 2}`)],
          has_more: true,
          last_id: `msgbatch_${turn % 2}`,
        }),
    ],
    [
      'one page for ever',
      () => json(200, { data: [listed('msgbatch_1')], has_more: true, last_id: 'msgbatch_1' }),
    ],
    ['one page for ever, without its end', () => json(200, { data: [listed('msgbatch_1')], has_more: true })],
    [
      'an end that it has not',
      () => json(200, { data: [listed('msgbatch_1')], has_more: true, last_id: 'msgbatch_7' }),
    ],
    [
      'a batch twice on a page',
      () => json(200, { data: [listed('msgbatch_1'), listed('msgbatch_1')], has_more: false }),
    ],
  ] satisfies [string, (turn: number) => ReturnType<typeof json>][])(
    'concludes nothing from a list of %s',
    async (_what, page) => {
      const api = await startApi(ended);
      const server = await startServer({ api, ...quick });
      let turn = 0;
      let isOdd = true;
      resetNextCreate(api, { made: true }, () =>
        api.override('list', (request, response, pass) => {
          turn += 1;
          if (isOdd) page(turn)(request, response);
          else pass();
        }),
      );
      const { batch_id } = await server.ok('submit_batch', tasks('a', 'b'));
      const seen = await follow(server, batch_id, ({ progress }) => !progress);
      expect(seen.processing_status).toBe('unconfirmed');
      expect(turn).toBeLessThan(40);
      isOdd = false;
      await follow(server, batch_id);
      expect(api.creates).toHaveLength(1);
    },
  );

  it('is known to be of the same account by the batch that a person names', long, async () => {
    const key = 'sk-ant-other';
    const api = await startApi({ ...ended, otherKeys: [key] });
    const folder = await temporaryFolder();
    const one = await startServer({ api, folder, ...quick });
    const batch_id = await submitUnlisted(api, one);
    const now = () => new Date(Date.now() + 3_600_000);
    const other = await startServer({ api: { url: api.url, key }, folder, ...quick, now });
    const seen = await follow(other, batch_id, ({ progress }) => !progress);
    expect(seen.warnings.join(' ')).toMatch(/another API key/);
    expect(await other.fails('retry_batch', { batch_id, resolve: 'send_again' })).toMatch(/another API key/);
    expect(await other.fails('retry_batch', { batch_id, resolve: 'msgbatch_nobodys' })).toMatch(
      /another API key/,
    );
    await other.ok('retry_batch', { batch_id, resolve: api.batches[0]?.id });
    expect((await follow(other, batch_id)).outcomes).toMatchObject({ succeeded: 2 });
    expect(api.creates).toHaveLength(1);
  });

  it('never sends while a second process looks at a first that is still uploading', async () => {
    const api = await startApi(ended);
    const folder = await temporaryFolder();
    const one = await startServer({ api, folder, ...quick, limits: { callMs: 300 } });
    const two = await startServer({ api, folder, ...quick });
    let fail = () => {};
    api.override(
      'create',
      (request, response) => {
        fail = () => json(500, apiError('api_error', 'late'))(request, response);
      },
      { times: 1, after: true },
    );
    const { batch_id } = await one.ok('submit_batch', tasks('a', 'b'));
    await expect.poll(() => api.creates.length).toBe(1);
    for (let look = 0; look < 3; look += 1) {
      expect((await two.ok('batch_status', { batch_id })).processing_status).toBe('submitting');
    }
    expect(api.creates).toHaveLength(1);
    fail();
    await follow(one, batch_id);
    expect(api.creates).toHaveLength(1);
  });
});
