import { describe, expect, it } from 'vitest';
import { modelTable } from '../../../../src/provider/anthropic/models/price-table.ts';
import { checkParams } from '../../../../src/provider/anthropic/requests/check-params.ts';
import { createModelCatalog, efforts, type ModelCatalogOptions } from '../../../../src/provider/models.ts';

const catalog = createModelCatalog(modelTable);
const good = {
  model: 'claude-sonnet-5-5',
  max_tokens: 1024,
  messages: [{ role: 'user', content: 'Hello' }],
};
const schema = { type: 'object', properties: { a: { type: 'string' } }, additionalProperties: false };

type Params = Record<string, unknown>;

function check(params: Params, options: ModelCatalogOptions = {}) {
  const known = Object.keys(options).length === 0 ? catalog : createModelCatalog(modelTable, options);
  return checkParams(params, { allowNetworkTools: true, catalog: known });
}

const on = (model: string, params: Params = {}) => ({ ...good, model, ...params });
const answer = (given: unknown) => ({ output_config: { format: { type: 'json_schema', schema: given } } });
const user = (...content: unknown[]) => ({ messages: [{ role: 'user', content }] });
const says = (...messages: [role: string, content: unknown][]) => ({
  messages: messages.map(([role, content]) => ({ role, content })),
});

const budget = (budget_tokens: number) => ({ type: 'enabled', budget_tokens });
const prefilled = [...good.messages, { role: 'assistant', content: 'The answer is' }];
const tool = (name: string, more: object = {}) => ({ name, input_schema: { type: 'object' }, ...more });
const call = (id: string) => ({ type: 'tool_use', id, name: 'look', input: {} });
const result = (tool_use_id: string, content: unknown = 'found') => ({
  type: 'tool_result',
  tool_use_id,
  content,
});
const cached = (ttl?: string) => ({
  type: 'text',
  text: 'a',
  cache_control: { type: 'ephemeral', ...(ttl && { ttl }) },
});
const ask = ['user', 'Look.'] as [string, unknown];

/** The beginnings of files, and how they end. */
const files = {
  png: Buffer.from('89504e470d0a1a0a0000000d494844520000000049454e44ae426082', 'hex').toString('base64'),
  jpeg: Buffer.from('ffd8ffe000064a464946ffd9', 'hex').toString('base64'),
  gif: Buffer.from('GIF89a\x01\x00\x01\x00').toString('base64'),
  webp: Buffer.from('RIFF\x08\x00\x00\x00WEBPVP8 ').toString('base64'),
  pdf: Buffer.from('%PDF-1.7\n%binary\n%%EOF').toString('base64'),
  bmp: Buffer.from('BM\x46\x00\x00\x00\x00\x00').toString('base64'),
  svg: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg">').toString('base64'),
  docx: Buffer.from('PK\x03\x04\x14\x00\x06\x00').toString('base64'),
  heic: Buffer.from('\x00\x00\x00\x18ftypheic').toString('base64'),
};
const image = (media_type: unknown, data: unknown) => ({
  type: 'image',
  source: { type: 'base64', media_type, data },
});
const pdf = (source: object = {}, more: object = {}) => ({
  type: 'document',
  source: { type: 'base64', media_type: 'application/pdf', data: files.pdf, ...source },
  ...more,
});
const found = { type: 'search_result', source: 'a', title: 'b', content: [{ type: 'text', text: 'c' }] };

