import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { follow, isSaved, startApi, startCheckedServer } from '../api.ts';
import { createApiCache, isMarked } from '../api-cache.ts';
import { type ApiRequest, apiError, errored, json, succeeded, unfinished } from '../api-server.ts';
import type { ServerOptions } from '../harness.ts';
import { eachNth, long } from '../long.ts';

const DOCUMENT = 'The parties agree, page after page. '.repeat(200);
const ids = ['a', 'b', 'c', 'd', 'e'];
const work = {
  requests: ids.map((task_id) => ({ task_id, prompt: `What of ${task_id}?` })),
  context_files: ['contract.txt'],
  primer: true,
};

/** Two more tasks with settings of their own. */
const withTwo = (settings: object) => [
  ...work.requests,
  ...['x', 'y'].map((task_id) => ({ task_id, prompt: `${task_id}?`, ...settings })),
];

/** The fate of a request, if it is not answered, by how many batches there were before. */
type Fate = (request: ApiRequest, batches: number) => object | undefined;

async function setUp(fate: Fate = () => undefined, options: ServerOptions = {}) {
  const cache = createApiCache();
  let batches = 0;
  const api = await startApi({
    results: (all) => {
      batches += 1;
      const answered = all.filter((request) => fate(request, batches - 1) === undefined);
      const usage = cache.bill(answered);
      return all.map(
        (request) =>
          fate(request, batches - 1) ??
          succeeded(request, `answer ${request.custom_id}`, { usage: usage[answered.indexOf(request)] }),
      );
    },
  });
  const server = await startCheckedServer({ api, ...options });
  await writeFile(path.join(server.work, 'contract.txt'), DOCUMENT);
  const toTheEnd = (batch_id: string) =>
    follow(server, batch_id, (seen) => {
      api.endAll();
      return isSaved(seen);
    });
  const sent = () =>
    api.creates.map(({ requests }) =>
      requests.map((request) => `${request.custom_id}${isMarked(request) ? ' marked' : ''}`),
    );
  return { api, server, toTheEnd, sent };
}

/** A clock on the wall that somebody has set. */
const wrongBy = (minutes: number): ServerOptions => ({ wall: () => new Date(Date.now() + minutes * 60_000) });

const marked = (...names: string[]) => names.map((name) => `${name} marked`);

