import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { startApi } from '../api.ts';
import { startServer } from '../harness.ts';
import { eachNth } from '../long.ts';

const png = Buffer.from('89504e470d0a1a0a0000000d494844520000000049454e44ae426082', 'hex').toString('base64');
const pdf = Buffer.from('%PDF-1.7\n1 0 obj\n<< /Type /Page >>\n%%EOF').toString('base64');
const user = (content: unknown) => ({ role: 'user', content });
const assistant = (content: unknown) => ({ role: 'assistant', content });
const text = (value: string, more: object = {}) => ({ type: 'text', text: value, ...more });
const weather = {
  name: 'get_weather',
  description: 'The weather of a place.',
  input_schema: { type: 'object', properties: { place: { type: 'string' } }, required: ['place'] },
};
const strictTide = {
  ...weather,
  name: 'get_tide',
  strict: true,
  input_schema: { ...weather.input_schema, additionalProperties: false },
};
const call = (id: string, place: string) => ({ type: 'tool_use', id, name: 'get_weather', input: { place } });
const cached = (ttl: '5m' | '1h') => ({ cache_control: { type: 'ephemeral', ttl } });

/** Requests as programs of today write them, right in every field. */
const requests: [what: string, params: Record<string, unknown>][] = [
  ['a text', { messages: [user('Grüße, 語 🜁\u2028')] }],
  [
    'an image',
    {
      messages: [
        user([
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: png } },
          text('What is it?'),
        ]),
      ],
    },
  ],
  [
    'an image of a file',
    {
      messages: [user([{ type: 'image', source: { type: 'file', file_id: 'file_011' } }, text('And this?')])],
    },
  ],
  [
    'a PDF, cited',
    {
      messages: [
        user([
          {
            type: 'document',
            source: { type: 'base64', media_type: 'application/pdf', data: pdf },
            title: 'A',
            context: null,
            citations: { enabled: true },
          },
          text('Sum it up.'),
        ]),
      ],
    },
  ],
  [
    'a plain document',
    {
      messages: [
        user([
          { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'Once.' } },
          text('Continue.'),
        ]),
      ],
    },
  ],
  [
    'a document of blocks',
    {
      messages: [
        user([
          {
            type: 'document',
            source: { type: 'content', content: [text('One.'), text('Two.')] },
            citations: { enabled: true },
          },
          text('Which?'),
        ]),
      ],
    },
  ],
  [
    'search results, cited',
    {
      messages: [
        user([
          {
            type: 'search_result',
            source: 'https://a',
            title: 'A',
            content: [text('Fact.')],
            citations: { enabled: true },
          },
          text('So?'),
        ]),
      ],
    },
  ],
  [
    'tools',
    {
      tools: [weather, strictTide],
      tool_choice: { type: 'auto', disable_parallel_tool_use: true },
      messages: [user('Rain in Kyoto?')],
    },
  ],
  [
    'a history of tools',
    {
      tools: [weather],
      messages: [
        user('Rain?'),
        assistant([text('Let me look.'), call('t1', 'Kyoto'), call('t2', 'Nara')]),
        user([
          { type: 'tool_result', tool_use_id: 't1', content: 'Rain' },
          { type: 'tool_result', tool_use_id: 't2', content: [text('Sun')], is_error: false },
        ]),
        assistant('Rain in Kyoto.'),
        user('And tomorrow?'),
      ],
    },
  ],
  [
    'a forced tool on Haiku 5.5',
    {
      model: 'claude-haiku-5-5',
      tools: [weather],
      tool_choice: { type: 'tool', name: 'get_weather' },
      messages: [user('Kyoto.')],
    },
  ],
  [
    'adaptive thinking',
    {
      model: 'claude-opus-5-5',
      thinking: { type: 'adaptive', display: 'summarized' },
      output_config: { effort: 'xhigh' },
      messages: [user('Prove it.')],
    },
  ],
  [
    'thinking between tools',
    {
      thinking: { type: 'between_tools' },
      tools: [weather],
      output_config: { effort: 'medium' },
      messages: [user('Rain?')],
    },
  ],
  [
    'thinking that goes back',
    {
      messages: [
        user('Why?'),
        assistant([
          { type: 'thinking', thinking: 'Hm.', signature: 'EqQB' },
          { type: 'redacted_thinking', data: 'EmwK' },
          text('So.'),
        ]),
        user('Sure?'),
      ],
    },
  ],
  [
    'effort and a schema',
    {
      output_config: {
        effort: 'low',
        format: {
          type: 'json_schema',
          schema: {
            type: 'object',
            properties: { label: { enum: ['a', 'b'] } },
            required: ['label'],
            additionalProperties: false,
          },
        },
      },
      messages: [user('Classify.')],
    },
  ],
  [
    'a cache of an hour before one of 5 minutes',
    {
      system: [text('A long text.', cached('1h'))],
      messages: [user([text('Shared.', cached('5m')), text('Own.')])],
    },
  ],
  [
    'a cache of its own accord',
    { cache_control: { type: 'ephemeral' }, system: 'Be brief.', messages: [user('Hi')] },
  ],
  [
    'metadata, a tier, stop sequences, a region',
    {
      metadata: { user_id: 'u-1' },
      service_tier: 'standard_only',
      stop_sequences: ['END'],
      inference_geo: 'us',
      messages: [user('Go.')],
    },
  ],
  [
    'memory and tool search',
    {
      tools: [
        { type: 'memory_20250818', name: 'memory' },
        { type: 'tool_search_tool_regex_20251119', name: 'tool_search_tool_regex' },
        { ...weather, defer_loading: true },
      ],
      messages: [user('Remember.')],
    },
  ],
  [
    'an editor and a shell',
    {
      tools: [
        { type: 'text_editor_20250728', name: 'str_replace_based_edit_tool', max_characters: 10000 },
        { type: 'bash_20250124', name: 'bash' },
      ],
      messages: [user('Edit.')],
    },
  ],
  [
    'an instruction in mid-conversation, and nulls that may be',
    {
      container: null,
      cache_control: null,
      messages: [
        user('Hi'),
        assistant([text('Hello', { citations: null })]),
        { role: 'system', content: 'Now in French.' },
        user('Bye'),
      ],
    },
  ],
];

