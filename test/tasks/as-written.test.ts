import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { follow, startApi, startCheckedServer } from '../api.ts';
import { type ApiServerOptions, errored, succeeded } from '../api-server.ts';
import { eachNth, eachNthOf, long } from '../long.ts';

/** JSON text as a program writes it, its numbers in every form that JSON has, its texts of any characters. */
const { value: jsonText } = fc.letrec<{ value: string; leaf: string }>((tie) => ({
  leaf: fc.oneof(
    fc.stringMatching(/^-?(0|[1-9]\d{0,24})(\.\d{1,20})?([eE][+-]?\d{1,3})?$/),
    fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text)),
    fc.constantFrom('true', 'false', 'null', '1234567890123456789', '100.10', '5.0', '-0', '1e400'),
  ),
  value: fc.oneof(
    { depthSize: 'small' },
    tie('leaf'),
    fc.array(tie('value'), { maxLength: 4 }).map((items) => `[${items.join(',')}]`),
    fc
      .uniqueArray(fc.tuple(fc.string({ unit: 'binary' }), tie('value')), {
        selector: ([key]) => key,
        maxLength: 4,
      })
      .map(
        (members) => `{${members.map(([key, each]) => `${JSON.stringify(`k${key}`)}:${each}`).join(',')}}`,
      ),
  ),
}));

const values = fc.sample(jsonText, { numRuns: 300, seed: 7 });

/** A conversation in which a tool was called with a value. */
const nativeLine = (value: string, index: number) =>
  `{"custom_id":"n${index}","params":{"model":"claude-haiku-5-5","max_tokens":100,"messages":[` +
  `{"role":"user","content":"Go on."},{"role":"assistant","content":[{"type":"tool_use","id":"c","name":"f","input":{"v":${value}}}]},` +
  `{"role":"user","content":[{"type":"tool_result","tool_use_id":"c","content":"ok"}]}],` +
  `"tools":[{"name":"f","input_schema":{"type":"object"}}]}}`;

const ownLine = (value: string, index: number) => `{"task_id":"t${index}","input_data":{"v":${value}}}`;

async function submit(name: string, content: string, args: object = {}, options: ApiServerOptions = {}) {
  const api = await startApi(options);
  const server = await startCheckedServer({ api });
  await writeFile(path.join(server.work, name), content);
  const { batch_id, warnings } = await server.ok('submit_batch', { requests_file: name, ...args });
  return { api, server, batch_id, warnings };
}

/** What stands for a value in a prompt: a text as it is, all else as JSON. */
const filled = (value: string) => (value.startsWith('"') ? String(JSON.parse(value)) : value);

const forms: [form: string, name: string, content: (lines: string[]) => string][] = [
  ['lines', 'a.jsonl', (lines) => lines.join('\n')],
  ['an array', 'a.json', (lines) => `[${lines.join(',\n')}]`],
];

describe.each(forms)('numbers and texts of %s', (_form, name, content) => {
  const rarely = name.endsWith('.json') ? long : {};
  it('reach the wire as they were written, in native requests', rarely, async () => {
    const { api } = await submit(name, content(values.map(nativeLine)));
    // The last one has a made id.
    for (const [index, value] of values.slice(0, -1).entries()) {
      expect(api.bodies[0]).toContain(nativeLine(value, index));
    }
  });

  it('and where a request has to be written anew', rarely, async () => {
    const withNull = (line: string) => line.replace('"max_tokens"', '"stop_sequences":null,"max_tokens"');
    const { api } = await submit(name, content(values.map(nativeLine).map(withNull)));
    for (const [index, value] of values.slice(0, -1).entries()) {
      expect(api.bodies[0]).toContain(nativeLine(value, index));
    }
  });

  it('and in the prompts of tasks', long, async () => {
    const usable = values.filter((value) => value !== 'null');
    const { api } = await submit(name, content(usable.map(ownLine)), { prompt: 'See {{v}}.' });
    const prompts = api.creates[0]?.requests.map(({ params }) => params.messages);
    expect(prompts).toEqual(usable.map((value) => [{ role: 'user', content: `See ${filled(value)}.` }]));
  });

  it('and in a task type of one’s own', long, async () => {
    const line = (value: string, index: number) =>
      `{"task_id":"t${index}","task_type":"translate","input_data":{"v":${value}}}`;
    const { api } = await submit(name, content(values.map(line)));
    const sent = JSON.stringify(api.creates[0]?.requests.map(({ params }) => params.messages));
    for (const value of values) expect(sent).toContain(JSON.stringify(`{"v":${value}}`).slice(1, -1));
  });
});

