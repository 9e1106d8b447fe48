import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { follow, messagesText, sentIds, startApi, startCheckedServer, toTheEnd } from '../api.ts';
import { packAnswer, rowsIn } from '../api-packs.ts';
import { type ApiRequest, errored, succeeded, unfinished } from '../api-server.ts';
import type { Reply, ServerOptions, TestServer } from '../harness.ts';
import { eachNth, long } from '../long.ts';

const requests = ['a', 'b', 'c'].map((task_id) => ({ task_id, prompt: `say ${task_id}`, max_tokens: 100 }));

const plain = (request: ApiRequest): object => succeeded(request, `<${messagesText(request).length}>`);

async function chained(answer: (request: ApiRequest) => object = plain, options: ServerOptions = {}) {
  const api = await startApi({ results: (all) => all.map(answer) });
  const server = await startCheckedServer({ api, ...options });
  const first = await server.ok('submit_batch', { requests, name: 'First' });
  const second = await server.ok('submit_batch', {
    from_batch: 'First',
    prompt: 'Judge {{text}}',
    name: 'Second',
  });
  return { api, server, first, second };
}

const status = (server: TestServer, batch_id: string) => server.ok('batch_status', { batch_id });

/** Ends what the API has, and looks at a batch until it is saved. */
describe('a batch made from one that has not ended', () => {
  it('waits for it under a bound of its cost, and is sent by the first look after its end', async () => {
    const { api, server, first, second } = await chained();
    expect(second).toMatchObject({
      processing_status: 'waiting',
      waits_for: first.batch_id,
      request_count: 3,
      duplicate: false,
    });
    expect(second.warnings.join('\n')).toContain(`The figures are bounds: ${first.batch_id}`);
    expect(second.next_step).toContain(`waits for ${first.batch_id}`);
    expect(await server.ok('submit_batch', { from_batch: 'First', prompt: 'Judge {{text}}' })).toMatchObject({
      batch_id: second.batch_id,
      duplicate: true,
    });
    expect(await server.ok('get_results', { batch_id: second.batch_id })).toMatchObject({
      processing_status: 'waiting',
      totals: { total: 3, pending: 3 },
      results: [],
    });
    expect(await server.fails('retry_batch', { batch_id: second.batch_id })).toMatch(/waits for batch_/);
    const { batches } = await server.ok('list_batches', { processing_status: 'waiting' });
    expect(batches).toMatchObject([{ batch_id: second.batch_id, name: 'Second' }]);
    expect(api.batches).toHaveLength(1);
    api.endAll();
    const sent = await follow(server, second.batch_id, (seen) => seen.processing_status === 'in_progress');
    expect(sent.waits_for).toBeUndefined();
    expect(sent.warnings.join('\n')).not.toContain('bounds');
    expect(sent.cost_usd.maximum).toBeLessThan(second.cost_usd.maximum);
    await toTheEnd(server, api, second.batch_id);
    expect(sentIds(api)).toEqual([
      ['a', 'b', 'c'],
      ['a', 'b', 'c'],
    ]);
    expect(messagesText(api.creates[1]?.requests[0] ?? { custom_id: '', params: {} })).toMatch(/Judge <\d+>/);
    // The same work is the same, though its answers are there by now.
    expect(await server.ok('submit_batch', { from_batch: 'First', prompt: 'Judge {{text}}' })).toMatchObject({
      batch_id: second.batch_id,
      duplicate: true,
    });
  });

  it('is led on to by a look at the other', long, async () => {
    const { api, server, first } = await chained();
    api.endAll();
    await follow(server, first.batch_id, () => api.batches.length === 2);
  });

  it('is estimated with the same bound, and sent by the id of that', long, async () => {
    const { server, first, second } = await chained();
    const work = { from_batch: first.batch_id, prompt: 'Judge again {{text}}' };
    const estimate = await server.ok('estimate_cost', work);
    expect(estimate.warnings.join('\n')).toContain('The figures are bounds');
    expect(estimate.cost_usd.maximum).toBeGreaterThanOrEqual(second.cost_usd.maximum);
    const { cost_usd } = await server.ok('submit_batch', { work_id: estimate.work_id });
    expect(cost_usd.maximum).toBe(estimate.cost_usd.maximum);
  });

  it('goes on to a third', long, async () => {
    const { api, server, second } = await chained();
    const third = await server.ok('submit_batch', {
      from_batch: second.batch_id,
      prompt: 'Again {{text}}',
      output_file: 'third.jsonl',
    });
    expect(third).toMatchObject({ processing_status: 'waiting', waits_for: second.batch_id });
    await toTheEnd(server, api, third.batch_id);
    expect(sentIds(api)).toEqual(Array(3).fill(['a', 'b', 'c']));
    expect((await readFile(path.join(server.work, 'third.jsonl'), 'utf8')).trim().split('\n')).toHaveLength(
      3,
    );
  });

  it('takes nothing from files that changed since', async () => {
    const { api, server, first } = await chained();
    await writeFile(path.join(server.work, 'labels.txt'), 'good\nbad\n');
    await writeFile(path.join(server.work, 'book.txt'), 'The book says so.\n');
    const { batch_id } = await server.ok('submit_batch', {
      from_batch: first.batch_id,
      prompt: '{{text}}',
      labels: 'labels.txt',
      context_files: ['book.txt'],
    });
    await writeFile(path.join(server.work, 'labels.txt'), 'other\n');
    await writeFile(path.join(server.work, 'book.txt'), 'Another book.\n');
    api.endAll();
    await follow(server, batch_id, (seen) => seen.processing_status === 'in_progress');
    const sent = api.bodies.find((body) => body.includes('The book says so.'));
    expect(sent).toContain('"bad"');
    expect(api.bodies.join()).not.toContain('Another book');
  });

  it('is given up with what it waits for, and that with the one before', async () => {
    const { api, server, first, second } = await chained();
    const third = await server.ok('submit_batch', { from_batch: 'Second', prompt: 'Again {{text}}' });
    await server.ok('cancel_batch', { batch_id: first.batch_id });
    expect(await status(server, second.batch_id)).toMatchObject({
      processing_status: 'not_sent',
      warnings: [
        expect.stringContaining(`${first.batch_id}, whose answers it works on, was canceled`),
        expect.anything(),
      ],
    });
    expect(await status(server, third.batch_id)).toMatchObject({ processing_status: 'not_sent' });
    api.endAll();
    await follow(server, first.batch_id);
    expect(api.batches).toHaveLength(1);
  });

  it('is canceled by itself, which frees what was reserved, and can be submitted anew', async () => {
    const env = { BATCH_MCP_DAILY_BUDGET_USD: '0.1' };
    const { api, server, first, second } = await chained(plain, { env });
    const dear = { from_batch: 'First', prompt: 'Another {{text}}', max_tokens: 4096 };
    expect(await server.fails('submit_batch', dear)).toMatch(/^cost_limit/);
    expect(await server.ok('cancel_batch', { batch_id: second.batch_id })).toMatchObject({
      processing_status: 'not_sent',
      next_step: expect.stringContaining('call submit_batch with the work again'),
    });
    expect(await server.fails('cancel_batch', { batch_id: second.batch_id })).toMatch(/never sent/);
    expect(await server.fails('retry_batch', { batch_id: second.batch_id })).toMatch(/Submit the work again/);
    const anew = await server.ok('submit_batch', { from_batch: 'First', prompt: 'Judge {{text}}' });
    expect(anew.batch_id).not.toBe(second.batch_id);
    api.endAll();
    await follow(server, first.batch_id);
    await follow(server, anew.batch_id, (seen) => seen.processing_status === 'in_progress');
    expect(api.batches).toHaveLength(2);
  });

  eachNth<[what: string, answer: (request: ApiRequest) => object, said: RegExp]>(3, [
    [
      'failed wholly',
      (request) => errored(request, 'api_error', 'Oh.'),
      /no such answer: 3 tasks without a finished/,
    ],
    ['expired', (request) => unfinished(request, 'expired'), /no such answer/],
    ['was canceled elsewhere', (request) => unfinished(request, 'canceled'), /was canceled/],
  ])('is not sent where the other %s', async (_what, answer, said) => {
    const { api, server, second } = await chained(answer);
    api.endAll();
    const seen = await follow(
      server,
      second.batch_id,
      ({ processing_status }) => processing_status === 'not_sent',
    );
    expect(seen.warnings.join('\n')).toMatch(said);
    expect(api.batches).toHaveLength(1);
    expect(await server.ok('list_batches', { processing_status: 'waiting' })).toMatchObject({ batches: [] });
  });

  it('is not sent where the answers take more to read than was reserved', async () => {
    // No answer of 100 tokens is so long; an API that sends one is believed all the same.
    const { api, server, second } = await chained((request) => succeeded(request, 'Wörter '.repeat(5_000)));
    api.endAll();
    const seen = await follow(
      server,
      second.batch_id,
      ({ processing_status }) => processing_status === 'not_sent',
    );
    expect(seen.warnings.join('\n')).toMatch(/it could cost up to \$.*and \$.* was reserved/);
    expect(api.batches).toHaveLength(1);
  });

  it('is refused where it could cost too much, or names a column that is not there', async () => {
    const { server } = await chained();
    const work = { from_batch: 'First', prompt: 'Judge {{town}}' };
    expect(await server.fails('submit_batch', work)).toMatch(/town.*names no column of from_batch/s);
    const dear = { from_batch: 'First', prompt: '{{text}} {{text}}', max_cost_usd: 0.0001 };
    expect(await server.fails('submit_batch', dear)).toMatch(/^cost_limit/);
  });

  it('is not sent by a server that may not', long, async () => {
    const { api, server, second } = await chained();
    api.endAll();
    const other = await startCheckedServer({ api, folder: server.folder, argv: ['--read-only'] });
    const seen = await follow(other, second.batch_id, ({ warnings }) =>
      warnings.some((each: string) => each.includes('this server is read-only')),
    );
    expect(seen.processing_status).toBe('waiting');
    expect(api.batches).toHaveLength(1);
    await toTheEnd(server, api, second.batch_id);
    expect(api.batches).toHaveLength(2);
  });
});

