import { describe, expect, it } from 'vitest';
import { modelTable } from '../../../../src/provider/anthropic/models/price-table.ts';
import { checkParams } from '../../../../src/provider/anthropic/requests/check-params.ts';
import { createModelCatalog } from '../../../../src/provider/models.ts';

type Params = Record<string, unknown>;

const good = {
  model: 'claude-sonnet-5-5',
  max_tokens: 1024,
  messages: [{ role: 'user', content: 'Hello' }],
};

function check(params: Params, betas: string[] = []) {
  const catalog = createModelCatalog(modelTable, { betas });
  return checkParams({ ...good, ...params }, { allowNetworkTools: true, catalog });
}

const user = (...content: unknown[]) => ({ messages: [{ role: 'user', content }] });
const says = (...messages: [role: string, content: unknown][]) => ({
  messages: messages.map(([role, content]) => ({ role, content })),
});
const text = (more: object = {}) => ({ type: 'text', text: 'a', ...more });
const call = (more: object = {}) => ({ type: 'tool_use', id: 'a', name: 'look', input: {}, ...more });
const result = (more: object = {}) => ({ type: 'tool_result', tool_use_id: 'a', content: 'b', ...more });
const called = (block: object, answer: unknown = result()) =>
  says(['user', 'Look.'], ['assistant', [block]], ['user', Array.isArray(answer) ? answer : [answer]]);
const thought = (block: object) => says(['user', 'Look.'], ['assistant', [block, text()]], ['user', 'So?']);
const tool = (more: object = {}) => ({ name: 'a', input_schema: { type: 'object' }, ...more });
const takes = (input_schema: object) => ({
  tools: [tool({ input_schema: { type: 'object', ...input_schema } })],
});
const later = (more: object = {}) => tool({ name: 'later', defer_loading: true, ...more });
const answer = (schema: object) => ({
  output_config: {
    format: { type: 'json_schema', schema: { type: 'object', additionalProperties: false, ...schema } },
  },
});
const has = (schema: unknown) => answer({ properties: { a: schema } });
const ephemeral = { cache_control: { type: 'ephemeral' } };
const cited = (more: object = {}) => ({
  type: 'document',
  source: { type: 'text', media_type: 'text/plain', data: 'a' },
  ...more,
});
const found = (more: object = {}) => ({
  type: 'search_result',
  source: 'a',
  title: 'b',
  content: [text()],
  ...more,
});
const onFile = (source: object) => user({ type: 'image', source });

const base64 = (media_type: string, content: string) => ({
  type: 'base64',
  media_type,
  data: Buffer.from(content).toString('base64'),
});

/** The head of a PNG of that size. */
function png(width: number, height: number) {
  const bytes = Buffer.from(
    '89504e470d0a1a0a0000000d4948445200000000000000000000000049454e44ae426082',
    'hex',
  );
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  return {
    type: 'image',
    source: { type: 'base64', media_type: 'image/png', data: bytes.toString('base64') },
  };
}
const pdf = (pages: number) => ({
  type: 'document',
  source: {
    type: 'base64',
    media_type: 'application/pdf',
    data: Buffer.from(`%PDF-1.7\n<< /Type /Pages /Count ${pages} >>\n%%EOF`).toString('base64'),
  },
});
const many = (count: number, block: object) => user(...Array.from({ length: count }, () => block));
const older = { model: 'claude-opus-4-5' };
const budget = { ...older, max_tokens: 4096, thinking: { type: 'enabled', budget_tokens: 2000 } };
const opened = (start: unknown) => ({ ...older, ...says(['user', 'a'], ['assistant', start]) });

const block = 'messages[0].content[0]';
const asked = 'messages[1].content[0]';
const schema = 'output_config.format.schema';