describe('a primer', () => {
  it('goes first, alone, and the others read what it has written, for what the estimate says', async () => {
    const { api, server, toTheEnd, sent } = await setUp();
    const { primer: _primer, ...plainWork } = work;
    const plain = await server.ok('estimate_cost', plainWork);
    expect(plain.advice.join('\n')).toContain('with primer: true the first is sent alone');
    const estimate = await server.ok('estimate_cost', work);
    expect(estimate.cost_usd.expected).toBeLessThan(plain.cost_usd.expected);
    expect(estimate.cost_usd.maximum).toBeGreaterThan(plain.cost_usd.maximum);
    expect(estimate.advice.join('\n')).toMatch(/from the cache by all but the first.*Otherwise: plain/);

    const { batch_id } = await server.ok('submit_batch', { work_id: estimate.work_id, output_file: 'o.csv' });
    const held = await server.ok('batch_status', { batch_id });
    expect(sent()).toEqual([marked('a')]);
    expect(held).toMatchObject({
      processing_status: 'in_progress',
      parts: [
        { request_count: 1, processing_status: 'in_progress' },
        { request_count: 4, processing_status: 'waiting' },
      ],
      outcomes: { pending: 5 },
    });
    expect(held.warnings.join('\n')).toMatch(/was sent alone; 4 others wait for its answer/);
    expect(await server.fails('retry_batch', { batch_id })).toMatch(/Nothing was sent/);

    const status = await toTheEnd(batch_id);
    expect(sent()).toEqual([marked('a'), marked('b', 'c', 'd', 'e')]);
    expect(status.outcomes).toMatchObject({ succeeded: 5, pending: 0 });
    expect(status.warnings.join('\n')).not.toContain('was sent alone');
    expect(status.cost_usd.actual).toBeLessThan(plain.cost_usd.expected);
    expect(status.cost_usd.actual).toBeLessThanOrEqual(status.cost_usd.maximum);
    const file = await readFile(path.join(server.work, 'o.csv'), 'utf8');
    expect(
      file
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => line.slice(0, 1)),
    ).toEqual(ids);
    expect(await server.ok('submit_batch', plainWork)).toMatchObject({ batch_id, duplicate: true });
    expect(api.creates).toHaveLength(2);
  });

  eachNth<[what: string, fate: Fate, sent: string[] | null, said: RegExp]>(4, [
    [
      'errored',
      (each) => (each.custom_id === 'a' ? errored(each, 'api_error', 'Oh.') : undefined),
      ids.slice(1),
      /without the cache: the one that went first/,
    ],
    [
      'expired',
      (each) => (each.custom_id === 'a' ? unfinished(each, 'expired') : undefined),
      ids.slice(1),
      /without the cache: the one that went first/,
    ],
    [
      'was canceled elsewhere',
      (each, batches) => (batches === 0 ? unfinished(each, 'canceled') : undefined),
      null,
      /fill the cache for it was canceled/,
    ],
    [
      'was refused',
      (each) => (each.custom_id === 'a' ? succeeded(each, '', { stop_reason: 'refusal' }) : undefined),
      marked(...ids.slice(1)),
      /^/,
    ],
  ])('where the first %s', async (_what, fate, others, said) => {
    const { api, server, toTheEnd, sent } = await setUp(fate);
    const { batch_id, cost_usd } = await server.ok('submit_batch', work);
    api.endAll();
    if (others === null) {
      const stopped = await follow(server, batch_id, (seen) => seen.processing_status === 'not_sent');
      expect(stopped.warnings.join('\n')).toMatch(said);
      expect(sent()).toHaveLength(1);
      await server.ok('retry_batch', { batch_id });
    }
    const status = await toTheEnd(batch_id);
    expect(sent()[1]).toEqual(others ?? ids.slice(1));
    expect(status.warnings.join('\n')).toMatch(others === null ? /^/ : said);
    expect(status.cost_usd.actual).toBeLessThanOrEqual(cost_usd.maximum);
    // What is sent again is sent without marks: nobody knows what the cache still holds.
    await server.ok('retry_batch', { batch_id, outcomes: ['failed'] });
    expect(sent().at(-1)).toEqual(['a']);
  });

  eachNth<[what: string, clock: ServerOptions, minutes: number, others: string[], said: RegExp]>(6, [
    ['an hour later', {}, 51, ids.slice(1), /without the cache: the first look came 51 minutes after/],
    ['in good time', {}, 49, marked(...ids.slice(1)), /^(?!.*without the cache)/s],
    ['an hour later, by a clock that is slow', wrongBy(-60), 51, ids.slice(1), /came 51 minutes after/],
    ['in good time, by a clock that is fast', wrongBy(60), 1, marked(...ids.slice(1)), /^(?!.*without)/s],
    ['by a clock of a year ago', wrongBy(-525_600), 49, marked(...ids.slice(1)), /^(?!.*without)/s],
    ['before its end, as the API says', {}, -5, ids.slice(1), /without the cache: the API does not tell/],
  ])('is looked at %s', async (_what, clock, minutes, others, said) => {
    const { api, server, toTheEnd, sent } = await setUp(undefined, clock);
    const { batch_id } = await server.ok('submit_batch', work);
    api.endAll();
    const [primer] = api.batches;
    if (primer) primer.endedAt = new Date(Date.now() - minutes * 60_000);
    const status = await toTheEnd(batch_id);
    expect(sent()).toEqual([marked('a'), others]);
    expect(status.warnings.join('\n')).toMatch(said);
  });

  it('leaves the others unsent, with the way on, where the API does not answer before them', async () => {
    const { api, server, toTheEnd, sent } = await setUp();
    const { batch_id } = await server.ok('submit_batch', work);
    api.endAll();
    api.override('list', json(529, apiError('overloaded_error', 'busy')), { times: 1 });
    await follow(server, batch_id, (seen) => seen.processing_status === 'not_sent');
    expect(sent()).toHaveLength(1);
    await server.ok('retry_batch', { batch_id });
    await toTheEnd(batch_id);
    expect(sent()).toEqual([marked('a'), marked(...ids.slice(1))]);
  });

  it('is sent again as it was where the API refused it, and the others as they were where it refused these', async () => {
    const { api, server, toTheEnd, sent } = await setUp();
    api.override('create', json(400, apiError('invalid_request_error', 'Not now.')), { times: 1 });
    const { batch_id } = await server.ok('submit_batch', work);
    expect(await server.ok('batch_status', { batch_id })).toMatchObject({ processing_status: 'not_sent' });
    await server.ok('retry_batch', { batch_id });
    expect(sent().slice(1)).toEqual([marked('a')]);
    api.override('create', json(400, apiError('invalid_request_error', 'Not now.')), { times: 1 });
    api.endAll();
    await follow(server, batch_id, (seen) => seen.processing_status === 'not_sent');
    await server.ok('retry_batch', { batch_id });
    await toTheEnd(batch_id);
    expect(sent().at(-1)).toEqual(marked(...ids.slice(1)));
  });

  it('keeps the others from being sent where it is canceled', async () => {
    const { api, server, sent } = await setUp();
    const { batch_id } = await server.ok('submit_batch', work);
    await server.ok('cancel_batch', { batch_id });
    api.endAll();
    await follow(server, batch_id, (seen) => seen.processing_status === 'not_sent');
    await server.ok('batch_status', { batch_id });
    expect(sent()).toHaveLength(1);
  });

  it('is followed once, whoever looks', async () => {
    const { api, server, toTheEnd, sent } = await setUp();
    const others = await Promise.all([0, 1, 2].map(() => startCheckedServer({ api, folder: server.folder })));
    const { batch_id } = await server.ok('submit_batch', work);
    api.endAll();
    await Promise.all(
      others.map((each) => follow(each, batch_id, ({ parts }) => parts[1]?.provider_batch_id)),
    );
    await toTheEnd(batch_id);
    expect(sent()).toEqual([marked('a'), marked('b', 'c', 'd', 'e')]);
  });

  it('goes with packs, with variants of the prompt, and with the rest of a pilot', long, async () => {
    const { server, toTheEnd, sent, api } = await setUp();
    const packed = await server.ok('submit_batch', {
      ...work,
      pack: 2,
      requests: [...work.requests, 'f?'],
    });
    await toTheEnd(packed.batch_id);
    expect(sent().map((each) => each.length)).toEqual([1, 2]);
    expect(
      sent()
        .flat()
        .every((each) => each.endsWith(' marked')),
    ).toBe(true);
    const rows = {
      ...work,
      requests: work.requests.map(({ task_id }) => ({ task_id, input_data: { q: task_id } })),
    };
    const variants = { A: { prompt: 'What of {{q}}?' }, B: { prompt: 'And {{q}}?' } };
    const both = await server.ok('submit_batch', { ...rows, variants });
    await toTheEnd(both.batch_id);
    expect(
      sent()
        .slice(2)
        .map((each) => each.length),
    ).toEqual([1, 9]);
    const pilot = await server.ok('submit_batch', { ...work, system: 'Be brief.', max_tasks: 3 });
    await toTheEnd(pilot.batch_id);
    const more = [...work.requests, { task_id: 'f', prompt: 'F?' }, { task_id: 'g', prompt: 'G?' }];
    const whole = { ...work, requests: more, system: 'Be brief.' };
    const estimate = await server.ok('estimate_cost', whole);
    const { batch_id, reused, cost_usd } = await server.ok('submit_batch', whole);
    expect(reused).toMatchObject({ count: 3 });
    expect(cost_usd).toMatchObject({
      expected: estimate.cost_usd.expected,
      maximum: estimate.cost_usd.maximum,
    });
    const status = await toTheEnd(batch_id);
    expect(status.outcomes).toMatchObject({ succeeded: 7 });
    expect(
      sent()
        .slice(6)
        .map((each) => each.length),
    ).toEqual([1, 3]);
    expect(api.creates.flatMap(({ requests }) => requests).every(isMarked)).toBe(true);
  });

  eachNth<[what: string, args: object, said: RegExp]>(4, [
    ['without documents', { requests: work.requests, primer: true }, /primer.*goes with context_files only/s],
    [
      'of several models',
      { ...work, variants: { A: { model_tier: 'cheap' }, B: { model_tier: 'premium' } } },
      /primer.*of \d+ requests that begin as the first does/s,
    ],
    [
      'of several system prompts',
      { ...work, requests: withTwo({ system: 'No.' }) },
      /primer.*of \d+ requests that begin as the first does/s,
    ],
    [
      'of several schemas',
      {
        ...work,
        requests: withTwo({ output_schema: { type: 'object', properties: {}, additionalProperties: false } }),
      },
      /primer.*of \d+ requests that begin as the first does/s,
    ],
    [
      'for too few',
      { ...work, requests: work.requests.slice(0, 2) },
      /primer.*costs more than it saves with 2 requests.*at least 3/s,
    ],
    ['for documents too short', { ...work, context_files: ['short.txt'] }, /primer.*caches from 512 on/s],
    [
      'of stages',
      {
        input_files: ['*.txt'],
        split_chars: 100,
        prompt: '{{items}}',
        merge: 2,
        context_files: ['contract.txt'],
        primer: true,
      },
      /primer.*together with merge/s,
    ],
  ])('is refused %s', async (_what, args, said) => {
    const { api, server } = await setUp();
    await writeFile(path.join(server.work, 'short.txt'), 'Too short.');
    expect(await server.fails('submit_batch', args)).toMatch(said);
    expect(api.creates).toHaveLength(0);
  });

  it('can be tried in the sandbox, which bills what is written and read', async () => {
    const { server } = await setUp();
    const { batch_id } = await server.ok('submit_batch', { ...work, sandbox: true });
    await follow(server, batch_id);
    const { results } = await server.ok('get_results', { batch_id, detail: 'full' });
    const usage = results.map((each: { usage: Record<string, number> }) => [
      (each.usage.cache_creation_input_tokens ?? 0) > 1_000,
      (each.usage.cache_read_input_tokens ?? 0) > 1_000,
    ]);
    expect(usage).toEqual([[true, false], ...ids.slice(1).map(() => [false, true])]);
  });

  it('is refused for answers that are not there yet', async () => {
    const { server } = await setUp();
    const { batch_id } = await server.ok('submit_batch', { requests: ['One?', 'Two?', 'Three?'] });
    const args = { from_batch: batch_id, prompt: '{{text}}', context_files: ['contract.txt'], primer: true };
    expect(await server.fails('submit_batch', args)).toMatch(/primer.*which has not ended/s);
  });
});
