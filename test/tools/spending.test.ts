import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { prompts, startApi, startCheckedServer } from '../api.ts';
import { type ApiRequest, errored, succeeded, unfinished } from '../api-server.ts';
import { type Reply, type ServerOptions, temporaryFolder } from '../harness.ts';

/** A million tokens in and 100,000 out: 1.00 + 0.50 dollars on claude-sonnet-5-5 in a batch. */
const million = { input_tokens: 1_000_000, output_tokens: 100_000 };
const answer = (request: ApiRequest, usage: object = million) =>
  succeeded(request, 'answer', { usage: { ...million, ...usage } });

/** An API whose batches have ended when they are looked at, and a server before it. */
async function spendingServer(
  answers: (request: ApiRequest) => object = answer,
  options: ServerOptions = {},
) {
  const api = await startApi({ results: (requests) => requests.map(answers) });
  const server = await startCheckedServer({ api, ...options });
  return {
    api,
    server,
    run: async (work: object): Promise<Reply> => {
      const { batch_id } = await server.ok('submit_batch', {
        model: 'claude-sonnet-5-5',
        max_tokens: 1_000,
        ...work,
      });
      api.endAll();
      return server.ok('get_results', { batch_id });
    },
  };
}

describe('what a batch really cost', () => {
  test('is beside the estimate, in status, results and list', async () => {
    const { server, run } = await spendingServer();
    const { batch_id, cost_usd } = await run({ requests: prompts(['a', 'b']) });
    expect(cost_usd).toEqual({ actual: 3, basis: 'actual', expected: 0.0100351, maximum: 0.010210925 });
    expect((await server.ok('batch_status', { batch_id })).cost_usd).toEqual(cost_usd);
    expect((await server.ok('list_batches')).batches[0].cost_usd).toEqual(cost_usd);
  });

  test('counts cache tokens by kind and searches whole, and nothing for what failed', async () => {
    const { run } = await spendingServer((request) => {
      switch (request.custom_id) {
        case 'failed':
          return errored(request, 'invalid_request_error', 'no');
        case 'expired':
          return unfinished(request, 'expired');
        case 'canceled':
          return unfinished(request, 'canceled');
        default:
          return answer(request, {
            input_tokens: 0,
            cache_read_input_tokens: 1_000_000,
            cache_creation_input_tokens: 300_000,
            cache_creation: { ephemeral_5m_input_tokens: 200_000, ephemeral_1h_input_tokens: 100_000 },
            server_tool_use: { web_search_requests: 7 },
          });
      }
    });
    const { cost_usd, spending } = await run({
      requests: prompts(['failed', 'expired', 'canceled', 'good']),
    });
    // (1M x 0.10 + 200,000 x 2.50 + 100,000 x 4 + 100,000 x 10) / 2 / 1M + 7 x 0.01
    expect(cost_usd.actual).toBeCloseTo(1.07, 6);
    expect(spending).toEqual({
      by_model: [
        {
          model: 'claude-sonnet-5-5',
          requests: 1,
          input_tokens: 0,
          output_tokens: 100_000,
          cache_read_tokens: 1_000_000,
          cache_write_5m_tokens: 200_000,
          cache_write_1h_tokens: 100_000,
          web_searches: 7,
          usd: 1.07,
        },
      ],
    });
  });

  test('is nothing where nothing succeeded', async () => {
    const { run } = await spendingServer((request) => errored(request, 'api_error', 'no'));
    const { cost_usd, spending } = await run({ requests: prompts(['a']) });
    expect(cost_usd.actual).toBe(0);
    expect(spending).toBeUndefined();
  });

  test('is told by model, task type and attempt', async () => {
    let failing = true;
    const { api, server, run } = await spendingServer((request) =>
      failing && request.custom_id === 'c' ? errored(request, 'api_error', 'no') : answer(request),
    );
    const { batch_id, spending } = await run({
      requests: [
        { task_id: 'a', task_type: 'kind_of_mine', input_data: { text: 'x' } },
        { task_id: 'b', prompt: 'x', model: 'claude-opus-5-5' },
        { task_id: 'c', prompt: 'y' },
      ],
    });
    // Opus: 1M x 4 / 2 + 100,000 x 20 / 2 per million = 3; the dearest first.
    expect(spending.by_model).toMatchObject([
      { model: 'claude-opus-5-5', requests: 1, usd: 3 },
      { model: 'claude-sonnet-5-5', requests: 1, usd: 1.5 },
    ]);
    expect(spending.by_task_type).toMatchObject([
      { task_type: null, usd: 3 },
      { task_type: 'kind_of_mine', usd: 1.5 },
    ]);
    expect(spending.by_attempt).toBeUndefined();

    failing = false;
    await server.ok('retry_batch', { batch_id });
    api.endAll();
    const retried = await server.ok('get_results', { batch_id });
    expect(retried.spending.by_attempt).toMatchObject([
      { attempt: 1, requests: 2, usd: 4.5 },
      { attempt: 2, requests: 1, usd: 1.5 },
    ]);
    expect(retried.cost_usd.actual).toBe(6);
  });
});

