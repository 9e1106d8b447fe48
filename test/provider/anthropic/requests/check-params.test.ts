import { describe, expect, it } from 'vitest';
import { modelTable } from '../../../../src/provider/anthropic/models/price-table.ts';
import { checkParams } from '../../../../src/provider/anthropic/requests/check-params.ts';
import { createModelCatalog } from '../../../../src/provider/models.ts';

const catalog = createModelCatalog(modelTable);
const good = {
  model: 'claude-sonnet-5-5',
  max_tokens: 1024,
  messages: [{ role: 'user', content: 'Hello' }],
};
const schema = { type: 'object', properties: { a: { type: 'string' } }, additionalProperties: false };

function check(params: Record<string, unknown>) {
  return checkParams(params, { allowNetworkTools: false, catalog });
}

function answer(given: unknown) {
  return { output_config: { format: { type: 'json_schema', schema: given } } };
}

function user(...content: unknown[]) {
  return { messages: [{ role: 'user', content }] };
}

const budget = (budget_tokens: number) => ({ type: 'enabled', budget_tokens });
const prefilled = [...good.messages, { role: 'assistant', content: 'The answer is' }];

describe('what the API takes is taken', () => {
  const rows: [string, Record<string, unknown>][] = [
    ['the least there can be', {}],
    ['stream: false', { stream: false }],
    [
      'null for what is optional',
      { stream: null, system: null, tools: null, thinking: null, container: null, output_config: null },
    ],
    ['system as text', { system: 'Be brief.' }],
    [
      'system as blocks',
      { system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }] },
    ],
    ['blocks', user({ type: 'text', text: 'See' }, { type: 'image', source: { type: 'base64', data: '…' } })],
    [
      'an instruction in mid-conversation',
      { messages: [...good.messages, { role: 'system', content: 'Be brief.' }] },
    ],
    ['all a model can answer', { max_tokens: 128_000 }],
    ['a prefilled answer up to 4.5', { model: 'claude-opus-4-5', messages: prefilled }],
    [
      'an answer that paused',
      {
        messages: [...good.messages, { role: 'assistant', content: [{ type: 'server_tool_use', id: 'a' }] }],
      },
    ],
    ['a thinking budget up to 4.6', { model: 'claude-opus-4-6', max_tokens: 4096, thinking: budget(1024) }],
    ['adaptive thinking', { thinking: { type: 'adaptive' } }],
    ['a forced tool elsewhere than on Opus 5.5', { tool_choice: { type: 'any' } }],
    ['tool_choice auto on Opus 5.5', { model: 'claude-opus-5-5', tool_choice: { type: 'auto' } }],
    ['structured output', { output_config: { effort: 'low', format: { type: 'json_schema', schema } } }],
    [
      'a tool of the caller',
      {
        tools: [
          { name: 'web_search', input_schema: { type: 'object', properties: { source: { type: 'url' } } } },
        ],
      },
    ],
    [
      'what a tool was called with',
      user({ type: 'tool_use', id: 'a', name: 'b', input: { source: { type: 'url' } } }),
    ],
    [
      'what a search once said',
      user({
        type: 'web_search_tool_result',
        tool_use_id: 'a',
        content: [{ type: 'web_search_result', url: 'https://example.com' }],
      }),
    ],
    [
      'a client tool of Anthropic',
      { tools: [{ type: 'text_editor_20250728', name: 'str_replace_based_edit_tool' }] },
    ],
    ['a URL in a text', user({ type: 'text', text: 'https://example.com/a.png' })],
  ];
  it.each(rows)('%s', (_, params) => {
    expect(check({ ...good, ...params })).toEqual([]);
  });
});

