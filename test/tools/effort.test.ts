import { describe, expect, it } from 'vitest';
import { follow, prompts, startApi, startCheckedServer } from '../api.ts';
import { succeeded } from '../api-server.ts';
import { startServer } from '../harness.ts';
import { eachNth } from '../long.ts';
import { retryToTheEnd, scriptedBatch, sentParams } from '../retry.ts';
import { refusalOf } from './refusal.ts';

const items = { input_data: { items: ['a', 'b'] }, task_type: 'classify_bulk' };
const logs = { input_data: { logs: 'x' }, task_type: 'analyze_logs' };

/** What a single task is sent with. */
async function sent(task: object, shared: object = {}) {
  const api = await startApi();
  const server = await startCheckedServer({ api });
  await server.ok('submit_batch', { ...shared, requests: [{ task_id: 'a', ...task }] });
  const { params } = api.creates[0]?.requests[0] ?? {};
  return {
    effort: (params?.output_config as { effort?: string } | undefined)?.effort,
    max_tokens: params?.max_tokens,
  };
}

describe('effort', () => {
  eachNth<[what: string, task: object, shared: object, effort: string | undefined]>(3, [
    ['is the model’s own where nobody asks', { prompt: 'x' }, {}, undefined],
    ['of a task', { prompt: 'x', effort: 'max' }, {}, 'max'],
    ['shared', { prompt: 'x' }, { effort: 'medium' }, 'medium'],
    ['of a task wins over the shared one', { prompt: 'x', effort: 'low' }, { effort: 'high' }, 'low'],
    ['is low for classify_bulk', items, {}, 'low'],
    ['is low for classify_bulk on every tier', { ...items, model_tier: 'premium' }, {}, 'low'],
    ['is what is asked for classify_bulk', { ...items, effort: 'high' }, {}, 'high'],
    ['is low for labels', { prompt: 'x' }, { labels: ['a', 'b'] }, 'low'],
    ['is what is asked for labels', { prompt: 'x' }, { labels: ['a', 'b'], effort: 'medium' }, 'medium'],
    ['is none on a model that has none', { ...items, model: 'claude-haiku-4-5' }, {}, undefined],
    [
      'is none where it is not known what the model takes',
      { ...items, model: 'claude-opus-4-8' },
      {},
      undefined,
    ],
    ['is sent where that is asked for', { prompt: 'x', effort: 'low', model: 'claude-opus-4-8' }, {}, 'low'],
    ['is the model’s own for other task types', logs, {}, undefined],
  ])('%s', async (_what, task, shared, effort) => {
    expect((await sent(task, shared)).effort).toBe(effort);
  });

  it.each([
    [{ effort: 'minimal' }, 'effort: is not one of the values allowed (did you mean "low"?)'],
    [{ effort: 'maximum' }, 'effort: is not one of the values allowed (did you mean "max"?)'],
    [
      { effort: 'low', model: 'claude-haiku-4-5' },
      'effort: claude-haiku-4-5 has no efforts. Valid: leave it out',
    ],
    [
      { effort: 'max', model: 'claude-opus-4-5' },
      'effort: claude-opus-4-5 does not take it. Valid: low, medium, high',
    ],
  ])('%j is refused', async (task, says) => {
    expect(await refusalOf({ requests: [{ task_id: 'a', prompt: 'x', ...task }] })).toContain(says);
  });
});

describe('max_tokens', () => {
  eachNth<[task: object, max_tokens: number]>(6, [
    [{ ...logs }, 4_096 + 8_192],
    [{ ...logs, effort: 'low' }, 4_096 + 2_048],
    [{ ...logs, model_tier: 'cheap' }, 4_096 + 6_144],
    [{ ...items }, 4_096 + 2_048],
    [{ ...logs, model: 'claude-opus-4-8' }, 4_096],
    [{ ...logs, max_tokens: 100 }, 100],
    [{ prompt: 'x' }, 4_096],
    [{ prompt: 'x', effort: 'max' }, 4_096 + 40_960],
    [{ prompt: 'x', effort: 'low' }, 4_096 + 2_048],
    [{ prompt: 'x', effort: 'max', max_tokens: 9 }, 9],
    [{ task_type: 'mine', input_data: { a: 1 }, effort: 'xhigh' }, 4_096 + 20_480],
  ])('of %j leaves room for thinking: %d', async (task, max_tokens) => {
    expect((await sent(task)).max_tokens).toBe(max_tokens);
  });
});