describe('what single requests fail by, hours later', () => {
  const rows: [what: string, params: Params, field: string, says: string][] = [
    // Keys that nothing of the API has
    ['a key of a text', user(text({ id: 'b' })), `${block}.id`, 'not a key of a text block'],
    ['a detail of an image', user({ ...png(9, 9), detail: 'high' }), `${block}.detail`, 'cache_control'],
    [
      'a name in a source',
      onFile({ type: 'file', file_id: 'f', filename: 'a.png' }),
      `${block}.source.filename`,
      'type, file_id',
    ],
    ['a file name of a document', user(cited({ filename: 'a' })), `${block}.filename`, 'title'],
    [
      'a mistyped key',
      user(text({ cache_controls: {} })),
      `${block}.cache_controls`,
      'did you mean "cache_control"?',
    ],
    ['an index of a call', called(call({ index: 0 })), `${asked}.index`, 'tool_use block'],
    [
      'a name of a result',
      called(call(), result({ name: 'look' })),
      'messages[2].content[0].name',
      'tool_use_id',
    ],
    [
      'a key within a result',
      called(call(), result({ content: [text({ mimeType: 'a' })] })),
      'messages[2].content[0].content[0].mimeType',
      'text block',
    ],
    ['a key of a block of system', { system: [text({ priority: 1 })] }, 'system[0].priority', 'text block'],
    [
      'thinking that is to be cached',
      thought({ type: 'thinking', thinking: 'a', signature: 's', ...ephemeral }),
      `${asked}.cache_control`,
      'not a key of a thinking block',
    ],
    [
      'a scope of the cache',
      user(text({ cache_control: { type: 'ephemeral', scope: 'global' } })),
      `${block}.cache_control.scope`,
      'type, ttl',
    ],
    [
      "MCP's annotations",
      { tools: [tool({ annotations: {} })] },
      'tools[0].annotations',
      'not a key of a tool',
    ],
    [
      'a choice with more',
      { tools: [tool()], tool_choice: { type: 'auto', name: 'a' } },
      'tool_choice.name',
      'disable_parallel',
    ],
    [
      'no tools, and not in parallel',
      { tools: [tool()], tool_choice: { type: 'none', disable_parallel_tool_use: true } },
      'tool_choice.disable_parallel_tool_use',
      'type',
    ],
    [
      'thinking with an effort',
      { thinking: { type: 'adaptive', effort: 'low' } },
      'thinking.effort',
      'display',
    ],
    ['a session in metadata', { metadata: { session_id: 'a' } }, 'metadata.session_id', 'user_id'],
    ['a verbosity', { output_config: { verbosity: 'low' } }, 'output_config.verbosity', 'effort, format'],
    [
      "a name of a format, as OpenAI's has",
      {
        output_config: {
          format: { type: 'json_schema', name: 'a', schema: { type: 'object', additionalProperties: false } },
        },
      },
      'output_config.format.name',
      'type, schema',
    ],
    // Blocks
    [
      'a call of a strange id',
      called(call({ id: 'functions.Bash:0' })),
      `${asked}.id`,
      'letters, digits, _ or -',
    ],
    [
      'a result of a strange id',
      called(call({ id: 'a' }), result({ tool_use_id: 'a b' })),
      'messages[2].content[0].tool_use_id',
      'letters, digits, _ or -',
    ],
    [
      'a call of a strange name',
      called(call({ name: 'files/read' })),
      `${asked}.name`,
      'letters, digits, _ or -',
    ],
    [
      'thinking without its proof',
      thought({ type: 'thinking', thinking: 'a' }),
      `${asked}.signature`,
      'missing',
    ],
    [
      'thinking without its text',
      thought({ type: 'thinking', signature: 's' }),
      `${asked}.thinking`,
      'as it came',
    ],
    ['redacted thinking of nothing', thought({ type: 'redacted_thinking' }), `${asked}.data`, 'missing'],
    [
      'thinking by the user',
      user({ type: 'thinking', thinking: 'a', signature: 's' }, text()),
      block,
      'a message of the assistant',
    ],
    [
      'a search result with an image',
      user(found({ content: [png(9, 9)] })),
      `${block}.content`,
      'list of text blocks',
    ],
    [
      'a result behind a text',
      called(call(), [text(), result()]),
      'messages[2].content',
      'the tool_result blocks first',
    ],
    [
      'an image by http',
      onFile({ type: 'url', url: 'http://example.com/a.png' }),
      `${block}.source.url`,
      'https://',
    ],
    ['an image by a path', onFile({ type: 'url', url: '/tmp/a.png' }), `${block}.source.url`, 'https://'],
    [
      'a data: URL as a URL',
      onFile({ type: 'url', url: 'data:image/png;base64,AAAA' }),
      `${block}.source.url`,
      'base64',
    ],
    // Media
    ['an image of 8,001 pixels', user(png(8001, 9)), `${block}.source.data`, 'at most 8000 pixels a side'],
    ['a high image', user(png(9, 12_000)), `${block}.source.data`, '9 by 12000 pixels'],
    ['601 images', many(601, png(9, 9)), 'messages', 'at most 600'],
    ['101 images on a small model', { ...older, ...many(101, png(9, 9)) }, 'messages', 'at most 100'],
    ['601 pages', user(pdf(601)), 'messages', '601 pages'],
    ['601 pages in two files', user(pdf(300), pdf(301)), 'messages', '601 pages'],
    ['101 pages on a small model', { ...older, ...user(pdf(101)) }, 'messages', 'claude-opus-4-5'],
    [
      'one document of two to be cited',
      user(cited({ citations: { enabled: true } }), cited()),
      'messages[0].content[1].citations',
      'on for all',
    ],
    [
      'one search result of two to be cited',
      user(found({ citations: { enabled: true } }), found({ citations: { enabled: false } })),
      'messages[0].content[1].citations',
      'on for all',
    ],
    // Tools
    [
      'alternatives of a tool',
      takes({ anyOf: [{ required: ['a'] }] }),
      'tools[0].input_schema.anyOf',
      'within a property',
    ],
    ['oneOf of a tool', takes({ oneOf: [] }), 'tools[0].input_schema.oneOf', 'within a property'],
    [
      'a property of a strange name',
      takes({ properties: { 'a b': {} } }),
      'tools[0].input_schema.properties',
      '1 to 64',
    ],
    [
      'a property of a long name',
      takes({ properties: { ['a'.repeat(65)]: {} } }),
      'tools[0].input_schema.properties',
      '1 to 64',
    ],
    [
      'a type of Python',
      takes({ properties: { a: { type: 'str' } } }),
      'tools[0].input_schema.properties.a.type',
      'string',
    ],
    [
      "Gemini's type",
      takes({ properties: { a: { type: 'STRING' } } }),
      'tools[0].input_schema.properties.a.type',
      'did you mean "string"?',
    ],
    [
      'required: true',
      takes({ properties: { a: { type: 'string', required: true } } }),
      'tools[0].input_schema.properties.a.required',
      'a list beside properties',
    ],
    [
      'properties as a list',
      takes({ properties: [] }),
      'tools[0].input_schema.properties',
      'schemas by their names',
    ],
    [
      'no choice',
      takes({ properties: { a: { enum: [] } } }),
      'tools[0].input_schema.properties.a.enum',
      'a list of values',
    ],
    [
      'a list of items',
      takes({ properties: { a: { type: 'array', items: [{ type: 'string' }] } } }),
      'tools[0].input_schema.properties.a.items',
      'prefixItems',
    ],
    [
      'a bound of draft 4, deep inside',
      takes({
        properties: { a: { anyOf: [{ type: 'array', items: { type: 'number', exclusiveMinimum: true } }] } },
      }),
      'tools[0].input_schema.properties.a.anyOf[0].items.exclusiveMinimum',
      'a number',
    ],
    [
      'a word for a schema',
      takes({ properties: { a: 'string' } }),
      'tools[0].input_schema.properties.a',
      '{"type": "string"}',
    ],
    [
      'a word for the items of a list',
      takes({ properties: { a: { type: 'array', items: 'string' } } }),
      'tools[0].input_schema.properties.a.items',
      'is not a schema',
    ],
    [
      'words for alternatives',
      takes({ properties: { a: { anyOf: [{ type: 'null' }, 'string'] } } }),
      'tools[0].input_schema.properties.a.anyOf[1]',
      'is not a schema',
    ],
    [
      'no alternatives',
      takes({ properties: { a: { anyOf: [] } } }),
      'tools[0].input_schema.properties.a.anyOf',
      'a list of schemas',
    ],
    [
      'no types',
      takes({ properties: { a: { type: [] } } }),
      'tools[0].input_schema.properties.a.type',
      'string',
    ],
    ['a word for a schema of an answer', has('string'), `${schema}.properties.a`, 'is not a schema'],
    ['deferred tools alone', { tools: [later()] }, 'tools', 'all of them are deferred'],
    [
      'a cached tool that is deferred',
      { tools: [tool(), later(ephemeral)] },
      'tools[1].cache_control',
      'not deferred',
    ],
    [
      'a search of another name',
      { tools: [{ type: 'web_search_20260318', name: 'search' }] },
      'tools[0].name',
      'web_search',
    ],
    ['a search of no name', { tools: [{ type: 'web_search_20260318' }] }, 'tools[0].name', 'missing'],
    [
      'an editor by its old name',
      { tools: [{ type: 'text_editor_20250728', name: 'str_replace_editor' }] },
      'tools[0].name',
      'str_replace_based_edit_tool',
    ],
    [
      'domains allowed and blocked',
      {
        tools: [
          { type: 'web_search_20260318', name: 'web_search', allowed_domains: ['a'], blocked_domains: ['b'] },
        ],
      },
      'tools[0].blocked_domains',
      'one of the two',
    ],
    // Values of another type than the API takes
    [
      'a flag in quotes',
      called(call(), result({ is_error: 'false' })),
      'messages[2].content[0].is_error',
      'true',
    ],
    ['citations: true', user(cited({ citations: true })), `${block}.citations`, 'an object'],
    [
      'citations in words',
      user(cited({ citations: { enabled: 'yes' } })),
      `${block}.citations.enabled`,
      'true',
    ],
    ['a number for a title', user(cited({ title: 5 })), `${block}.title`, 'a text'],
    [
      'an unknown transformation',
      user({ ...png(9, 9), transformations: { oversized_image: 'resize' } }),
      `${block}.transformations.oversized_image`,
      'downsize, error',
    ],
    ['a number for a description', { tools: [tool({ description: 5 })] }, 'tools[0].description', 'a text'],
    ['strict in quotes', { tools: [tool({ strict: 'true' })] }, 'tools[0].strict', 'not in quotes'],
    ['one example', { tools: [tool({ input_examples: { a: 1 } })] }, 'tools[0].input_examples', 'a list of'],
    [
      'a parallel in quotes',
      { tools: [tool()], tool_choice: { type: 'auto', disable_parallel_tool_use: 'true' } },
      'tool_choice.disable_parallel_tool_use',
      'true or false',
    ],
    [
      'an unknown display',
      { thinking: { type: 'adaptive', display: 'full' } },
      'thinking.display',
      'summarized, omitted',
    ],
    ['a number for a container', { container: 5 }, 'container', 'the id of a container'],
    ['an id for diagnostics', { diagnostics: 'msg_1' }, 'diagnostics', 'previous_message_id'],
    [
      'no use of a search',
      { tools: [{ type: 'web_search_20260318', name: 'web_search', max_uses: 0 }] },
      'tools[0].max_uses',
      'from 1',
    ],
    // Blocks where they can't stand
    [
      'an image of the assistant',
      says(['user', 'a'], ['assistant', [png(9, 9), text()]], ['user', 'b']),
      asked,
      'a message of the user',
    ],
    [
      'a call within a result',
      called(call(), result({ content: [call()] })),
      'messages[2].content[0].content[0]',
      'no result can hold',
    ],
    [
      'thinking at the end of an answer',
      says(
        ['user', 'a'],
        ['assistant', [{ type: 'thinking', thinking: 'a', signature: 's' }]],
        ['user', 'b'],
      ),
      asked,
      'the last of its message',
    ],
    [
      'an image in an instruction',
      says(['user', 'a'], ['system', [png(9, 9)]], ['user', 'b']),
      asked,
      'text blocks only',
    ],
    [
      'a document of nothing',
      user(cited({ source: { type: 'content' } })),
      `${block}.source.content`,
      'missing',
    ],
    [
      'a document of documents',
      user(cited({ source: { type: 'content', content: [cited()] } })),
      `${block}.source.content`,
      'text and image blocks',
    ],
    // What a document is made of
    ...(
      [
        [
          'an image of another type',
          { ...png(9, 9), source: { ...png(9, 9).source, media_type: 'image/jpeg' } },
          '.source.media_type',
          'image/png',
        ],
        ['an image of 8,001 pixels', png(8001, 9), '.source.data', 'at most 8000 pixels'],
        [
          'an image by http',
          { type: 'image', source: { type: 'url', url: 'http://a' } },
          '.source.url',
          'https',
        ],
        ['a blank text', text({ text: ' ' }), '.text', 'not blank'],
      ] as const
    ).map(([what, part, field, said]): [string, Params, string, string] => [
      `${what} in a document`,
      user(cited({ source: { type: 'content', content: [text(), part] } })),
      `${block}.source.content[1]${field}`,
      said,
    ]),
    [
      '601 images in two documents',
      user(
        ...[300, 301].map((count) =>
          cited({ source: { type: 'content', content: Array(count).fill(png(9, 9)) } }),
        ),
      ),
      'messages',
      'at most 600',
    ],
    [
      'a search result within a result, without its title',
      called(call(), result({ content: [found({ title: undefined })] })),
      'messages[2].content[0].content[0].title',
      'missing',
    ],
    // What a failed download or a cut leaves
    [
      'a page for an image',
      onFile(base64('image/png', '<!DOCTYPE html><html>')),
      `${block}.source.data`,
      'HTML',
    ],
    [
      'an error for an image',
      onFile(base64('image/png', '{"error": "no"}')),
      `${block}.source.data`,
      'is JSON',
    ],
    [
      'a page for a PDF',
      user(cited({ source: base64('application/pdf', '<html>') })),
      `${block}.source.data`,
      'HTML',
    ],
    [
      'a text for an image',
      onFile(base64('image/png', 'Once upon a time, in grün ქართული')),
      `${block}.source.data`,
      'is plain text',
    ],
    [
      'a text for a PDF',
      user(cited({ source: base64('application/pdf', 'Once upon a time\nthere was') })),
      `${block}.source.data`,
      'text/plain',
    ],
    [
      'base64 that was cut',
      onFile({ type: 'base64', media_type: 'image/png', data: png(9, 9).source.data.slice(0, -1) }),
      `${block}.source.data`,
      'was cut',
    ],
    [
      'base64 of two pieces',
      onFile({ type: 'base64', media_type: 'image/gif', data: 'R0lGODlhAQ==R0lGODlhAQ==' }),
      `${block}.source.data`,
      'pieces',
    ],
    // Strict tools are called as structured output is written
    [
      'an open strict tool',
      { tools: [tool({ strict: true })] },
      'tools[0].input_schema',
      'additionalProperties',
    ],
    [
      'a strict tool with a bound',
      {
        tools: [
          tool({
            strict: true,
            input_schema: {
              type: 'object',
              additionalProperties: false,
              properties: { a: { type: 'integer', minimum: 1 } },
            },
          }),
        ],
      },
      'tools[0].input_schema.properties.a.minimum',
      'without strict',
    ],
    // Thinking
    [
      'adaptive thinking before 4.6',
      { ...older, thinking: { type: 'adaptive' } },
      'thinking.type',
      'enabled, disabled',
    ],
    [
      'a call of a tool without its thinking',
      { ...budget, ...called(call()) },
      'messages[1].content',
      'the thinking block as it came',
    ],
    // The start of an answer, where a model takes one
    ['a start with a space', opened('The answer is '), 'messages[1]', 'white space'],
    ['a start with a line end', opened([text({ text: 'a\n' })]), 'messages[1]', 'white space'],
    [
      'a start, and thinking',
      { ...opened('a'), max_tokens: 4096, thinking: { type: 'enabled', budget_tokens: 2000 } },
      'messages[1]',
      'without thinking',
    ],
    // Metadata
    ['an address for a user', { metadata: { user_id: 'jo@example.com' } }, 'metadata.user_id', 'a hash'],
    ['a number to call', { metadata: { user_id: '+49 170 123 45 67' } }, 'metadata.user_id', 'phone number'],
    ['a long id of a user', { metadata: { user_id: 'a'.repeat(257) } }, 'metadata.user_id', '256'],
    ['a number for a user', { metadata: { user_id: 5 } }, 'metadata.user_id', 'characters'],
    // Schemas of answers
    [
      'a type of Python in an answer',
      has({ type: 'int' }),
      `${schema}.properties.a.type`,
      'did you mean "integer"?',
    ],
    [
      'required: true in an answer',
      has({ type: 'string', required: true }),
      `${schema}.properties.a.required`,
      'a list',
    ],
    ['no choice in an answer', has({ enum: [] }), `${schema}.properties.a.enum`, 'a list of values'],
    [
      'properties of an answer in a list',
      answer({ properties: [] }),
      `${schema}.properties`,
      'by their names',
    ],
    ...Object.entries({
      minimum: { type: 'integer', minimum: 1 },
      exclusiveMaximum: { type: 'number', exclusiveMaximum: 1 },
      multipleOf: { type: 'number', multipleOf: 0.01 },
      minLength: { type: 'string', minLength: 1 },
      maxLength: { type: 'string', maxLength: 9 },
      pattern: { type: 'string', pattern: '^(?=a)' },
      format: { type: 'string', format: 'phone' },
      minItems: { type: 'array', items: { type: 'string' }, minItems: 2 },
      maxItems: { type: 'array', items: { type: 'string' }, maxItems: 2 },
      uniqueItems: { type: 'array', items: { type: 'string' }, uniqueItems: true },
      prefixItems: { type: 'array', prefixItems: [{ type: 'string' }] },
      enum: { enum: [{ a: 1 }] },
      oneOf: { oneOf: [{ type: 'string' }, { type: 'null' }] },
      not: { type: 'string', not: { const: 'a' } },
    }).map(([keyword, given]): [string, Params, string, string] => [
      `${keyword} in a format`,
      has(given),
      `${schema}.properties.a.${keyword}`,
      keyword === 'oneOf' ? 'anyOf' : 'output_schema',
    ]),
    [
      'a schema that stands in itself',
      answer({ properties: { a: { $ref: '#/$defs/n' } }, $defs: { n: { anyOf: [{ $ref: '#/$defs/n' }] } } }),
      `${schema}.properties.a.$ref.anyOf[0].$ref`,
      'written out',
    ],
    [
      'a schema that is not there',
      has({ $ref: '#/$defs/b' }),
      `${schema}.properties.a.$ref`,
      'names no schema',
    ],
    ['an anchor', has({ $ref: '#b', $anchor: 'b' }), `${schema}.properties.a.$ref`, 'by an anchor'],
    [
      'a key that no answer can have',
      answer({ properties: { label: { type: 'string' } }, required: ['label', 'lable'] }),
      `${schema}.required`,
      'did you mean "label"?',
    ],
    [
      'keys of an object without properties',
      has({ type: 'object', required: ['b'] }),
      `${schema}.properties.a.required`,
      'no answer',
    ],
    [
      'a pattern that is none',
      has({ type: 'string', pattern: '([' }),
      `${schema}.properties.a.pattern`,
      'this pattern',
    ],
    [
      'a schema elsewhere',
      has({ $ref: 'https://example.com/a.json' }),
      `${schema}.properties.a.$ref`,
      '$defs',
    ],
  ];
  it.each(rows)('%s', (_, params, field, said) => {
    const problems = check(params);
    expect(problems.map((each) => each.field)).toEqual([field]);
    const { problem, valid } = problems[0] ?? {};
    expect(`${problem}. Valid: ${valid}`.replaceAll('\\"', '"')).toContain(said);
  });

  it('with a beta that lifts a limit, for that brings no key', () => {
    const betas = ['output-300k-2026-03-24'];
    for (const [what, params] of rows) expect(check(params, betas), what).toEqual(check(params));
  });
});