describe('what the API takes is taken', () => {
  const rows: [string, Params, ModelCatalogOptions?][] = [
    ['the least there can be', {}],
    ['stream: false', { stream: false }],
    ['system as text', { system: 'Be brief.' }],
    ['system as blocks', { system: [cached()] }],
    ['a PNG', user({ type: 'text', text: 'See' }, image('image/png', files.png))],
    ['a JPEG', user(image('image/jpeg', files.jpeg))],
    ['a GIF', user(image('image/gif', files.gif))],
    ['a WebP', user(image('image/webp', files.webp))],
    ['an image whose bytes say nothing', user(image('image/png', 'aGVsbG8='))],
    ['an image by URL', user({ type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } })],
    ['an image by file', user({ type: 'image', source: { type: 'file', file_id: 'file_1' } })],
    ['a PDF', user(pdf({}, { title: 'a', context: 'b', citations: { enabled: true } }))],
    ['a text as a document', user(pdf({ type: 'text', media_type: 'text/plain', data: 'a' }))],
    [
      'a document of blocks',
      user({ type: 'document', source: { type: 'content', content: [{ type: 'text', text: 'a' }] } }),
    ],
    ['a search result', user(found)],
    [
      'an instruction in mid-conversation',
      { messages: [...good.messages, { role: 'system', content: 'Be brief.' }] },
    ],
    ['the same on Opus 4.8', on('claude-opus-4-8', says(ask, ['system', 'Be brief.']))],
    ['two messages of the user', says(ask, ['user', 'And quickly.'])],
    ['all a model can answer', { max_tokens: 128_000 }],
    ['more with the beta', { max_tokens: 300_000 }, { betas: ['output-300k-2026-03-24'] }],
    ['a prefilled answer up to 4.5', on('claude-opus-4-5', { messages: prefilled })],
    [
      'an answer that paused',
      says(ask, ['assistant', [{ type: 'server_tool_use', id: 'a', name: 'web_search', input: {} }]]),
    ],
    ['a call and its result', says(ask, ['assistant', [call('a')]], ['user', [result('a')]])],
    [
      'two calls and their results',
      says(
        ask,
        ['assistant', [call('a'), call('b')]],
        ['user', [result('b'), result('a'), { type: 'text', text: 'So?' }]],
      ),
    ],
    [
      'a call in the second of two messages of the assistant',
      says(ask, ['assistant', 'Well.'], ['assistant', [call('a')]], ['user', [result('a')]]),
    ],
    [
      'calls one after another',
      says(
        ask,
        ['assistant', [call('a')]],
        ['user', [result('a')]],
        ['assistant', [call('b')]],
        ['user', [result('b')]],
      ),
    ],
    [
      'a result of blocks',
      says(
        ask,
        ['assistant', [call('a')]],
        ['user', [result('a', [{ type: 'text', text: 'x' }, image('image/png', files.png)])]],
      ),
    ],
    [
      'a result of nothing',
      says(
        ask,
        ['assistant', [call('a')]],
        ['user', [{ type: 'tool_result', tool_use_id: 'a', is_error: true }]],
      ),
    ],
    [
      'thinking that goes back',
      says(
        ask,
        ['assistant', [{ type: 'thinking', thinking: '', signature: 's' }, call('a')]],
        ['user', [result('a')]],
      ),
    ],
    ['a block of the future', user({ type: 'hologram', data: 'a' })],
    ['a thinking budget up to 4.6', on('claude-opus-4-6', { max_tokens: 4096, thinking: budget(1024) })],
    ['adaptive thinking', { thinking: { type: 'adaptive', display: 'omitted' } }],
    [
      'thinking between tools on Sonnet 5.5',
      { thinking: { type: 'between_tools' }, output_config: { effort: 'high' } },
    ],
    ['thinking turned off on Haiku 5.5', on('claude-haiku-5-5', { thinking: { type: 'disabled' } })],
    [
      'thinking turned off on Opus 5 at high effort',
      on('claude-opus-5', { thinking: { type: 'disabled' }, output_config: { effort: 'high' } }),
    ],
    ...['claude-haiku-5-5', 'claude-opus-5', 'claude-fable-5', 'claude-opus-4-5'].map(
      (model): [string, Params] => [
        `a forced tool on ${model}`,
        on(model, { tools: [tool('a')], tool_choice: { type: 'any' } }),
      ],
    ),
    [
      'tool_choice auto on Opus 5.5',
      on('claude-opus-5-5', { tools: [tool('a')], tool_choice: { type: 'auto' } }),
    ],
    ['tool_choice none', { tools: [tool('a')], tool_choice: { type: 'none' } }],
    [
      'a tool by name',
      on('claude-haiku-5-5', {
        tools: [tool('a'), tool('b')],
        tool_choice: { type: 'tool', name: 'b', disable_parallel_tool_use: true },
      }),
    ],
    ...efforts.map((effort): [string, Params] => [`effort ${effort}`, { output_config: { effort } }]),
    ['structured output', { output_config: { effort: 'low', format: { type: 'json_schema', schema } } }],
    [
      'citations turned off beside structured output',
      { ...user(pdf({}, { citations: { enabled: false } })), ...answer(schema) },
    ],
    [
      'a tool of the caller',
      { tools: [tool('web_search', { description: 'x', strict: false, type: 'custom' })] },
    ],
    [
      'client tools of Anthropic',
      {
        tools: [
          { type: 'text_editor_20250728', name: 'str_replace_based_edit_tool' },
          { type: 'bash_20250124', name: 'bash' },
          { type: 'memory_20250818', name: 'memory' },
          { type: 'computer_toolset_20260801' },
          { type: 'browser_toolset_20260801', configs: {} },
          { type: 'tool_search_tool_regex_20251119', name: 'tool_search_tool_regex' },
          { type: 'tool_search_tool_bm25', name: 'tool_search_tool_bm25' },
          tool('later', { defer_loading: true }),
        ],
      },
    ],
    [
      'server tools',
      {
        tools: [
          { type: 'web_search_20260318', name: 'web_search', max_uses: 2 },
          { type: 'web_fetch_20260318', name: 'web_fetch' },
        ],
      },
    ],
    ['a tool of the future', { tools: [{ type: 'telescope_20270101', name: 'telescope' }] }],
    ['four cache_control blocks', { system: [cached('1h'), cached('1h')], ...user(cached(), cached('5m')) }],
    ['cache_control of the params', { cache_control: { type: 'ephemeral', ttl: '1h' } }],
    ['cache_control of a tool', { tools: [tool('a', { cache_control: { type: 'ephemeral' } })] }],
    [
      'metadata, stop sequences, a tier',
      {
        metadata: { user_id: 'u' },
        stop_sequences: ['END'],
        service_tier: 'auto',
        inference_geo: 'us',
        diagnostics: {},
      },
    ],
    ['a container', { container: 'container_1' }],
    [
      'what a beta brings',
      { context_management: { edits: [] } },
      { betas: ['context-management-2025-06-27'] },
    ],
    [
      'another version of that beta',
      { mcp_servers: [{ type: 'url', url: 'https://a', name: 'a' }] },
      { betas: ['mcp-client-2025-11-20'] },
    ],
    [
      'keys of a message with a beta',
      { messages: [{ role: 'user', content: 'a', clear_at: 1 }] },
      { betas: ['mid-conversation-system-clear-at-2026-08-21'] },
    ],
  ];
  it.each(rows)('%s', (_, params, options) => {
    expect(check({ ...good, ...params }, options)).toEqual([]);
  });
});