describe('what was spent', () => {
  const day = (date: string) => () => new Date(`${date}T12:00:00Z`);

  test('is added up by group over all matches, with what is still open', async () => {
    let now = day('2026-10-31');
    const { api, server, run } = await spendingServer(answer, {
      now: () => now(),
      env: { BATCH_MCP_MAX_COST_USD: '1000' },
    });
    await run({ name: 'first', requests: prompts(['a', 'b']) });
    now = day('2026-11-01');
    await run({ name: 'second', requests: prompts(['c']), model: 'claude-opus-5-5', task_type: 'mine' });
    await run({ name: 'first', requests: prompts(['d']) });
    const open = await server.ok('submit_batch', {
      name: 'open',
      requests: prompts(['e']),
      max_tokens: 1_000,
    });
    await server.ok('submit_batch', { name: 'made up', requests: prompts(['f']), sandbox: true });
    expect(api.batches).toHaveLength(4);

    const by = async (group_by: string | string[], more: object = {}) =>
      server.ok('list_batches', { group_by, limit: 1, ...more });
    const named = await by('name');
    expect(named.batches).toHaveLength(1);
    expect(named.totals).toMatchObject({
      batches: 5,
      actual_usd: 7.5,
      open_expected_usd: open.cost_usd.expected,
    });
    expect(named.groups).toEqual([
      { group: 'first', batches: 2, requests: 3, actual_usd: 4.5, open_expected_usd: 0 },
      { group: 'second', batches: 1, requests: 1, actual_usd: 3, open_expected_usd: 0 },
      { group: 'open', batches: 1, requests: 1, actual_usd: 0, open_expected_usd: open.cost_usd.expected },
    ]);
    expect((await by('month')).groups).toMatchObject(
      [
        { group: '2026-10', actual_usd: 3 },
        { group: '2026-11', actual_usd: 4.5 },
      ].toReversed(),
    );
    expect((await by('day', { since: '2026-11-01' })).groups).toMatchObject([
      { group: '2026-11-01', actual_usd: 4.5 },
    ]);
    expect((await by('model')).groups).toMatchObject([
      { group: 'claude-sonnet-5-5', requests: 3, actual_usd: 4.5 },
      { group: 'claude-opus-5-5', requests: 1, actual_usd: 3 },
      { group: '(still open)', actual_usd: 0, open_expected_usd: open.cost_usd.expected },
    ]);
    expect((await by(['month', 'model'])).groups).toMatchObject([
      { group: ['2026-11', 'claude-opus-5-5'], requests: 1, actual_usd: 3 },
      { group: ['2026-10', 'claude-sonnet-5-5'], requests: 2, actual_usd: 3 },
      { group: ['2026-11', 'claude-sonnet-5-5'], requests: 1, actual_usd: 1.5 },
      { group: ['2026-11', '(still open)'], open_expected_usd: open.cost_usd.expected },
    ]);
    expect((await by('day, name', { since: '2026-11-01' })).groups).toMatchObject([
      { group: ['2026-11-01', 'second'], actual_usd: 3 },
      { group: ['2026-11-01', 'first'], actual_usd: 1.5 },
      { group: ['2026-11-01', 'open'], actual_usd: 0 },
    ]);
    expect((await by('project')).groups).toMatchObject([{ group: 'work', actual_usd: 7.5 }]);
    expect((await by('task_type')).groups[0]).toMatchObject({ group: null, actual_usd: 4.5 });
    expect(named.warnings.join()).toContain('Batches made elsewhere');
  });

  test('says where a price is not known', async () => {
    const api = await startApi({ results: (requests) => requests.map((request) => answer(request)) });
    const folder = await temporaryFolder();
    const prices = { input: 1, output: 2, cache_write_5m: 3, cache_write_1h: 4, cache_read: 5 };
    const model = { id: 'my-model', context_tokens: 200_000, max_output_tokens: 64_000, prices };
    const file = path.join(folder, 'prices.json');
    await writeFile(file, JSON.stringify({ models: [model] }));
    const priced = await startCheckedServer({ api, folder, env: { BATCH_MCP_PRICES: file } });
    const { batch_id } = await priced.ok('submit_batch', { requests: prompts(['a']), model: 'my-model' });
    expect((await priced.ok('list_batches')).warnings).toEqual([]);
    api.endAll();

    const unpriced = await startCheckedServer({ api, folder });
    const { cost_usd, spending } = await unpriced.ok('get_results', { batch_id });
    expect(cost_usd.actual).toBeNull();
    expect(spending.by_model).toMatchObject([{ model: 'my-model', usd: null }]);
    const listed = await unpriced.ok('list_batches');
    expect(listed.totals.actual_usd).toBe(0);
    expect(listed.warnings.join()).toContain('The cost of 1 batch is not known');
  });
});
