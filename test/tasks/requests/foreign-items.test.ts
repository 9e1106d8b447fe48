import { expect, it } from 'vitest';
import { anthropicDialect } from '../../../src/provider/anthropic/dialect.ts';
import { itemOf } from '../../../src/tasks/requests/read-item.ts';
import { createTaskParser } from '../../../src/tasks/task.ts';

const parse = createTaskParser(anthropicDialect);
const messages = [{ role: 'user', content: 'Hello' }];

it.each<[item: object, says: string]>([
  [{ custom_id: 'a', method: 'POST', url: '/v1/chat/completions', body: { messages } }, "OpenAI's form"],
  [{ custom_id: 'a', method: 'POST', url: '/v1/responses', body: { input: 'a' } }, "OpenAI's form"],
  [{ custom_id: 'a', body: { model: 'gpt-4o', messages } }, "OpenAI's form"],
  [{ custom_id: 'a', body: { model: 'gpt-5', input: 'a' } }, "OpenAI's form"],
  [{ custom_id: 'a', body: { messages, max_tokens: 5 } }, "Mistral's form"],
  [{ key: 'a', request: { contents: [{ parts: [{ text: 'a' }] }] } }, "Gemini's form"],
  [{ contents: [{ parts: [{ text: 'a' }] }] }, "Gemini's form"],
  [{ custom_id: 'a', request: { messages, anthropic_version: 'vertex-2023-10-16' } }, "Vertex AI's form"],
  [{ recordId: 'a', modelInput: { messages } }, "Bedrock's form"],
  [{ model: 'claude-haiku-5-5', max_tokens: 5, messages }, 'a bare body of the Messages API'],
  [{ custom_id: 'a', model: 'claude-haiku-5-5', messages }, 'a bare body of the Messages API'],
  [{ messages }, 'a bare body of the Messages API'],
  [{ conversations: [{ from: 'human', value: 'a' }] }, 'a conversation from a training set'],
  [{ prompt: 'a', completion: 'b' }, 'a pair from a training set'],
  [{ instruction: 'a', input: 'b', output: 'c' }, 'a pair from a training set'],
  [{ q: 'a' }, 'looks like a row of a table'],
  [{ sku: 1, price: 2.5, nested: { a: 1 } }, 'looks like a row of a table'],
])('%j is named', (item, said) => {
  const parsed = parse(itemOf(item), 'line 1');
  expect(parsed).toMatchObject({ ok: false, problems: [{ problem: expect.stringContaining(said) }] });
});

it.each<[item: object]>([
  [{ task_id: 'a', prompt: 'b' }],
  [{ custom_id: 'a', params: { messages } }],
  [{ task_id: 'a', input_data: { messages, body: {}, completion: 'x' } }],
])('%j is ours', (item) => {
  expect(parse(itemOf(item), 'line 1').ok).toBe(true);
});