describe('numbers and texts of answers', () => {
  it('come back as they were written', async () => {
    const line = (id: string, value: string) =>
      `{"custom_id":${JSON.stringify(id)},"result":{"type":"succeeded","message":{"id":"msg_1","type":"message","role":"assistant",` +
      `"model":"claude-haiku-5-5","content":[{"type":"tool_use","id":"c","name":"f","input":{"v":${value}}}],` +
      `"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":9}}}}`;
    const { api, server, batch_id } = await submit(
      'a.jsonl',
      values.map(nativeLine).join('\n'),
      {},
      {
        results: (requests) =>
          requests.map(({ custom_id }, index) => line(custom_id, values[index] ?? 'null')),
      },
    );
    api.endAll();
    await follow(server, batch_id);
    await server.ok('get_results', { batch_id, output_file: 'out.jsonl' });
    const written = (await readFile(path.join(server.work, 'out.jsonl'), 'utf8')).trimEnd().split('\n');
    expect(written).toHaveLength(values.length);
    for (const [index, value] of values.entries()) expect(written[index]).toContain(`"input":{"v":${value}}`);
  });
});

describe('a number that a call has lost before it is seen', () => {
  it('is said by its field', async () => {
    const api = await startApi();
    const server = await startCheckedServer({ api });
    const { warnings } = await server.ok('submit_batch', {
      prompt: 'Tweet {{tweet_id}}',
      requests: [Number('1234567890123456789'), 12].map((tweet_id, index) => ({
        task_id: `t${index}`,
        input_data: { tweet_id },
      })),
    });
    expect(warnings).toEqual([
      'input_data.tweet_id is a whole number above 2^53, which was rounded on its way here: give it as a text (1 task)',
    ]);
  });

  eachNth(3, [
    ['an id', { requests: [{ task_id: 2 ** 60, prompt: 'x' }] }, 'task_id is a whole number above 2^53'],
    [
      'a field beside an id that is a number',
      { requests: [{ task_id: 7, prompt: 'x', input_data: { n: [2 ** 60] } }] },
      'input_data.n[0] is a whole number above 2^53',
    ],
    [
      'a field of a variant',
      {
        requests: [{ task_id: 'a', prompt: '{{n}}' }],
        variants: { A: { input_data: { n: 2 ** 60 } }, B: { input_data: { n: 1 } } },
      },
      'variants.A.input_data.n is a whole number above 2^53',
    ],
    [
      'a choice of the shared schema',
      { requests: ['x'], output_schema: { type: 'object', properties: { n: { enum: [2 ** 60] } } } },
      'output_schema.properties.n.enum[0] is a whole number above 2^53',
    ],
    [
      'a shared field',
      { requests: ['x'], input_data: { n: -(2 ** 60) } },
      'input_data.n is a whole number above 2^53',
    ],
  ])('is said of %s', async (_, work, says) => {
    const server = await startCheckedServer({ api: await startApi() });
    const { warnings } = await server.ok('submit_batch', work);
    expect(warnings).toEqual([expect.stringContaining(says)]);
  });
});