describe('and their neighbours, which the API takes', () => {
  const rows: [what: string, params: Params, betas?: string[]][] = [
    ['citations of a text', thought(text({ citations: null }))],
    ['an id of OpenAI', called(call({ id: 'call_Ab-1' }), result({ tool_use_id: 'call_Ab-1' }))],
    ['thinking of no text', thought({ type: 'thinking', thinking: '', signature: 's' })],
    ['redacted thinking', thought({ type: 'redacted_thinking', data: 'x' })],
    ['a caller of a call', called(call({ caller: { type: 'direct' } }))],
    ['a result, then a text', called(call(), [result(), text()])],
    ['a key of a beta', user(text({ clear_at: 1 })), ['clear-at-2026-08-21']],
    ['a key of data', called(call({ input: { id: 1, anything: [] } }))],
    ['a block of the future', user({ type: 'hologram', anything: 1 })],
    [
      'an answer of a server tool',
      thought({ type: 'web_search_tool_result', tool_use_id: 'a', content: [{ any: 1 }] }),
    ],
    ['https', onFile({ type: 'url', url: 'https://example.com/a.png?b=c' })],
    ['an image of 8,000 pixels', user(png(8000, 8000))],
    ['20 large images', many(20, png(2001, 9))],
    ['600 images', many(600, png(9, 9))],
    ['600 pages', user(pdf(600))],
    ['100 pages on a small model', { ...older, ...user(pdf(100)) }],
    [
      'nulls where the API takes them',
      {
        tools: [tool({ type: null, input_schema: { type: 'object', properties: null, required: null } })],
        thinking: { type: 'adaptive', display: null },
        ...user(
          { ...png(9, 9), transformations: null },
          cited({ title: null, context: null, citations: null }),
        ),
      },
    ],
    [
      'a document of a text, and of an image',
      user(...['a', [text(), png(9, 9)]].map((content) => cited({ source: { type: 'content', content } }))),
    ],
    ['thinking before a call', { tools: [tool({ name: 'look' })], ...called(call(), [result()]) }],
    [
      'base64 in lines',
      onFile({
        type: 'base64',
        media_type: 'image/png',
        data: png(9, 9).source.data.replace(/.{16}/g, '$&\n'),
      }),
    ],
    [
      'a call of a tool with its thinking',
      {
        ...budget,
        ...says(
          ['user', 'Look.'],
          ['assistant', [{ type: 'thinking', thinking: '', signature: 's' }, call()]],
          ['user', [result()]],
          ['assistant', [call({ id: 'b' })]],
          ['user', [result({ tool_use_id: 'b' })]],
        ),
      },
    ],
    [
      'an earlier call without its thinking',
      {
        ...budget,
        ...says(
          ['user', 'Look.'],
          ['assistant', [call()]],
          ['user', [result()]],
          ['assistant', 'So.'],
          ['user', 'And?'],
        ),
      },
    ],
    [
      'an enabled budget before 4.6',
      { ...older, max_tokens: 4096, thinking: { type: 'enabled', budget_tokens: 1024 } },
    ],
    ['an id of digits', { metadata: { user_id: '4915112345678' } }],
    ['two documents to be cited', user(...[1, 2].map(() => cited({ citations: { enabled: true } })))],
    ['none to be cited', user(cited(), cited({ citations: { enabled: false } }))],
    ['a document to be cited beside an image', user(cited({ citations: { enabled: true } }), png(9, 9))],
    ['alternatives within a property', takes({ properties: { a: { oneOf: [{ type: 'string' }] } } })],
    ['names with dots and dashes', takes({ properties: { 'a.b-c_1': { type: ['string', 'null'] } } })],
    ['bounds of a tool', takes({ properties: { a: { type: 'integer', minimum: 1, exclusiveMaximum: 9 } } })],
    ['a property called type', takes({ properties: { type: { type: 'string' }, required: {} } })],
    ['schemas that are true, and none', takes({ properties: { a: true, b: { items: null } } })],
    ['a property called items', takes({ properties: { items: { type: 'array', items: true } } })],
    ['a deferred tool and another', { tools: [tool(), later()] }],
    [
      'strict tools',
      { tools: [tool({ strict: true, input_schema: { type: 'object', additionalProperties: false } })] },
    ],
    ['an older editor', { tools: [{ type: 'text_editor_20250124', name: 'str_replace_editor' }] }],
    ['a set of tools', { tools: [{ type: 'computer_toolset_20260801' }] }],
    ['a start of an answer', opened('The answer is')],
    ['an opaque user', { metadata: { user_id: '5f3c9e-11' } }],
    ['no user', { metadata: { user_id: null } }],
    ['a simple pattern', has({ type: 'string', pattern: '^[A-Z]{2,3}-\\d+$' })],
    ['formats', has({ type: 'string', format: 'date-time' })],
    ['one entry at least', has({ type: 'array', items: { type: 'string' }, minItems: 1 })],
    ['a choice, or null', has({ type: ['string', 'null'], enum: ['a', null] })],
    ['a default, a title', has({ type: 'string', default: 'a', title: 'b', description: 'c' })],
    ['anyOf', has({ anyOf: [{ type: 'string' }, { type: 'null' }] })],
    [
      'one definition, used twice',
      answer({
        properties: { a: { $ref: '#/$defs/n' }, b: { $ref: '#/$defs/n' } },
        $defs: { n: { type: 'string' } },
      }),
    ],
  ];
  it.each(rows)('%s', (_, params, betas) => {
    expect(check(params, betas)).toEqual([]);
  });
});