describe('retry_batch', () => {
  it('takes an effort for all that is sent again, beside what was in output_config', async () => {
    const output_schema = { type: 'object', properties: { n: { type: 'number' } } };
    const batch = await scriptedBatch({ a: ['overloaded', 'json'] }, { submit: { output_schema } });
    const before = sentParams(batch.api, 0, 'a');
    await retryToTheEnd(batch, { effort: 'low' });
    const { output_config, ...after } = sentParams(batch.api, 1, 'a');
    expect(output_config).toEqual({ ...(before.output_config as object), effort: 'low' });
    expect(after).toEqual({ ...before, output_config: undefined });
  });

  it('leaves it out for another model that has none', async () => {
    const requests = [{ task_id: 'a', ...items }];
    const batch = await scriptedBatch({ a: ['overloaded', 'json'] }, { requests });
    await retryToTheEnd(batch, { model: 'claude-haiku-4-5' });
    expect(sentParams(batch.api, 0, 'a').output_config).toMatchObject({ effort: 'low' });
    expect(sentParams(batch.api, 1, 'a').output_config).not.toHaveProperty('effort');
  });
});

const answerOf = (properties: object) => ({ output_schema: { type: 'object', properties } });

describe('an estimate', () => {
  it.each<[of: string, given: object, tokens: number]>([
    ['a label', { labels: ['card', 'refund'] }, 8],
    ['a number and a yes or no', answerOf({ n: { type: 'integer' }, ok: { type: 'boolean' } }), 12],
    ['texts of a length', answerOf({ alt: { type: 'string', maxLength: 125 } }), 55],
    ['a list of a length', answerOf({ to: { type: 'array', maxItems: 3, items: { enum: ['a', 'b'] } } }), 10],
    ['texts of any length', answerOf({ alt: { type: 'string' } }), 800],
  ])('expects no more tokens than an answer can have that is %s', async (_of, given, tokens) => {
    const server = await startServer();
    const work = { requests: prompts(['a', 'b']), ...given, effort: 'low' };
    const reply = await server.ok('estimate_cost', work);
    expect(reply.tokens.expected_output).toBe(2 * (tokens + 300));
  });

  it('expects thinking, and says what low would save', async () => {
    const server = await startServer();
    const work = { requests: prompts(['a', 'b', 'c', 'd']) };
    const own = await server.ok('estimate_cost', work);
    const low = await server.ok('estimate_cost', { ...work, effort: 'low' });
    expect(own.tokens.expected_output).toBe(4 * (800 + 3_000));
    expect(low.tokens.expected_output).toBe(4 * (800 + 300));
    const saved = own.cost_usd.expected - low.cost_usd.expected;
    expect(own.advice.join(' ')).toMatch(
      /^.*% of the expected cost is thinking \(12,000 tokens.*effort low would save about \$0\.054/,
    );
    expect(saved).toBeCloseTo(0.054, 3);
    expect(low.advice.join(' ')).not.toContain('thinking');
    expect(own.rests_on).toContain('thinking, by a figure of ours: 12,000 tokens');
  });

  it.each([
    ['disabled', { thinking: { type: 'disabled' } }, 500],
    ['left to the model', {}, 2_000],
    ['at an effort', { output_config: { effort: 'xhigh' } }, 6_500],
  ])('goes by the thinking of a native request: %s', async (_what, change, expected) => {
    const server = await startServer();
    const params = {
      model: 'claude-haiku-5-5',
      max_tokens: 20_000,
      messages: [{ role: 'user', content: 'x' }],
    };
    const { tokens } = await server.ok('estimate_cost', {
      requests: [{ custom_id: 'a', params: { ...params, ...change } }],
    });
    expect(tokens.expected_output).toBe(expected);
  });

  it('goes by earlier answers of the task type, model and effort, thinking included', async () => {
    const api = await startApi({
      results: (requests) =>
        requests.map((request) =>
          succeeded(request, 'x', {
            usage: {
              input_tokens: 10,
              output_tokens: 7_000,
              output_tokens_details: { thinking_tokens: 6_000 },
            },
          }),
        ),
    });
    const server = await startCheckedServer({ api });
    const requests = ['a', 'b', 'c', 'd', 'e'].map((task_id) => ({ task_id, ...logs }));
    const answered = async (effort: string) => {
      const { batch_id } = await server.ok('submit_batch', { requests, effort });
      api.endAll();
      await follow(server, batch_id);
      return server.ok('get_results', { batch_id });
    };
    const { spending, warnings } = await answered('high');
    const expected = async (effort: string) =>
      (await server.ok('estimate_cost', { requests: [{ task_id: 'z', ...logs }], effort })).tokens
        .expected_output;
    expect(await expected('high')).toBe(7_000);
    expect(await expected('medium')).toBe(900 + 1_500);

    expect(spending.by_model).toMatchObject([{ output_tokens: 35_000, thinking_tokens: 30_000 }]);
    const thought = '86 % of the output was thinking, which is paid as output';
    expect(warnings).toContain(`${thought}; it is least at effort low.`);
    expect((await answered('low')).warnings).toContain(
      `${thought}, at effort low, where there is least of it.`,
    );
  });
});