describe('a number of a later call', () => {
  const work = { requests: ['a', 'b'].map((task_id) => ({ task_id, prompt: 'x' })) };
  const ended = async () => {
    const api = await startApi({
      results: (requests) =>
        requests.map((request) =>
          succeeded(request, '{"id":1152921504606846976}', { stop_reason: 'refusal' }),
        ),
    });
    const server = await startCheckedServer({ api });
    const { batch_id } = await server.ok('submit_batch', work);
    api.endAll();
    await follow(server, batch_id);
    return { api, server, batch_id };
  };
  const ROUNDED = 'is a whole number above 2^53';

  eachNth<[what: string, args: object, says: string]>(6, [
    [
      'of a correction',
      { requests: [{ task_id: 'a', prompt: '{{n}}', input_data: { n: 2 ** 60 } }] },
      `input_data.n ${ROUNDED}`,
    ],
    [
      'of a new schema',
      { error_types: ['refusal'], output_schema: { type: 'object', properties: { n: { const: 2 ** 60 } } } },
      `output_schema.properties.n.const ${ROUNDED}`,
    ],
  ])('%s is said', async (_what, args, says) => {
    const { server, batch_id } = await ended();
    const { warnings } = await server.ok('retry_batch', { batch_id, ...args });
    expect(warnings.join('\n')).toContain(says);
  });

  it('of a filter is said', async () => {
    const { server, batch_id } = await ended();
    const { warnings } = await server.ok('get_results', { batch_id, where: { 'json.id': 2 ** 60 } });
    expect(warnings.join('\n')).toContain(`where["json.id"] ${ROUNDED}`);
  });

  it('and a key given twice of a correction in a file', long, async () => {
    const { api, server, batch_id } = await ended();
    await writeFile(
      path.join(server.work, 'c.jsonl'),
      '{"task_id":"a","prompt":"y","prompt":"{{n}}","input_data":{"n":1.50}}',
    );
    const { warnings } = await server.ok('retry_batch', { batch_id, requests_file: 'c.jsonl' });
    expect(warnings.join('\n')).toContain('"prompt" is given twice');
    expect(api.bodies.at(-1)).toContain('"content":"1.50"');
  });
});

describe('an answer that is a number alone', () => {
  eachNthOf(4, ['12345678901234567890', '1.50', '1E2', '-0'])(
    'stands as it is in replies and files: %s',
    async (number) => {
      const api = await startApi({
        results: (requests) => requests.map((request) => succeeded(request, number)),
      });
      const server = await startCheckedServer({ api });
      await writeFile(path.join(server.work, 'rows.csv'), 'text\nx\n');
      const output_schema = { type: 'object', properties: { n: { type: 'number' } } };
      const { batch_id } = await server.ok('submit_batch', {
        rows_file: 'rows.csv',
        prompt: '{{text}}',
        output_schema,
      });
      api.endAll();
      const { text } = await server.call('get_results', { batch_id, fields: ['json', 'json.source'] });
      expect(text).toContain(`"json":${number},"json.source":null`);
      await server.ok('get_results', { batch_id, output_file: 'out.csv' });
      const csv = await readFile(path.join(server.work, 'out.csv'), 'utf8');
      expect(csv).toMatch(new RegExp(`^task_id,text,answer,.*\nrow_1,x,${number.replace('.', '\\.')},`));
    },
  );
});

describe('a key that comes twice', () => {
  eachNth(2, forms)('is said by its name, in %s', async (_form, name, content) => {
    const { api, warnings } = await submit(
      name,
      content([
        '{"task_id":"a","prompt":"x","prompt":"y"}',
        '{"task_id":"b","prompt":"z"}',
        '{"custom_id":"c","params":{"model":"claude-haiku-5-5","max_tokens":9,"messages":[{"role":"user","content":"1","content":"2"}]}}',
        '{"task_id":"d","prompt":"x","input_data":{"u":{"v":1,"v":2}}}',
      ]),
    );
    const said = (key: string) => `"${key}" is given twice in one object: the last one counts (1 task)`;
    expect(warnings).toEqual([said('prompt'), said('content'), said('v')]);
    expect(JSON.stringify(api.creates[0])).toMatch(/"y".*"z".*"content":"2".*\{\\"v\\":2\}/);
  });
});

describe('an id that is a number', () => {
  eachNth(2, forms)('is taken as a text, in %s', async (_form, name, content) => {
    const { api, server, batch_id } = await submit(
      name,
      content([
        '{"task_id":17,"prompt":"x"}',
        '{"task_id":12345678901234567890,"prompt":"x"}',
        '{"custom_id":18,"params":{"model":"claude-haiku-5-5","max_tokens":9,"messages":[{"role":"user","content":"1"}]}}',
        '{"task_id":"19","prompt":"x"}',
      ]),
    );
    const ids = api.creates[0]?.requests.map(({ custom_id }) => custom_id);
    expect(ids?.slice(0, 3)).toEqual(['17', '12345678901234567890', '18']);
    api.endAll();
    await follow(server, batch_id);
    const { results } = await server.ok('get_results', { batch_id, detail: 'concise' });
    expect(results.map(({ task_id }: { task_id: string }) => task_id)).toEqual([
      '17',
      '12345678901234567890',
      '18',
      '19',
    ]);
  });
});

