import { describe, it } from 'vitest';
import { type Arguments, CONTENT, expectRefusal, type Row } from './refusal.ts';

const params = {
  model: 'claude-sonnet-5-5',
  max_tokens: 100,
  messages: [{ role: 'user', content: CONTENT }],
};

const requests = (...items: unknown[]): Arguments => ({ requests: items });
const native = (change: object) => requests({ custom_id: 'a', params: { ...params, ...change } });
const typed = (task_type: string, input_data: unknown) => requests({ task_id: 'a', task_type, input_data });

describe('a task type', () => {
  const rows: Row[] = [
    [
      'analyze_logs mistyped',
      typed('analyse_logs', { logs: CONTENT }),
      'task_type',
      'did you mean "analyze_logs"?',
    ],
    [
      'generate_report mistyped',
      typed('generate-reports', { data: CONTENT }),
      'did you mean "generate_report"?',
    ],
    ['classify_bulk mistyped', typed('clasify_bulk', { items: [CONTENT] }), 'did you mean "classify_bulk"?'],
    ['generate_docs mistyped', typed('GenerateDocs', { code: CONTENT }), 'did you mean "generate_docs"?'],
    ['generate_tests mistyped', typed('generate_test', { code: CONTENT }), 'did you mean "generate_tests"?'],
    ['of spaces', typed('  ', { code: CONTENT }), 'task_type', 'not empty'],
    [
      'analyze_logs without input',
      requests({ task_id: 'a', task_type: 'analyze_logs' }),
      'input_data.logs: this field is required and is missing',
    ],
    ['analyze_logs with null', typed('analyze_logs', { logs: null }), 'input_data.logs: is null', 'log text'],
    ['generate_report with nothing', typed('generate_report', { data: {} }), 'input_data.data: is empty'],
    [
      'generate_docs with a wrong field',
      typed('generate_docs', { codes: CONTENT }),
      'input_data.code',
      '"codes" was given instead',
    ],
    ['generate_tests with blanks', typed('generate_tests', { code: ' \n ' }), 'input_data.code: is empty'],
    ['input as text', typed('generate_docs', CONTENT), 'input_data: is a string', 'an object'],
    ['items as text', typed('classify_bulk', { items: CONTENT }), 'input_data.items', 'a list of texts'],
    ['an empty item', typed('classify_bulk', { items: [CONTENT, ''] }), 'input_data.items[1]', 'empty'],
    [
      'labels twice',
      typed('classify_bulk', { items: [CONTENT], labels: ['x', 'x'] }),
      'input_data.labels: has a label twice',
      'distinct',
    ],
    ['a type of your own over nothing', typed('translate', {}), 'input_data: is empty', 'at least one field'],
    [
      'a place that nothing fills',
      { prompt: 'About {{topic}}', requests: [{ task_id: 'a', input_data: { subject: CONTENT } }] },
      'requests[0] (a): prompt: the place {{topic}}',
      'subject',
    ],
  ];
  it.each(rows)('%s', (...row) => expectRefusal(row));
});

describe('a native request', () => {
  const url = { type: 'url', url: `https://example.com/${CONTENT}` };
  const rows: Row[] = [
    ['without params', requests({ custom_id: 'a' }), 'requests[0] (a): params: is missing', 'an object'],
    ['without an id', requests({ params }), 'requests[0]: custom_id: is missing'],
    [
      'with an id that the API refuses',
      requests({ custom_id: 'a b', params }),
      'custom_id',
      '1 to 64 letters',
    ],
    ['with an id too long', requests({ custom_id: 'x'.repeat(65), params }), 'custom_id', '1 to 64'],
    [
      'with another key',
      requests({ custom_id: 'a', params, method: 'POST' }),
      'method: unknown key',
      'custom_id, params',
    ],
    [
      'with a key of a task',
      requests({ custom_id: 'a', params, model_tier: 'cheap' }),
      'model_tier: unknown key',
    ],
    [
      'twice under one id',
      requests({ custom_id: 'a', params }, { custom_id: 'a', params }),
      'requests[1] (a): custom_id: is the same',
    ],
    ['streaming', native({ stream: true }), 'params.stream', 'leave it out'],
    ['with max_tokens 0', native({ max_tokens: 0 }), 'params.max_tokens', 'from 1'],
    [
      'with more tokens than the model gives',
      native({ max_tokens: 200_000 }),
      'params.max_tokens',
      'at most 128000',
    ],
    ['with temperature', native({ temperature: 0.2 }), 'params.temperature', 'leave it out'],
    ['without messages', native({ messages: [] }), 'params.messages: is empty', '"role": "user"'],
    [
      'with a wrong role',
      native({ messages: [{ role: 'human', content: CONTENT }] }),
      'params.messages[0].role',
      'user, assistant',
    ],
    [
      'with an empty message',
      native({ messages: [{ role: 'user', content: '' }] }),
      'params.messages[0].content: is empty',
    ],
    [
      'with an unknown model',
      native({ model: 'claude-3-opus' }),
      'params.model: no price is known',
      'BATCH_MCP_PRICES',
    ],
    ['with a mistyped key', native({ max_token: 5 }), 'params."max_token"', 'did you mean "max_tokens"?'],
    [
      'with web search',
      native({ tools: [{ type: 'web_search_20250305', name: 'web_search' }] }),
      'params.tools[0].type',
      'BATCH_MCP_ALLOW_NETWORK_TOOLS',
    ],
    [
      'with an MCP server',
      native({ mcp_servers: [url] }),
      'params.mcp_servers',
      'BATCH_MCP_ALLOW_NETWORK_TOOLS',
    ],
    [
      'with an image by URL',
      native({ messages: [{ role: 'user', content: [{ type: 'image', source: url }] }] }),
      'params.messages[0].content[0].source',
      'BATCH_MCP_ALLOW_NETWORK_TOOLS',
    ],
  ];
  it.each(rows)('%s', (...row) => expectRefusal(row));
});