describe('work on the answers of', () => {
  const five = ['a', 'b', 'c', 'd', 'e'].map((task_id) => ({ task_id, prompt: `say ${task_id}` }));
  const merged = ['merge_1_1', 'merge_1_2', 'merge_1_3', 'merge_2_1', 'merge_2_2', 'merge_3_1'];

  async function setUp() {
    const api = await startApi({ results: (all) => all.map(answered) });
    const server = await startCheckedServer({ api });
    await writeFile(path.join(server.work, 't.csv'), 'text\none\ntwo\nthree\nfour\nfive\n');
    return { api, server };
  }
  const answered = (request: ApiRequest) =>
    rowsIn(request).length === 0
      ? plain(request)
      : succeeded(
          request,
          packAnswer(request, ({ id }) => `<${id}>`),
        );
  const tree = { rows_file: 't.csv', prompt: 'Sum up: {{items}}', merge: 2 };

  const merges: [what: string, outcomes: string[] | undefined, ids: string[]][] = [
    ['takes the last one', undefined, merged.slice(-1)],
    ['takes those of its stages where they are asked for', ['succeeded'], merged],
  ];
  describe.each(merges)('a merge', (what, outcomes, ids) => {
    it.each(['before its first stage has ended', 'after its end'])(`${what}, %s`, async (when) => {
      const { api, server } = await setUp();
      const first = await server.ok('submit_batch', tree);
      if (when === 'after its end') await toTheEnd(server, api, first.batch_id);
      const work = { from_batch: 'last', prompt: 'Translate {{text}}', ...(outcomes && { outcomes }) };
      const estimate = await server.ok('estimate_cost', work);
      const second = await server.ok('submit_batch', work);
      expect([estimate.request_count, second.request_count]).toEqual([ids.length, ids.length]);
      expect(/Of a merge only the last answer is taken/.test(second.warnings.join())).toBe(!outcomes);
      await toTheEnd(server, api, second.batch_id);
      const { results } = await server.ok('get_results', { batch_id: second.batch_id });
      expect(results.map(({ task_id, outcome }: Reply) => [task_id, outcome])).toEqual(
        ids.map((id) => [id, 'succeeded']),
      );
    });
  });

  it('packs reserves for all rows of one together no more than that can write', async () => {
    const { api, server } = await setUp();
    const maximumOf = async (work: object) => {
      await server.ok('submit_batch', { requests: five, max_tokens: 2_000, ...work });
      const second = await server.ok('submit_batch', { from_batch: 'last', prompt: 'Judge {{text}}' });
      const { outcomes } = await toTheEnd(server, api, second.batch_id);
      expect(outcomes.succeeded).toBe(5);
      return second.cost_usd.maximum;
    };
    const alone = await maximumOf({});
    expect(await maximumOf({ pack: 5 })).toBeLessThan(alone * 1.2);
  });

  it('variants that wait themselves reserves for each of them', async () => {
    const { api, server } = await setUp();
    await server.ok('submit_batch', { requests: five });
    const variants = {
      A: { prompt: 'Judge {{text}}' },
      B: { prompt: 'Praise {{text}}' },
      C: { prompt: 'Sort {{text}}' },
    };
    await server.ok('submit_batch', { from_batch: 'last', variants });
    const third = await server.ok('submit_batch', { from_batch: 'last', prompt: 'Compare {{text}}' });
    expect(third).toMatchObject({ processing_status: 'waiting', request_count: 15 });
    const { outcomes } = await toTheEnd(server, api, third.batch_id);
    expect(outcomes.succeeded).toBe(15);
  });
});