describe('numbers in JSON that is given as a text', () => {
  const NUMBERS = '{"a":12345678901234567890,"b":0.10,"c":1e3,"d":-0,"e":1.0}';
  const FILLED = '12345678901234567890 0.10 1e3 -0 1.0';
  const prompt = '{{a}} {{b}} {{c}} {{d}} {{e}}';
  const nativeText = nativeLine(NUMBERS, 0);
  const schema = '{"type":"object","properties":{"n":{"const":12345678901234567890}}}';
  const params = nativeText.slice(nativeText.indexOf('"params":') + '"params":'.length, -1);

  type Row = [what: string, args: Record<string, unknown>, sent: string];
  const rows: Row[] = [
    ['tasks', { prompt, requests: `[{"task_id":"a","input_data":${NUMBERS}}]` }, FILLED],
    ['a task', { prompt, requests: [`{"task_id":"a","input_data":${NUMBERS}}`] }, FILLED],
    ['its fields', { prompt, requests: [{ task_id: 'a', input_data: NUMBERS }] }, FILLED],
    ['fields for all', { requests: [{ task_id: 'a', prompt }], input_data: NUMBERS }, FILLED],
    [
      'those of variants',
      {
        prompt,
        requests: [{ task_id: 'a' }],
        variants: `{"A":{"input_data":${NUMBERS},"max_tokens":1e2},"B":{"system":"x"}}`,
      },
      FILLED,
    ],
    ['a native request', { requests: [nativeText] }, `"input":{"v":${NUMBERS}}`],
    ['its params', { requests: [{ custom_id: 'a', params }] }, `"input":{"v":${NUMBERS}}`],
    ['a schema', { requests: ['x'], output_schema: schema }, '"const":12345678901234567890'],
    [
      'the schema of a task',
      { requests: [{ task_id: 'a', prompt: 'x', output_schema: schema }] },
      '"const":12345678901234567890',
    ],
    ['ids', { requests: '[{"task_id":12345678901234567890,"prompt":"x"},"y"]' }, '"12345678901234567890"'],
  ];
  eachNth(12, rows)('are sent as they were written: %s', async (_what, args, sent) => {
    const api = await startApi();
    const server = await startCheckedServer({ api });
    const work =
      'input_data' in args || 'variants' in args
        ? { ...args, input_data: args.input_data ?? { a: 1, b: 1, c: 1, d: 1, e: 1 } }
        : args;
    const { work_id } = await server.ok('estimate_cost', work);
    const { warnings } = await server.ok('submit_batch', { ...work, max_cost_usd: '1.5' });
    expect(warnings.join()).not.toContain('2^53');
    expect(api.bodies[0]).toContain(sent);
    // By another process, to which the work came by its id.
    const other = await startCheckedServer({ api, folder: server.folder });
    await other.ok('submit_batch', { work_id, force_new: true });
    expect(api.bodies[1]).toContain(sent);
  });

  it('reach the threads that a large file is examined on', long, async () => {
    const api = await startApi();
    const server = await startCheckedServer({ api, limits: { threadedBytes: 1 } });
    await writeFile(path.join(server.work, 'a.jsonl'), '{"task_id":"a"}\n{"task_id":"b"}\n');
    await server.ok('submit_batch', { requests_file: 'a.jsonl', prompt, input_data: NUMBERS });
    expect(api.bodies[0]?.split(FILLED)).toHaveLength(3);
  });

  it('of a correction are sent as they were written', async () => {
    const api = await startApi({
      results: (requests) => requests.map((each) => errored(each, 'api_error', 'x')),
    });
    const server = await startCheckedServer({ api });
    const { batch_id } = await server.ok('submit_batch', { requests: [{ task_id: 'a', prompt: 'x' }] });
    api.endAll();
    await follow(server, batch_id);
    await server.ok('retry_batch', {
      batch_id,
      requests: `[{"task_id":"a","prompt":"${prompt}","input_data":${NUMBERS}}]`,
    });
    expect(api.bodies[1]).toContain(FILLED);
  });
});