const lines = requests.map(([, params], index) =>
  JSON.stringify({
    custom_id: `r-${index}`,
    params: { model: 'claude-sonnet-5-5', max_tokens: 2048, ...params },
  }),
);

describe('right native requests', () => {
  test('go out byte for byte, all twenty', async () => {
    const api = await startApi();
    const server = await startServer({ api });
    await writeFile(path.join(server.work, 'requests.jsonl'), `${lines.join('\n')}\n`);
    const reply = await server.ok('submit_batch', { requests_file: 'requests.jsonl' });
    expect(reply.request_count).toBe(20);
    const body = `{"requests":[${lines.join(',')}]}`;
    expect(api.creates).toEqual([JSON.parse(body)]);
    const { own = '', sent = '' } = api.batches[0]?.mark ?? {};
    expect(own).toBe('r-19');
    // But for the mark that the last one is sent under.
    expect(api.bodies).toEqual([body.replace(`"${own}"`, `"${sent}"`)]);
  });

  eachNth<[what: string, given: object, sent: object]>(3, [
    [
      'of the params',
      {
        system: null,
        tools: null,
        thinking: null,
        temperature: null,
        metadata: null,
        betas: null,
        context_management: null,
      },
      {},
    ],
    ['like an empty system prompt', { system: '', thinking: null }, {}],
    ['like a system prompt without blocks', { system: [] }, {}],
    [
      'of a tool',
      { tools: [{ ...weather, description: null, strict: null }] },
      { tools: [{ name: weather.name, input_schema: weather.input_schema }] },
    ],
    [
      'of a tool choice',
      {
        model: 'claude-haiku-5-5',
        tools: [weather],
        tool_choice: { type: 'any', disable_parallel_tool_use: null },
      },
      { model: 'claude-haiku-5-5', tools: [weather], tool_choice: { type: 'any' } },
    ],
    [
      'of a block',
      { messages: [user([text('a', { cache_control: { type: 'ephemeral', ttl: null } })])] },
      { messages: [user([text('a', { cache_control: { type: 'ephemeral' } })])] },
    ],
    [
      'that may be',
      { container: null, output_config: { effort: null } },
      { container: null, output_config: { effort: null } },
    ],
  ])('nulls %s are left out where the API refuses them', async (_what, given, sent) => {
    const api = await startApi();
    const server = await startServer({ api });
    const plain = { model: 'claude-sonnet-5-5', max_tokens: 100, messages: [user('Hi')] };
    await writeFile(
      path.join(server.work, 'requests.jsonl'),
      JSON.stringify({ custom_id: 'a', params: { ...plain, ...given } }),
    );
    await server.ok('submit_batch', { requests_file: 'requests.jsonl' });
    expect(api.creates[0]?.requests[0]?.params).toEqual({ ...plain, ...sent });
  });
});

test('a container of null takes none, and no context for what it could bring', async () => {
  const server = await startServer({ api: await startApi() });
  const work = (more: object) => ({
    requests: [
      {
        custom_id: 'a',
        params: { model: 'claude-sonnet-5-5', max_tokens: 100, messages: [user('Hi')], ...more },
      },
    ],
  });
  const plain = await server.ok('estimate_cost', work({}));
  const withNull = await server.ok('estimate_cost', work({ container: null }));
  expect(withNull.cost_usd.maximum).toBeLessThan(plain.cost_usd.maximum * 1.5);
  expect(withNull.warnings).toEqual(plain.warnings);
});

describe('a beta of the owner', () => {
  const params = { model: 'claude-sonnet-5-5', max_tokens: 200_000, messages: [user('Write a book.')] };
  const work = { requests: [{ custom_id: 'a', params }], max_cost_usd: 20 };

  test('is sent with the batch, and its limit is known', async () => {
    const api = await startApi();
    const env = { BATCH_MCP_BETAS: 'output-300k-2026-03-24, context-management-2025-06-27' };
    const server = await startServer({ api, env });
    await server.ok('submit_batch', work);
    const create = api.requests.find(({ method }) => method === 'POST');
    expect(create?.headers['anthropic-beta']).toBe('output-300k-2026-03-24,context-management-2025-06-27');
    expect(api.creates[0]?.requests[0]?.params).toEqual(params);
  });

  test('that is not named is refused, and says who names it', async () => {
    const api = await startApi();
    const server = await startServer({ api });
    expect(await server.fails('submit_batch', work)).toContain('at most 128000 for claude-sonnet-5-5');
    const named = {
      requests: [{ custom_id: 'a', params: { ...params, betas: ['output-300k-2026-03-24'] } }],
    };
    expect(await server.fails('submit_batch', named)).toContain('BATCH_MCP_BETAS');
    expect(api.creates).toHaveLength(0);
  });
});
