import { readdir } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { priceOf } from '../../src/cost/pricing.ts';
import { modelTable } from '../../src/provider/anthropic/models/price-table.ts';
import { createModelCatalog } from '../../src/provider/models.ts';
import { prompts, startApi } from '../api.ts';
import { type ApiServer, apiError, json } from '../api-server.ts';
import { startServer, type TestServer, temporaryFolder } from '../harness.ts';
import { tried } from '../long.ts';

/** 200,000 output tokens of claude-opus-5-5 at 20 / 2 dollars a million: 2 dollars at most, and a little input. */
const twoDollars = {
  requests: prompts(['a', 'b']),
  model: 'claude-opus-5-5',
  max_tokens: 100_000,
};

/** The same figures under another name: other work. */
const another = (id: string) => ({ ...twoDollars, requests: prompts([`${id}1`, `${id}2`]) });

async function batchFolders({ data }: TestServer): Promise<string[]> {
  return readdir(path.join(data, 'batches'));
}

describe('the ceiling of one submission', () => {
  test('refuses what could cost more, and says what makes it smaller', async () => {
    const api = await startApi();
    const server = await startServer({ api, env: { BATCH_MCP_MAX_COST_USD: '1.5' } });
    const text = await server.fails('submit_batch', twoDollars);
    expect(text).toContain('cost_limit: Nothing was sent: the work could cost up to $2.00');
    expect(text).toContain('above the limit of $1.50 for one submission');
    expect(text).toContain('a cheaper model_tier, a lower max_tokens, or fewer tasks (max_tasks)');
    expect(text).toContain('ask the person');
    expect(text).not.toContain('BATCH_MCP');
    expect(api.creates).toHaveLength(0);
  });

  test('is lowered by a call, and never lifted', async () => {
    const api = await startApi();
    const server = await startServer({ api, env: { BATCH_MCP_MAX_COST_USD: '2.5' } });
    expect(await server.fails('submit_batch', { ...twoDollars, max_cost_usd: 1 })).toContain(
      'limit of $1.00',
    );
    await server.ok('submit_batch', { ...twoDollars, max_cost_usd: 100 });
    const three = { ...another('b'), requests: prompts(['x', 'y', 'z']), max_cost_usd: 100 };
    expect(await server.fails('submit_batch', three)).toContain('limit of $2.50');
  });

  test('lets the sandbox through', async () => {
    const server = await startServer({
      env: { BATCH_MCP_MAX_COST_USD: '0', BATCH_MCP_DAILY_BUDGET_USD: '0' },
    });
    const reply = await server.ok('submit_batch', { ...twoDollars, sandbox: true });
    expect(reply.provider).toBe('sandbox');
  });
});