describe('what the API refuses is refused', () => {
  type Row = [what: string, params: Params, field: string, says: string];
  const rows: Row[] = [
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
      on('claude-haiku-4-5', { max_tokens: 64_001 }),
      'max_tokens',
      'at most 64000',
    ],
    ['no messages', { messages: undefined }, 'messages', 'missing'],
    ['null messages', { messages: null }, 'messages', 'missing'],
    ['empty messages', { messages: [] }, 'messages', 'empty'],
    ['messages as text', { messages: 'Hello' }, 'messages', 'not a list'],
    ['a message as text', { messages: ['Hello'] }, 'messages[0]', 'not a message'],
    ['a null message', { messages: [null] }, 'messages[0]', 'not a message'],
    ['an unknown role', says(['human', 'a']), 'messages[0].role', 'user, assistant'],
    ['not a role', { messages: [{ content: 'a' }] }, 'messages[0].role', 'not a role'],
    ["OpenAI's developer", says(['developer', 'a'], ask), 'messages[0].role', 'param "system"'],
    ["OpenAI's tool", says(ask, ['tool', 'a']), 'messages[1].role', 'tool_result'],
    ["Gemini's model", says(ask, ['model', 'a'], ask), 'messages[1].role', 'assistant'],
    [
      "OpenAI's calls",
      { messages: [...good.messages, { role: 'assistant', content: 'a', tool_calls: [] }, ...good.messages] },
      'messages[1].tool_calls',
      'tool_use',
    ],
    [
      "Gemini's parts",
      { messages: [{ role: 'user', parts: [{ text: 'a' }] }] },
      'messages[0].parts',
      'content',
    ],
    [
      'a whole answer for a message',
      {
        messages: [
          ...good.messages,
          { role: 'assistant', content: 'a', stop_reason: 'end_turn' },
          ...good.messages,
        ],
      },
      'messages[1].stop_reason',
      'not a key of a message',
    ],
    ['an assistant first', says(['assistant', 'a'], ask), 'messages[0].role', 'first message'],
    ['a system prompt first', says(['system', 'a'], ask), 'messages[0].role', 'OpenAI'],
    ['a system prompt alone', says(['system', 'a']), 'messages[0].role', 'the param "system"'],
    ...['claude-opus-4-7', 'claude-sonnet-4-6', 'claude-haiku-4-5'].map(
      (id): [string, Params, string, string] => [
        `the system in mid-conversation on ${id}`,
        on(id, says(ask, ['system', 'a'])),
        'messages[1].role',
        `${id} takes no messages`,
      ],
    ),
    ['no content', { messages: [{ role: 'user' }] }, 'messages[0].content', 'neither'],
    ['empty content', says(['user', '']), 'messages[0].content', 'empty'],
    ['blank content', says(['user', ' \n']), 'messages[0].content', 'empty'],
    ['no blocks', user(), 'messages[0].content', 'empty'],
    ['a block without type', user({ text: 'a' }), 'messages[0].content[0]', 'not a content block'],
    [
      'a block as text',
      user({ type: 'text', text: 'a' }, 'b'),
      'messages[0].content[1]',
      'not a content block',
    ],
    [
      'a mistyped block',
      user({ type: 'texts', text: 'a' }),
      'messages[0].content[0].type',
      'did you mean "text"?',
    ],
    ['a blank text block', user({ type: 'text', text: ' ' }), 'messages[0].content[0].text', 'blank'],
    [
      'a prefilled answer on 4.6',
      on('claude-sonnet-4-6', { messages: prefilled }),
      'messages[1]',
      'claude-sonnet-4-6',
    ],
    [
      'a prefilled answer in blocks',
      says(ask, ['assistant', [{ type: 'text', text: 'a' }]]),
      'messages[1]',
      'output_config',
    ],
    ['an empty system', { system: '' }, 'system', 'empty'],
    ['system as an object', { system: { text: 'a' } }, 'system', 'neither'],
    ['an image in system', { system: [image('image/png', files.png)] }, 'system[0]', 'text blocks only'],
    ['stream: true', { stream: true }, 'stream', "can't stream"],
    ['stream as text', { stream: 'yes' }, 'stream', "can't stream"],
    ['metadata as text', { metadata: 'u' }, 'metadata', 'user_id'],
    ['a blank stop sequence', { stop_sequences: [' '] }, 'stop_sequences', 'not blank'],
    ['a stop sequence alone', { stop_sequences: 'END' }, 'stop_sequences', 'a list'],
    ['another service tier', { service_tier: 'batch' }, 'service_tier', 'standard_only'],
    // Images and documents
    [
      'a PNG declared as JPEG',
      user(image('image/jpeg', files.png)),
      'messages[0].content[0].source.media_type',
      'Valid: image/png',
    ],
    [
      'a JPEG declared as PNG',
      user(image('image/png', files.jpeg)),
      'messages[0].content[0].source.media_type',
      'Valid: image/jpeg',
    ],
    [
      'a WebP declared as GIF',
      user(image('image/gif', files.webp)),
      'messages[0].content[0].source.media_type',
      'Valid: image/webp',
    ],
    [
      'image/jpg',
      user(image('image/jpg', files.jpeg)),
      'messages[0].content[0].source.media_type',
      'Valid: image/jpeg',
    ],
    [
      'no media_type',
      user(image(undefined, 'aGVsbG8=')),
      'messages[0].content[0].source.media_type',
      'image/jpeg, image/png',
    ],
    [
      'a data: URL',
      user(image('image/png', `data:image/png;base64,${files.png}`)),
      'messages[0].content[0].source.data',
      'nothing before it',
    ],
    [
      'no base64',
      user(image('image/png', 'not base64!')),
      'messages[0].content[0].source.data',
      'not base64',
    ],
    ['no data', user(image('image/png', '')), 'messages[0].content[0].source.data', 'missing'],
    ['a BMP', user(image('image/png', files.bmp)), 'messages[0].content[0].source.data', 'BMP'],
    ['an SVG', user(image('image/png', files.svg)), 'messages[0].content[0].source.data', 'SVG'],
    ['a HEIC', user(image('image/jpeg', files.heic)), 'messages[0].content[0].source.data', 'HEIC'],
    [
      'a PDF as an image',
      user(image('image/png', files.pdf)),
      'messages[0].content[0].source.data',
      'document block',
    ],
    [
      'an image of 6 MB',
      user(image('image/png', files.png.replace(/=+$/, '').padEnd(6_000_000, 'A'))),
      'messages[0].content[0].source.data',
      '5 MB',
    ],
    ['an image of no source', user({ type: 'image' }), 'messages[0].content[0].source', 'base64'],
    [
      'a source of another type',
      user({ type: 'image', source: { type: 'path', path: '/a.png' } }),
      'messages[0].content[0].source.type',
      'base64, url, file',
    ],
    [
      'a URL source without URL',
      user({ type: 'image', source: { type: 'url' } }),
      'messages[0].content[0].source.url',
      'missing',
    ],
    [
      'a file source without id',
      user({ type: 'document', source: { type: 'file' } }),
      'messages[0].content[0].source.file_id',
      'missing',
    ],
    [
      'an image as a document',
      user(pdf({ data: files.png })),
      'messages[0].content[0].source.data',
      'image block',
    ],
    ['a Word file', user(pdf({ data: files.docx })), 'messages[0].content[0].source.data', 'ZIP'],
    [
      'a document of another type',
      user(pdf({ media_type: 'text/html', data: 'aGVsbG8=' })),
      'messages[0].content[0].source.media_type',
      'application/pdf',
    ],
    [
      'a text document as base64',
      user(pdf({ type: 'text', media_type: 'application/pdf' })),
      'messages[0].content[0].source.media_type',
      'text/plain',
    ],
    [
      'a document of no source',
      user({ type: 'document' }),
      'messages[0].content[0].source',
      'application/pdf',
    ],
    [
      "OpenAI's image",
      user({ type: 'image_url', image_url: { url: 'data:…' } }),
      'messages[0].content[0]',
      "is OpenAI's form of an image",
    ],
    [
      "OpenAI's other image",
      user({ type: 'input_image', image_url: 'data:…' }),
      'messages[0].content[0]',
      "is OpenAI's form of an image",
    ],
    [
      "OpenAI's text",
      user({ type: 'input_text', text: 'a' }),
      'messages[0].content[0]',
      "is OpenAI's form of a text",
    ],
    [
      "OpenAI's file",
      user({ type: 'file', file: {} }),
      'messages[0].content[0]',
      "is OpenAI's form of a document",
    ],
    [
      "Gemini's image",
      user({ inline_data: { mime_type: 'image/png' } }),
      'messages[0].content[0]',
      "is Gemini's form of an image",
    ],
    [
      "Bedrock's image",
      user({ image: { format: 'png' } }),
      'messages[0].content[0]',
      "is Bedrock's form of an image",
    ],
    [
      'an image of a result',
      says(ask, ['assistant', [call('a')]], ['user', [result('a', [image('image/jpeg', files.png)])]]),
      'messages[2].content[0].content[0].source.media_type',
      'image/png',
    ],
    [
      'a search result without title',
      user({ ...found, title: undefined }),
      'messages[0].content[0].title',
      'missing',
    ],
    [
      'a search result of text',
      user({ ...found, content: 'c' }),
      'messages[0].content[0].content',
      'list of text blocks',
    ],
    [
      'citations and a format',
      { ...user(pdf({}, { citations: { enabled: true } })), ...answer(schema) },
      'output_config.format',
      'citations',
    ],
    [
      'cited search results and a format',
      { ...user({ ...found, citations: { enabled: true } }), ...answer(schema) },
      'output_config.format',
      'citations',
    ],
    // Keys
    ['speed', { speed: 'fast' }, 'speed', 'batch'],
    ['fallbacks', { fallbacks: [] }, 'fallbacks', 'batch'],
    ['thread', { thread: {} }, 'thread', 'batch'],
    ['a user profile', { user_profile_id: 'a' }, 'user_profile_id', 'user profile'],
    ['temperature', { temperature: 0 }, 'temperature', '2026-10-21'],
    ['top_p', { top_p: 0.9 }, 'top_p', '2026-10-21'],
    ['top_k', { top_k: 5 }, 'top_k', '2026-10-21'],
    ['betas', { betas: ['output-300k-2026-03-24'] }, 'betas', 'BATCH_MCP_BETAS'],
    ['anthropic-beta', { 'anthropic-beta': 'a' }, 'anthropic-beta', 'BATCH_MCP_BETAS'],
    ['headers', { extra_headers: {} }, 'extra_headers', 'BATCH_MCP_BETAS'],
    [
      'what a beta brings',
      { context_management: {} },
      'context_management',
      'BATCH_MCP_BETAS (context-management-2025-06-27)',
    ],
    ['MCP servers', { mcp_servers: [] }, 'mcp_servers', 'mcp-client-2026-09-15'],
    ["OpenAI's max_completion_tokens", { max_completion_tokens: 5 }, 'max_completion_tokens', 'max_tokens'],
    ["OpenAI's response_format", { response_format: {} }, 'response_format', 'output_config.format'],
    ["OpenAI's stop", { stop: ['a'] }, 'stop', 'stop_sequences'],
    ["Gemini's contents", { contents: [] }, 'contents', 'messages'],
    ['a mistyped key', { max_token: 5 }, '"max_token"', 'did you mean "max_tokens"?'],
    [
      'a key in another case',
      { toolChoice: { type: 'auto' } },
      '"toolChoice"',
      'did you mean "tool_choice"?',
    ],
    ['an unknown key', { foo: 2 }, '"foo"', 'not a key of the Messages API'],
    // Thinking and effort
    ...[
      'claude-opus-4-7',
      'claude-opus-5',
      'claude-haiku-5-5',
      'claude-sonnet-5-5',
      'claude-opus-5-5',
      'claude-fable-5-2',
    ].map(
      (model): Row => [
        `a thinking budget on ${model}`,
        on(model, { max_tokens: 4096, thinking: budget(1024) }),
        'thinking.budget_tokens',
        'adaptive',
      ],
    ),
    ...[
      'claude-sonnet-5-5',
      'claude-opus-5-5',
      'claude-fable-5',
      'claude-fable-5-1',
      'claude-fable-5-2',
      'claude-mythos-5-1',
      'claude-mythos-5-2',
    ].map(
      (model): Row => [
        `thinking turned off on ${model}`,
        on(model, { thinking: { type: 'disabled' } }),
        'thinking.type',
        "can't be turned off",
      ],
    ),
    ...['claude-haiku-5-5', 'claude-opus-5'].flatMap((model) =>
      ['xhigh', 'max'].map(
        (effort): Row => [
          `thinking turned off on ${model} at ${effort}`,
          on(model, { thinking: { type: 'disabled' }, output_config: { effort } }),
          'thinking.type',
          'xhigh or max',
        ],
      ),
    ),
    ...['claude-haiku-5-5', 'claude-opus-5-5', 'claude-opus-4-6', 'claude-haiku-4-5'].map(
      (model): Row => [
        `thinking between tools on ${model}`,
        on(model, { thinking: { type: 'between_tools' } }),
        'thinking.type',
        'does not take it',
      ],
    ),
    [
      'thinking between tools at max',
      { thinking: { type: 'between_tools' }, output_config: { effort: 'max' } },
      'thinking.type',
      'xhigh or max',
    ],
    [
      'thinking between tools with more',
      { thinking: { type: 'between_tools', display: 'omitted' } },
      'thinking',
      '{"type": "between_tools"}',
    ],
    [
      'too small a thinking budget',
      on('claude-opus-4-5', { thinking: budget(1000) }),
      'thinking.budget_tokens',
      'from 1024',
    ],
    [
      'a thinking budget of all tokens',
      on('claude-opus-4-5', { max_tokens: 2000, thinking: budget(2000) }),
      'thinking.budget_tokens',
      'below max_tokens',
    ],
    [
      'no thinking budget',
      on('claude-opus-4-5', { thinking: { type: 'enabled' } }),
      'thinking.budget_tokens',
      'from 1024',
    ],
    [
      'a budget for adaptive thinking',
      { thinking: { type: 'adaptive', budget_tokens: 2000 } },
      'thinking.budget_tokens',
      'leave it out',
    ],
    ['thinking: true', { thinking: true }, 'thinking', 'adaptive'],
    ['mistyped thinking', { thinking: { type: 'adaptiv' } }, 'thinking.type', 'did you mean "adaptive"?'],
    ['thinking of another kind', { thinking: { type: 'auto' } }, 'thinking.type', 'adaptive, between_tools'],
    ['an unknown effort', { output_config: { effort: 'most' } }, 'output_config.effort', 'xhigh'],
    [
      'a mistyped effort',
      { output_config: { effort: 'hgh' } },
      'output_config.effort',
      'did you mean "high"?',
    ],
    [
      'effort on a model without',
      on('claude-haiku-4-5', { output_config: { effort: 'low' } }),
      'output_config.effort',
      'leave it out',
    ],
    [
      'more effort than a model has',
      on('claude-opus-4-5', { output_config: { effort: 'max' } }),
      'output_config.effort',
      'low, medium, high',
    ],
    // Tools
    ['tools as an object', { tools: {} }, 'tools', 'not a list'],
    ['a tool as text', { tools: ['web_search'] }, 'tools[0]', 'not a tool'],
    [
      "OpenAI's tool",
      { tools: [{ type: 'function', function: { name: 'a', parameters: {} } }] },
      'tools[0]',
      "is OpenAI's form of a tool",
    ],
    [
      "OpenAI's other tool",
      { tools: [{ type: 'function', name: 'a', parameters: {} }] },
      'tools[0]',
      "is OpenAI's form of a tool",
    ],
    ["Gemini's tool", { tools: [{ functionDeclarations: [] }] }, 'tools[0]', "is Gemini's form of a tool"],
    ["Bedrock's tool", { tools: [{ toolSpec: { name: 'a' } }] }, 'tools[0]', "is Bedrock's form of a tool"],
    [
      "MCP's tool",
      { tools: [{ name: 'a', inputSchema: { type: 'object' } }] },
      'tools[0]',
      "is MCP's form of a tool",
    ],
    [
      'a tool without input_schema',
      { tools: [{ name: 'a', description: 'x' }] },
      'tools[0].input_schema',
      'missing',
    ],
    [
      'an input_schema of another type',
      { tools: [{ name: 'a', input_schema: { type: 'string' } }] },
      'tools[0].input_schema.type',
      '"object"',
    ],
    [
      'an input_schema of no type',
      { tools: [{ name: 'a', input_schema: { properties: {} } }] },
      'tools[0].input_schema.type',
      '"object"',
    ],
    ['a tool without name', { tools: [{ input_schema: { type: 'object' } }] }, 'tools[0].name', 'missing'],
    ['a tool of a bad name', { tools: [tool('get weather')] }, 'tools[0].name', 'letters, digits'],
    ['a tool of a long name', { tools: [tool('a'.repeat(129))] }, 'tools[0].name', '128'],
    [
      'two tools of one name',
      { tools: [tool('a'), tool('b'), tool('a')] },
      'tools[2].name',
      'a name of its own',
    ],
    [
      'a tool of no type that there is',
      { tools: [{ type: 'tool', name: 'a', input_schema: { type: 'object' } }] },
      'tools[0].type',
      'not a type of tool',
    ],
    [
      'tool_choice as text',
      { tools: [tool('a')], tool_choice: 'auto' },
      'tool_choice',
      "is OpenAI's form of a tool choice",
    ],
    [
      'an unknown tool_choice',
      { tools: [tool('a')], tool_choice: { type: 'required' } },
      'tool_choice',
      'auto, any, tool, none',
    ],
    [
      "OpenAI's tool_choice",
      { tools: [tool('a')], tool_choice: { type: 'function', function: { name: 'a' } } },
      'tool_choice',
      "is OpenAI's form of a tool choice",
    ],
    ...[
      'claude-sonnet-5-5',
      'claude-opus-5-5',
      'claude-fable-5-1',
      'claude-fable-5-2',
      'claude-mythos-5-1',
      'claude-mythos-5-2',
    ].flatMap((model) =>
      [{ type: 'any' }, { type: 'tool', name: 'a' }].map(
        (tool_choice): Row => [
          `tool_choice ${tool_choice.type} on ${model}`,
          on(model, { tools: [tool('a')], tool_choice }),
          'tool_choice.type',
          model,
        ],
      ),
    ),
    [
      'a forced tool while an older model thinks',
      on('claude-opus-4-5', {
        max_tokens: 4096,
        tools: [tool('a')],
        tool_choice: { type: 'any' },
        thinking: budget(2000),
      }),
      'tool_choice.type',
      'while it thinks',
    ],
    ['tool_choice without tools', { tool_choice: { type: 'auto' } }, 'tool_choice', 'without tools'],
    [
      'a forced tool without tools',
      on('claude-haiku-5-5', { tool_choice: { type: 'any' } }),
      'tool_choice',
      'without tools',
    ],
    [
      'a tool that is not there',
      on('claude-haiku-5-5', { tools: [tool('a')], tool_choice: { type: 'tool', name: 'b' } }),
      'tool_choice.name',
      'none of the tools',
    ],
    [
      'a tool of no name',
      on('claude-haiku-5-5', { tools: [tool('a')], tool_choice: { type: 'tool' } }),
      'tool_choice.name',
      'missing',
    ],
    [
      'a call without result',
      says(ask, ['assistant', [call('a')]], ask),
      'messages[1].content',
      'without a result in the next message',
    ],
    [
      'a call at the end',
      says(ask, ['assistant', [call('a')]]),
      'messages[1].content',
      'without a result after it',
    ],
    [
      'one of two calls without result',
      says(ask, ['assistant', [call('a'), call('b')]], ['user', [result('a')]]),
      'messages[1].content',
      'a call of a tool without a result',
    ],
    ['a result without call', says(['user', [result('a')]]), 'messages[0].content', 'without a call'],
    [
      'a result of another call',
      says(ask, ['assistant', 'Well.'], ['user', [result('a')]]),
      'messages[2].content',
      'without a call',
    ],
    [
      'two calls of one id',
      says(ask, ['assistant', [call('a'), call('a')]], ['user', [result('a')]]),
      'messages[1].content',
      'same id',
    ],
    [
      'two results of one call',
      says(ask, ['assistant', [call('a')]], ['user', [result('a'), result('a')]]),
      'messages[2].content',
      'two results',
    ],
    ['a call by the user', user(call('a')), 'messages[0].content[0]', 'a message of the assistant'],
    [
      'a result by the assistant',
      says(ask, ['assistant', [result('a')]], ask),
      'messages[1].content[0]',
      'a message of the user',
    ],
    [
      'a call without input',
      says(ask, ['assistant', [{ type: 'tool_use', id: 'a', name: 'b' }]], ['user', [result('a')]]),
      'messages[1].content[0].input',
      'not an object',
    ],
    [
      'a result of a number',
      says(ask, ['assistant', [call('a')]], ['user', [result('a', 5)]]),
      'messages[2].content[0].content',
      'neither',
    ],
    // Caching
    [
      'five cache_control blocks',
      { system: [cached()], ...user(cached(), cached(), cached(), cached()) },
      'messages[0].content[3].cache_control',
      'number 5 of 5',
    ],
    [
      'four and the one of the params',
      { cache_control: { type: 'ephemeral' }, ...user(cached(), cached(), cached(), cached()) },
      'cache_control',
      'number 5 of 5',
    ],
    ['a wrong ttl', user(cached('24h')), 'messages[0].content[0].cache_control.ttl', '5m, 1h'],
    [
      'a ttl in seconds',
      user({ type: 'text', text: 'a', cache_control: { type: 'ephemeral', ttl: 300 } }),
      'messages[0].content[0].cache_control.ttl',
      '5m, 1h',
    ],
    [
      'a cache_control of no type',
      user({ type: 'text', text: 'a', cache_control: {} }),
      'messages[0].content[0].cache_control',
      'ephemeral',
    ],
    [
      '1h behind 5m',
      { system: [cached()], ...user(cached('1h')) },
      'messages[0].content[0].cache_control.ttl',
      'before those of 5m',
    ],
    [
      '1h of the params behind 5m',
      { cache_control: { type: 'ephemeral', ttl: '1h' }, ...user(cached()) },
      'cache_control.ttl',
      'before those of 5m',
    ],
    // Output
    ['output_config as text', { output_config: 'json' }, 'output_config', 'not an object'],
    [
      'an unknown format',
      { output_config: { format: { type: 'json' } } },
      'output_config.format',
      'json_schema',
    ],
    [
      "OpenAI's format",
      { output_config: { format: { type: 'json_schema', json_schema: { schema } } } },
      'output_config.format',
      "OpenAI's",
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
  it.each(rows)('%s', (_, params, field, said) => {
    const problems = check({ ...good, ...params });
    expect(problems).toHaveLength(1);
    expect(problems[0]?.field).toBe(field);
    const { problem, valid } = problems[0] ?? {};
    expect(`${problem}. Valid: ${valid}`.replaceAll('\\"', '"')).toContain(said);
  });

  it('results that are split over two messages', () => {
    const split = says(
      ask,
      ['assistant', [call('a'), call('b')]],
      ['user', [result('a')]],
      ['user', [result('b')]],
    );
    expect(check({ ...good, ...split }).map(({ field }) => field)).toEqual([
      'messages[1].content',
      'messages[3].content',
    ]);
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
      messages: [{ role: 'SECRET', content: { SECRET: 1 }, SECRET: 2 }],
      thinking: { type: 'SECRET' },
      tools: [{ name: 'SECRET SECRET', input_schema: { type: 'SECRET' } }],
    });
    expect(problems.length).toBeGreaterThanOrEqual(5);
    expect(JSON.stringify(problems).replace('messages[0].SECRET', '')).not.toContain('SECRET');
  });
});

