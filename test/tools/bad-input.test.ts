import { describe, expect, it } from 'vitest';
import { startApi } from '../api.ts';
import { startServer } from '../harness.ts';
import { type Arguments, CONTENT, expectRefusal, type Row, refusalOf } from './refusal.ts';

const params = {
  model: 'claude-sonnet-5-5',
  max_tokens: 100,
  messages: [{ role: 'user', content: CONTENT }],
};
const task = { task_id: 'a', prompt: CONTENT };

const requests = (...items: unknown[]): Arguments => ({ requests: items });
const tasks = (...changes: object[]) => requests(...changes.map((change) => ({ ...task, ...change })));

describe('the work as a whole', () => {
  const rows: Row[] = [
    ['no arguments', {}, 'requests: is missing', 'exactly one of requests, requests_file'],
    ['only nulls', { requests: null, requests_file: null }, 'requests: is missing', 'exactly one of'],
    ['no tasks', { requests: [] }, 'requests: holds no tasks', 'at least one task'],
    [
      'two kinds of work',
      { requests: [task], requests_file: 'a.jsonl' },
      'requests: is given together with requests_file',
      'exactly one of requests, requests_file',
    ],
    ['an object for a list', { requests: task }, 'requests: is an object', 'a list'],
    ['a number for a path', { requests_file: 5 }, 'requests_file: unknown ending'],
    ['a flag for a path', { requests_file: true }, 'requests_file: is a boolean', 'a string'],
    ['a key mistyped', { request: [task] }, 'request: unknown key', 'did you mean "requests"?'],
    [
      'a key of another product',
      { ...requests(task), tasks: [] },
      'tasks: unknown key',
      'requests, requests_file',
    ],
    ['a key in another case', { ...requests(task), maxTokens: 5 }, 'maxTokens', 'did you mean "max_tokens"?'],
    ['max_tasks 0', { ...requests(task), max_tasks: 0 }, 'max_tasks: is too small', 'more than 0'],
    [
      'a wrong shared tier',
      { ...requests(task), model_tier: 'best' },
      'model_tier',
      'cheap, capable, premium',
    ],
    [
      'a shared model unknown',
      { ...requests(task), model: 'gpt-4' },
      '- model: no price is known',
      'BATCH_MCP_PRICES',
    ],
    [
      'a shared type mistyped',
      { ...requests(task), task_type: 'analyzelogs' },
      '- task_type: is not a known',
      'analyze_logs',
    ],
    ['a blank shared prompt', { ...requests(task), prompt: ' ' }, 'prompt', 'not empty'],
    ['shared input as a list', { ...requests(task), input_data: [] }, 'input_data: is a list', 'an object'],
    [
      'more than fits inline',
      requests({ ...task, prompt: 'a'.repeat(5_000_000) }),
      'requests: is 5000',
      'requests_file',
    ],
  ];
  it.each(rows)('%s', (...row) => expectRefusal(row));
});