describe('what the API refuses is refused', () => {
  const rows: [string, Record<string, unknown>, string, string][] = [
    ['no model', { model: undefined }, 'model', 'missing'],
    ['an empty model', { model: '' }, 'model', 'missing'],
    ['a number for a model', { model: 5 }, 'model', 'not a string'],
    ['an unknown model', { model: 'claude-2' }, 'model', 'BATCH_MCP_PRICES'],
    ['a mistyped model', { model: 'claude-sonnet-5.5' }, 'model', 'did you mean "claude-sonnet-5-5"?'],
    ['a prefix of a model', { model: 'claude-haiku-4-5-2025' }, 'model', 'no price'],
    ['no max_tokens', { max_tokens: undefined }, 'max_tokens', 'missing'],
    ['max_tokens 0', { max_tokens: 0 }, 'max_tokens', 'not a whole number above 0'],
    ['negative max_tokens', { max_tokens: -1 }, 'max_tokens', 'not a whole number above 0'],
    ['half a token', { max_tokens: 1.5 }, 'max_tokens', 'not a whole number above 0'],
    ['max_tokens as text', { max_tokens: '1024' }, 'max_tokens', 'not a whole number above 0'],
    ['more than the model can answer', { max_tokens: 128_001 }, 'max_tokens', 'at most 128000'],
    [
      'more than an older model can answer',
      { model: 'claude-haiku-4-5', max_tokens: 64_001 },
      'max_tokens',
      'at most 64000',
    ],
    ['no messages', { messages: undefined }, 'messages', 'missing'],
    ['empty messages', { messages: [] }, 'messages', 'empty'],
    ['messages as text', { messages: 'Hello' }, 'messages', 'not a list'],
    ['a message as text', { messages: ['Hello'] }, 'messages[0]', 'not a message'],
    ['a null message', { messages: [null] }, 'messages[0]', 'not a message'],
    [
      'an unknown role',
      { messages: [{ role: 'human', content: 'a' }] },
      'messages[0].role',
      'user, assistant',
    ],
    ['not a role', { messages: [{ content: 'a' }] }, 'messages[0].role', 'not a role'],
    [
      'an assistant first',
      { messages: [{ role: 'assistant', content: 'a' }, ...good.messages] },
      'messages[0].role',
      'first message',
    ],
    ['no content', { messages: [{ role: 'user' }] }, 'messages[0].content', 'neither'],
    ['empty content', { messages: [{ role: 'user', content: '' }] }, 'messages[0].content', 'empty'],
    ['blank content', { messages: [{ role: 'user', content: ' \n' }] }, 'messages[0].content', 'empty'],
    ['no blocks', user(), 'messages[0].content', 'empty'],
    ['a block without type', user({ text: 'a' }), 'messages[0].content[0]', 'not a content block'],
    [
      'a block as text',
      user({ type: 'text', text: 'a' }, 'b'),
      'messages[0].content[1]',
      'not a content block',
    ],
    ['a blank text block', user({ type: 'text', text: ' ' }), 'messages[0].content[0].text', 'blank'],
    [
      'a prefilled answer on 4.6',
      { model: 'claude-sonnet-4-6', messages: prefilled },
      'messages[1]',
      'claude-sonnet-4-6',
    ],
    [
      'a prefilled answer in blocks',
      { messages: [...good.messages, { role: 'assistant', content: [{ type: 'text', text: 'a' }] }] },
      'messages[1]',
      'output_config',
    ],
    ['an empty system', { system: '' }, 'system', 'empty'],
    ['system as an object', { system: { text: 'a' } }, 'system', 'neither'],
    ['stream: true', { stream: true }, 'stream', "can't stream"],
    ['stream as text', { stream: 'yes' }, 'stream', "can't stream"],
    ['speed', { speed: 'fast' }, 'speed', 'batch'],
    ['temperature', { temperature: 0 }, 'temperature', '2026-10-21'],
    ['top_p', { top_p: 0.9 }, 'top_p', '2026-10-21'],
    ['top_k', { top_k: 5 }, 'top_k', '2026-10-21'],
    ['a mistyped key', { max_token: 5 }, '"max_token"', 'did you mean "max_tokens"?'],
    [
      'a key in another case',
      { toolChoice: { type: 'auto' } },
      '"toolChoice"',
      'did you mean "tool_choice"?',
    ],
    ['an unknown key', { n: 2 }, '"n"', 'not a key of the Messages API'],
    [
      'a thinking budget from 4.7 on',
      { model: 'claude-opus-4-7', thinking: budget(1024) },
      'thinking.budget_tokens',
      'adaptive',
    ],
    [
      'too small a thinking budget',
      { model: 'claude-opus-4-5', thinking: budget(1000) },
      'thinking.budget_tokens',
      'from 1024',
    ],
    [
      'a thinking budget of all tokens',
      { model: 'claude-opus-4-5', max_tokens: 2000, thinking: budget(2000) },
      'thinking.budget_tokens',
      'below max_tokens',
    ],
    ['thinking: true', { thinking: true }, 'thinking', 'adaptive'],
    ['tools as an object', { tools: {} }, 'tools', 'not a list'],
    ['a tool as text', { tools: ['web_search'] }, 'tools[0]', 'not a tool'],
    ['tool_choice as text', { tool_choice: 'auto' }, 'tool_choice', 'not a tool choice'],
    ['an unknown tool_choice', { tool_choice: { type: 'required' } }, 'tool_choice', 'auto, any, tool, none'],
    [
      'tool_choice any on Opus 5.5',
      { model: 'claude-opus-5-5', tool_choice: { type: 'any' } },
      'tool_choice.type',
      'claude-opus-5-5',
    ],
    [
      'tool_choice tool on Opus 5.5',
      { model: 'claude-opus-5-5', tool_choice: { type: 'tool', name: 'a' } },
      'tool_choice.type',
      'auto, none',
    ],
    ['output_config as text', { output_config: 'json' }, 'output_config', 'not an object'],
    ['an unknown effort', { output_config: { effort: 'most' } }, 'output_config.effort', 'xhigh'],
    [
      'an unknown format',
      { output_config: { format: { type: 'json' } } },
      'output_config.format',
      'json_schema',
    ],
    [
      'a format without schema',
      { output_config: { format: { type: 'json_schema' } } },
      'output_config.format',
      'schema',
    ],
    ['an empty schema', answer({}), 'output_config.format.schema', 'empty'],
    ['a schema of a list', answer({ type: 'array' }), 'output_config.format.schema.type', 'object'],
    [
      'an open schema',
      answer({ type: 'object' }),
      'output_config.format.schema',
      '"additionalProperties": false',
    ],
  ];
  it.each(rows)('%s', (_, params, field, says) => {
    const problems = check({ ...good, ...params });
    expect(problems).toHaveLength(1);
    expect(problems[0]?.field).toBe(field);
    expect(JSON.stringify(problems[0]).replaceAll('\\"', '"')).toContain(says);
  });

  it('all of it at once', () => {
    const problems = check({ model: 'x', max_tokens: 0, messages: [], stream: true, top_k: 1, foo: 1 });
    expect(problems.map(({ field }) => field)).toEqual([
      'top_k',
      '"foo"',
      'model',
      'max_tokens',
      'messages',
      'stream',
    ]);
  });

  it('without a word of the content', () => {
    const problems = check({
      ...good,
      messages: [{ role: 'SECRET', content: { SECRET: 1 } }],
      thinking: 'SECRET',
    });
    expect(problems).toHaveLength(3);
    expect(JSON.stringify(problems)).not.toContain('SECRET');
  });
});