describe("the API's word stands before the table's", () => {
  const told = (more: object) => ({
    live: [
      {
        id: 'claude-sonnet-5-5',
        lifecycle: 'active' as const,
        retires_at: null,
        max_input_tokens: null,
        max_output_tokens: null,
        batch: true,
        efforts: null,
        thinking: null,
        ...more,
      },
    ],
  });
  it.each<[string, Params, ModelCatalogOptions, string[]]>([
    [
      'an effort less',
      { output_config: { effort: 'max' } },
      told({ efforts: ['low'] }),
      ['output_config.effort'],
    ],
    ['a kind of thinking more', { thinking: { type: 'disabled' } }, told({ thinking: ['disabled'] }), []],
    [
      'a kind of thinking less',
      { thinking: { type: 'adaptive' } },
      told({ thinking: ['disabled'] }),
      ['thinking.type'],
    ],
    ['shorter answers', { max_tokens: 1024 }, told({ max_output_tokens: 500 }), ['max_tokens']],
    ['longer answers', { max_tokens: 200_000 }, told({ max_output_tokens: 256_000 }), []],
    ['nothing', { output_config: { effort: 'max' } }, told({}), []],
  ])('%s', (_, params, options, fields) => {
    expect(check({ ...good, ...params }, options).map(({ field }) => field)).toEqual(fields);
  });
});