describe('a task', () => {
  const rows: Row[] = [
    ['as blank text', requests(' '), 'requests[0]: is a string', '{task_id, prompt}'],
    ['as a number', requests(17), 'requests[0]: is a number', '{task_id, prompt}'],
    ['as null', requests(null), 'requests[0]: is null', '{task_id, prompt}'],
    ['as a list', requests([task]), 'requests[0]: is a list', '{task_id, prompt}'],
    ['without anything', requests({}), 'requests[0]: task_id: is missing', 'a string'],
    ['without an id', requests({ prompt: CONTENT }), 'requests[0]: task_id: is missing'],
    ['with an empty id', tasks({ task_id: '' }), 'task_id: is empty', 'not empty'],
    [
      'with an id too long',
      tasks({ task_id: 'x'.repeat(257) }),
      'task_id: is too long',
      'at most 256 characters',
    ],
    ['with a null id', tasks({ task_id: null }), 'task_id: is missing'],
    ['without work', requests({ task_id: 'a' }), 'requests[0] (a): task_type', 'prompt'],
    ['with an empty prompt', tasks({ prompt: '' }), 'prompt', 'not empty'],
    ['with a prompt in parts', tasks({ prompt: ['a'] }), 'prompt: is a list', 'a string'],
    ['with a wrong tier', tasks({ model_tier: 'chep' }), 'model_tier', 'cheap, capable, premium'],
    [
      'with an unknown model',
      tasks({ model: 'claude-sonet-5-5' }),
      'model: no price',
      'did you mean "claude-sonnet-5-5"?',
    ],
    ['with max_tokens 0', tasks({ max_tokens: 0 }), 'max_tokens: is too small', 'more than 0'],
    ['with negative max_tokens', tasks({ max_tokens: -5 }), 'max_tokens: is too small', 'more than 0'],
    ['with half a token', tasks({ max_tokens: 1.5 }), 'max_tokens: is not a whole number'],
    ['with max_tokens as text', tasks({ max_tokens: 'many' }), 'max_tokens: is a string', 'number'],
    [
      'with more tokens than the model gives',
      tasks({ max_tokens: 128_001 }),
      'max_tokens',
      'claude-sonnet-5-5',
      'at most 128000',
    ],
    [
      'with an unknown key',
      tasks({ priority: 1 }),
      'requests[0] (a): priority: unknown key',
      'task_id, task_type',
    ],
    [
      'with a mistyped key',
      tasks({ modle_tier: 'cheap' }),
      'modle_tier: unknown key',
      'did you mean "model_tier"?',
    ],
    ['with a key of the native form', tasks({ temperature: 0 }), 'temperature: unknown key', 'model_tier'],
    ['with a schema that is a list', tasks({ output_schema: [] }), 'output_schema: is a list', 'an object'],
    ['with an empty schema', tasks({ output_schema: {} }), 'output_schema: is empty', 'JSON Schema'],
    ['with a schema of a list', tasks({ output_schema: { type: 'array' } }), 'output_schema.type', 'object'],
    [
      'twice under one id',
      tasks({}, {}),
      'requests[1] (a): task_id: is the same as that of requests[0]',
      'own',
    ],
    [
      'twice, the first broken',
      tasks({ prompt: '' }, {}),
      'requests[0] (a): prompt',
      'requests[1] (a): task_id: is the same',
    ],
    [
      'twice, beside null ids',
      tasks({ custom_id: null }, { custom_id: null }),
      'requests[1] (a): task_id: is the same',
    ],
    [
      'and a native request under one id',
      requests(task, { custom_id: 'a', params }),
      'requests[1] (a): custom_id: is the same as that of requests[0]',
    ],
    [
      'in both forms',
      requests({ ...task, custom_id: 'a', params }),
      'task_id: unknown key',
      'custom_id, params',
    ],
    [
      'native, under task_id',
      requests({ task_id: 'a', params }),
      'custom_id: is missing',
      'task_id: unknown key',
    ],
  ];
  it.each(rows)('%s', (...row) => expectRefusal(row));
});

it('names a model that was retired', async () => {
  const given = tasks({ model: 'claude-sonnet-4-5' });
  const text = await refusalOf(given, { now: () => new Date('2026-12-01T00:00:00Z') });
  expect(text).toContain('requests[0] (a): model: claude-sonnet-4-5 was retired on 2026-11-30');
});

it('names twenty problems and counts the others', async () => {
  const text = await refusalOf(
    requests(...Array.from({ length: 25 }, (_, index) => ({ task_id: `t${index}` }))),
  );
  expect(text.match(/^- requests\[\d+\]/gm)).toHaveLength(20);
  expect(text).toContain('and 5 more of these (25 in all)');
});

it('names all that is wrong, at every level', async () => {
  const text = await refusalOf(
    requests(
      { task_id: '', prompt: 5, model_tier: 'x', colour: 1 },
      { custom_id: 'b', params: { ...params, stream: true, max_tokens: 0, messages: [] } },
      {
        task_id: 'c',
        task_type: 'classify_bulk',
        input_data: { items: ['', CONTENT], labels: [] },
        model: 'm',
      },
    ),
  );
  expect(text.match(/^- requests\[0\]/gm)).toHaveLength(4);
  expect(text.match(/^- requests\[1\]/gm)).toHaveLength(3);
  expect(text.match(/^- requests\[2\]/gm)).toHaveLength(3);
});

it('takes arguments that are null for none', async () => {
  const { client } = await startServer();
  const answer = await client.callTool({ name: 'submit_batch', arguments: JSON.parse('null') });
  expect(answer).toMatchObject({
    isError: true,
    content: [{ text: expect.stringContaining('requests: is missing') }],
  });
});

describe('a great many unknown keys', () => {
  const keys = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`key_${index}`, index]));
  const task = { custom_id: 'a', params: { model: 'claude-opus-5-5', max_tokens: 5, messages: [], ...keys } };
  // Each of them was once looked up among all: minutes.
  it.each([
    ['arguments', { requests: ['x'], ...keys }, 'has 20,001 keys'],
    ['a task', { requests: [{ task_id: 'a', prompt: 'x', ...keys }] }, 'more unknown keys'],
    ['params', { requests: [task] }, 'key_0'],
  ])('in %s are refused at once', { timeout: 30_000 }, async (_where, args, says) => {
    const server = await startServer({ api: await startApi({}) });
    const text = await server.fails('estimate_cost', args);
    expect(text).toMatch(/^invalid_input/);
    expect(text).toContain(says);
    expect(text.length).toBeLessThan(10_000);
  });
});