describe('the daily budget', () => {
  test('refuses with the figures, leaves nothing behind, and returns a duplicate all the same', async () => {
    const api = await startApi();
    const server = await startServer({ api, env: { BATCH_MCP_DAILY_BUDGET_USD: '3' } });
    const first = await server.ok('submit_batch', twoDollars);
    const text = await server.fails('submit_batch', another('b'));
    expect(text).toMatch(
      /could cost up to \$2\.00, and \$1\.00 is left of the daily budget of \$3\.00 \(UTC day [\d-]+: \$0\.00 spent, \$2\.00 reserved/,
    );
    expect(text).toContain('ask the person');
    expect(await batchFolders(server)).toEqual([first.batch_id]);
    expect(await server.ok('submit_batch', twoDollars)).toMatchObject({
      batch_id: first.batch_id,
      duplicate: true,
    });
    expect(await server.fails('submit_batch', { ...twoDollars, force_new: true })).toContain('cost_limit');
    expect(api.creates).toHaveLength(1);
  });

  test('is free again for what ended cheaper than it could have', async () => {
    const api = await startApi();
    const server = await startServer({ api, env: { BATCH_MCP_DAILY_BUDGET_USD: '3' } });
    const { batch_id } = await server.ok('submit_batch', twoDollars);
    api.endAll();
    await server.ok('get_results', { batch_id });
    await server.ok('submit_batch', another('b'));
    expect(api.creates).toHaveLength(2);
  });

  test('is free again for what the API refused, and asked once more when that is taken up', async () => {
    const api = await startApi();
    const server = await startServer({ api, env: { BATCH_MCP_DAILY_BUDGET_USD: '3' } });
    api.override('create', json(400, apiError('invalid_request_error', 'no')), { times: 1 });
    const refused = await server.ok('submit_batch', twoDollars);
    expect(refused.processing_status).toBe('not_sent');
    await server.ok('submit_batch', another('b'));

    expect(await server.fails('submit_batch', twoDollars)).toContain('daily budget');
    expect((await server.ok('batch_status', { batch_id: refused.batch_id })).processing_status).toBe(
      'not_sent',
    );
    expect(api.creates).toHaveLength(2);
  });

  test('holds for all servers on a data folder', async () => {
    const api = await startApi();
    const folder = await temporaryFolder();
    const env = { BATCH_MCP_DAILY_BUDGET_USD: '3' };
    const servers = await Promise.all([startServer({ api, folder, env }), startServer({ api, folder, env })]);
    const answers = await Promise.all(
      servers.map((server, index) => server.call('submit_batch', another(`s${index}`))),
    );
    expect(answers.filter(({ isError }) => isError)).toHaveLength(1);
    expect(api.creates).toHaveLength(1);
  });
});

test('web searches count whole in the maximum, with the context that they can fill, and without a bound they are refused', async () => {
  const api = await startApi();
  const server = await startServer({
    api,
    env: { BATCH_MCP_ALLOW_NETWORK_TOOLS: '1', BATCH_MCP_MAX_COST_USD: '1.05' },
  });
  const searching = (search: object) => ({
    requests: [
      {
        custom_id: 'a',
        params: {
          model: 'claude-sonnet-5-5',
          max_tokens: 100,
          messages: [{ role: 'user', content: 'hello' }],
          tools: [{ type: 'web_search_20250305', name: 'web_search', ...search }],
        },
      },
    ],
  });
  expect(await server.fails('submit_batch', searching({}))).toContain('web_search has no max_uses');
  expect(await server.fails('submit_batch', searching({ max_uses: 6 }))).toContain('could cost up to $1.06');
  const { cost_usd, warnings } = await server.ok('submit_batch', searching({ max_uses: 3 }));
  expect(cost_usd.maximum).toBeGreaterThan(1.03);
  expect(warnings.join()).toContain('takes the whole context of claude-sonnet-5-5');
  expect(cost_usd.expected).toBeLessThan(0.01);
});

/** What all that the API received could cost at most in output, by the published prices. */
function maximumSent(api: ApiServer): number {
  const catalog = createModelCatalog(modelTable);
  const usage = { cache_read_tokens: 0, cache_write_5m_tokens: 0, cache_write_1h_tokens: 0, web_searches: 0 };
  return api.creates
    .flatMap(({ requests }) => requests)
    .reduce((sum, { params }) => {
      const output_tokens = Number(params.max_tokens);
      const model = catalog.require(String(params.model));
      return sum + priceOf(model, { ...usage, input_tokens: 0, output_tokens }, { batch: true });
    }, 0);
}

tried('no combination of arguments spends above the ceilings', 80, async (numRuns) => {
  const api = await startApi();
  const ceilings = { submission: 0.6, day: 2 };
  const server = await startServer({
    api,
    env: {
      BATCH_MCP_MAX_COST_USD: String(ceilings.submission),
      BATCH_MCP_DAILY_BUDGET_USD: String(ceilings.day),
    },
  });
  const some = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined });
  const settings = {
    model_tier: some(fc.constantFrom('cheap', 'capable', 'premium')),
    model: some(fc.constantFrom('claude-fable-5-1', 'claude-haiku-5-5')),
    max_tokens: some(fc.constantFrom(1, 4_000, 60_000, 128_000)),
  };
  const calls = fc.record({
    ...settings,
    count: fc.integer({ min: 1, max: 4 }),
    own: fc.record(settings),
    native: fc.boolean(),
    max_tasks: some(fc.integer({ min: 1, max: 4 })),
    max_cost_usd: some(fc.constantFrom(0, 0.1, 1_000_000)),
    force_new: some(fc.boolean()),
    sandbox: some(fc.constant(false)),
    name: some(fc.constant('ask for more')),
  });
  let run = 0;
  let sent = 0;
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(calls, async ({ count, own, native, ...call }) => {
      run += 1;
      const before = maximumSent(api);
      const requests = prompts(Array.from({ length: count }, (_, index) => `r${run}t${index}`)).map(
        (task) => ({
          ...task,
          ...own,
        }),
      );
      const params = {
        model: own.model ?? 'claude-opus-5-5',
        max_tokens: own.max_tokens ?? 50_000,
        messages: [{ role: 'user', content: 'hello' }],
      };
      const natives = requests.map(({ task_id }) => ({ custom_id: task_id, params }));
      const answer = await server.call('submit_batch', { ...call, requests: native ? natives : requests });
      if (answer.isError) expect(answer.text).toMatch(/^(cost_limit|invalid_input): /);
      if (answer.text.startsWith('cost_limit')) refused += 1;
      const cost = maximumSent(api) - before;
      if (cost > 0) sent += 1;
      expect(cost).toBeLessThanOrEqual(
        Math.min(ceilings.submission, call.max_cost_usd ?? ceilings.submission),
      );
      expect(maximumSent(api)).toBeLessThanOrEqual(ceilings.day);
    }),
    { numRuns },
  );
  // Neither all nor nothing: the ceilings were reached.
  expect(sent).toBeGreaterThan(1);
  expect(refused).toBeGreaterThan(1);
});
