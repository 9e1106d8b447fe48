import { describe, expect, it } from 'vitest';
import { startApi, startCheckedServer } from '../api.ts';
import { eachNth, eachNthOf } from '../long.ts';
import { retryToTheEnd, scriptedBatch, sentParams } from '../retry.ts';
import { refusalOf } from './refusal.ts';

describe('a model by what people call it', () => {
  eachNth(12, [
    ['haiku', 'claude-haiku-5-5'],
    ['sonnet', 'claude-sonnet-5-5'],
    ['opus', 'claude-opus-5-5'],
    ['Haiku', 'claude-haiku-5-5'],
    ['fable', 'claude-fable-5-2'],
    ['Claude Mythos', 'claude-mythos-5-2'],
    ['claude-5-1-fable', 'claude-fable-5-1'],
    ['claude-opus', 'claude-opus-5-5'],
    ['Claude Sonnet', 'claude-sonnet-5-5'],
    ['claude-haiku-latest', 'claude-haiku-5-5'],
    ['sonnet-5.5', 'claude-sonnet-5-5'],
    ['Claude Haiku 5.5', 'claude-haiku-5-5'],
    ['claude-opus-4.8', 'claude-opus-4-8'],
    ['claude-5-5-sonnet', 'claude-sonnet-5-5'],
    ['anthropic/claude-haiku-5-5', 'claude-haiku-5-5'],
    ['us.anthropic.claude-haiku-4-5-20251001-v1:0', 'claude-haiku-4-5'],
    ['claude-haiku-4-5@20251001', 'claude-haiku-4-5'],
    ['us-gov.anthropic.claude-haiku-4-5-20251001-v1:0', 'claude-haiku-4-5'],
    ['bedrock/anthropic.claude-opus-4-5-20251101-v1:0', 'claude-opus-4-5'],
    ['vertex_ai/claude-opus-4-5@20251101', 'claude-opus-4-5'],
    ['openrouter/anthropic/claude-sonnet-5.5', 'claude-sonnet-5-5'],
    ['anthropic:claude-sonnet-5-5', 'claude-sonnet-5-5'],
    ['claude-opus-4.8[1m]', 'claude-opus-4-8'],
    ['haiku4.5', 'claude-haiku-4-5'],
    ['4.5 haiku', 'claude-haiku-4-5'],
    ['cheap', 'claude-haiku-5-5'],
    ['premium', 'claude-opus-5-5'],
  ])('%s is %s, and that is said', async (model, id) => {
    const api = await startApi();
    const server = await startCheckedServer({ api });
    for (const args of [{ model, requests: ['x'] }, { requests: [{ task_id: 'a', prompt: 'y', model }] }]) {
      const { warnings } = await server.ok('submit_batch', args);
      expect(warnings).toContain(`model "${model}" is ${id} here`);
    }
    expect(api.creates.map(({ requests }) => requests[0]?.params.model)).toEqual([id, id]);
    const figures = { request_count: 2, input_tokens_per_request: 5, output_tokens_per_request: 5, model };
    const estimate = await server.ok('estimate_cost', figures);
    expect(estimate.by_model).toMatchObject([{ model: id }]);
    expect(estimate.warnings).toContain(`model "${model}" is ${id} here`);
  });

  it('in a retry', async () => {
    const batch = await scriptedBatch({ a: ['overloaded', 'ok'] });
    const { warnings } = await retryToTheEnd(batch, { model: 'opus' });
    expect(sentParams(batch.api, 1, 'a').model).toBe('claude-opus-5-5');
    expect(warnings).toContain('model "opus" is claude-opus-5-5 here');
  });

  eachNthOf(3, [
    'gpt-5',
    'haiku-9',
    'claude',
    'claude-opus-9',
    'sonnet-9.9',
    'claude-9-haiku',
    'openai/gpt-5',
    'openrouter/anthropic/claude-3.5-haiku',
    'haiku9',
  ])('%s is none', async (model) => {
    expect(await refusalOf({ requests: [{ task_id: 'a', prompt: 'x', model }] })).toContain(
      'no price is known',
    );
  });

  it('is none in a native request, which goes out as it is', async () => {
    const params = { model: 'haiku', max_tokens: 5, messages: [{ role: 'user', content: 'x' }] };
    expect(await refusalOf({ requests: [{ custom_id: 'a', params }] })).toContain(
      'params.model: no price is known',
    );
  });
});
