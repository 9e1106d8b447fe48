import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { parseExact } from '../../src/lib/exact-json.ts';
import { isJsonObject } from '../../src/lib/json.ts';
import { loadSchemaCompiler } from '../../src/lib/schema/json-schema.ts';
import { prepareOutputSchema } from '../../src/provider/anthropic/requests/output-schema.ts';
import { createStore } from '../../src/store/files/create-store.ts';
import {
  createResultsIndexBuilder,
  readResultsIndex,
  writeResultsIndex,
} from '../../src/store/results-index.ts';
import { allPages, endedBatch, follow, ids, startApi, startCheckedServer } from '../api.ts';
import { type ApiRequest, succeeded } from '../api-server.ts';
import type { Reply } from '../harness.ts';
import { eachNth, long } from '../long.ts';

const schema = {
  type: 'object',
  properties: {
    label: { type: 'string', enum: ['card', 'cash'] },
    score: { type: 'number', minimum: 0, maximum: 1, multipleOf: 0.01 },
    code: { type: 'string', pattern: '^[A-Z]{2}$', maxLength: 2 },
    day: { type: 'string', format: 'date' },
    tags: { type: 'array', items: { type: 'string' }, maxItems: 2 },
    n: { type: ['integer', 'null'] },
  },
  required: ['label'],
  additionalProperties: false,
};

const right: [what: string, text: string][] = [
  ['as asked', '{"label":"card"}'],
  ['with all keys', '{"label":"cash","score":0.57,"code":"AB","day":"2026-11-25","tags":["a"],"n":3}'],
  ['with blanks around it', '\n  {"label": "card"}\n\n'],
  ['behind a byte order mark', '\ufeff{"label":"card"}'],
  ['among characters without width', '\u200b\u00a0{"label":"card"}\u2060'],
  ['with a null that is allowed', '{"label":"card","n":null}'],
  ['with a whole number written as 3.0', '{"label":"card","n":3.0}'],
];

const fenced: [what: string, text: string][] = [
  ['a fenced block', '```json\n{"label":"card"}\n```'],
  ['a fence without a language', '```\n{"label":"card"}\n```\n'],
  ['a fence with carriage returns', '```json\r\n{"label":"card"}\r\n```'],
  ['a fence with more behind its language', '```json title="answer"\n{"label":"card"}\n```'],
  ['a fence with a blank before its language', '``` json\n{"label":"card"}\n```'],
  ['a fence behind a byte order mark', '\ufeff```json\n{"label":"card"}\n```'],
  ['a fence of tildes', '~~~json\n{"label":"card"}\n~~~'],
  ['a fence of four backticks', '````json\n{"label":"card"}\n````'],
  ['a fence that is closed with more', '```json\n{"label":"card"}\n````'],
  ['an indented fence', '  ```json\n  {"label":"card"}\n  ```'],
  ['a fence with empty lines', '```json\n\n{\n"label":"card"\n}\n\n```'],
  ['a fence whose JSON has backticks', '```json\n{"label":"card",\n"tags":["a ``` b"]}\n```'],
];

const wrong: [what: string, text: string, why: RegExp][] = [
  ['prose', 'The label is card.', /not JSON/],
  ['prose before JSON', 'Here it is: {"label":"card"}', /not JSON/],
  ['prose around a fence', 'Sure!\n```json\n{"label":"card"}\n```', /not JSON/],
  ['two fences', '```json\n{"label":"card"}\n```\n```json\n{"label":"cash"}\n```', /not JSON/],
  ['a fence of wrong JSON', '```json\n{"label":"coin"}\n```', /\/label.*allowed values.*card.*cash/],
  ['NaN', '{"label":"card","score":NaN}', /not JSON/],
  ['NaN alone', 'NaN', /not JSON/],
  ['null', 'null', /must be object/],
  ['a list', '[{"label":"card"}]', /must be object/],
  ['a text', '"card"', /must be object/],
  ['cut off', '{"label":"car', /not JSON/],
  ['single quotes', "{'label':'card'}", /not JSON/],
  ['a comma too many', '{"label":"card",}', /not JSON/],
  ['two objects', '{"label":"card"}\n{"label":"card"}', /not JSON/],
  ['a fence that is not closed', '```json\n{"label":"card"}', /not JSON/],
  ['prose behind a fence', '```json\n{"label":"card"}\n```\nThere.', /not JSON/],
  ['a fence of another kind of mark', '```json\n{"label":"card"}\n~~~', /not JSON/],
  ['JSON in a tag', '<json>{"label":"card"}</json>', /not JSON/],
  ['JSON in a text', '"{\\"label\\":\\"card\\"}"', /must be object/],
  ['a number alone', '1.50', /must be object/],
  ['a key twice', '{"label":"card","label":"cash"}', /a key twice/],
  ['a key twice, once with an escape', '{"label":"card","\\u006cabel":"cash"}', /a key twice/],
  ['a key twice in a fence', '```json\n{"label":"card","n":1,"n":2}\n```', /a key twice/],
  ['lists within lists without end', `{"label":${'['.repeat(60_000)}${']'.repeat(60_000)}}`, /not JSON/],
  ['no key', '{}', /required property 'label'/],
  ['a key misspelled', '{"lable":"card"}', /required property 'label'/],
  ['a key too many', '{"label":"card","why":"x"}', /additional properties: "why"/],
  ['a value that is none of the choices', '{"label":"coin"}', /\/label.*allowed values/],
  ['a number as text', '{"label":"card","score":"0.5"}', /\/score must be number/],
  ['above the maximum', '{"label":"card","score":1.5}', /\/score must be <= 1/],
  ['below the minimum', '{"label":"card","score":-1}', /\/score must be >= 0/],
  ['between two steps', '{"label":"card","score":0.005}', /\/score must be multiple/],
  ['against the pattern', '{"label":"card","code":"ab"}', /\/code must match pattern/],
  ['too long', '{"label":"card","code":"ABC"}', /\/code/],
  ['of no such format', '{"label":"card","day":"yesterday"}', /\/day must match format/],
  ['too many', '{"label":"card","tags":["a","b","c"]}', /\/tags must NOT have more than 2/],
  ['a wrong entry', '{"label":"card","tags":[1]}', /\/tags\/0 must be string/],
  ['a number with a fraction', '{"label":"card","n":1.5}', /\/n must be integer/],
];

const cases = [
  ...right.map(([what, text]) => ({ what, text, outcome: 'succeeded', fenced: undefined, why: undefined })),
  ...fenced.map(([what, text]) => ({ what, text, outcome: 'succeeded', fenced: true, why: undefined })),
  ...wrong.map(([what, text, why]) => ({ what, text, outcome: 'incomplete', fenced: undefined, why })),
];

/** What only keywords say that structured output does not take: native requests can't have them. */
const unsaid = ['above the maximum', 'below the minimum', 'between two steps', 'too many'];
const saidNatively = cases.filter(({ what }) => !unsaid.includes(what));

const answersTo = (asked: typeof cases) => (requests: ApiRequest[]) =>
  requests.map((request, index) => succeeded(request, asked[index]?.text ?? '')).reverse();

const prompt = 'Which?';
const format = { type: 'json_schema', schema: prepareOutputSchema(schema).schema };
/** Every way in which a schema is given. */
const ways: [way: string, asked: typeof cases, requests: object[], submit?: object][] = [
  ['with each task', cases, cases.map(({ what }) => ({ task_id: what, prompt, output_schema: schema }))],
  ['for all', cases, cases.map(({ what }) => ({ task_id: what, prompt })), { output_schema: schema }],
  [
    'in native requests',
    saidNatively,
    saidNatively.map((_, index) => ({
      custom_id: `n${index}`,
      params: {
        model: 'claude-haiku-5-5',
        max_tokens: 100,
        messages: [{ role: 'user', content: prompt }],
        output_config: { format },
      },
    })),
  ],
];

describe.each(ways)('answers to a schema that is given %s', (_way, asked, requests, submit = {}) => {
  test('are checked in full; what breaks it is incomplete, and told with the cause', async () => {
    const { server, batch_id } = await endedBatch(requests, answersTo(asked), { submit });
    const results = await allPages(server, { batch_id, detail: 'concise' });
    for (const [index, { what, outcome, fenced, why }] of asked.entries()) {
      const shown = results[index] ?? {};
      expect({ what, outcome: shown.outcome, fenced: shown.fenced }).toEqual({ what, outcome, fenced });
      if (why === undefined) expect(shown.json, what).toMatchObject({ label: expect.any(String) });
      else expect(shown.error?.type, what).toBe('invalid_answer');
    }
    const status = await server.ok('batch_status', { batch_id });
    const good = right.length + fenced.length;
    expect(status.outcomes).toMatchObject({ succeeded: good, incomplete: asked.length - good });
    expect(status.warnings.join(' ')).toContain(`${fenced.length} answers gave JSON in a fenced block`);
  });
});

test('the cause says where an answer breaks its schema', long, async () => {
  const { server, batch_id } = await endedBatch(
    wrong.map(([what]) => ({ task_id: what, prompt, output_schema: schema })),
    (requests) => requests.map((request, index) => succeeded(request, wrong[index]?.[1] ?? '')),
  );
  for (const [what, , why] of wrong) {
    const { results } = await server.ok('get_results', { batch_id, task_ids: [what] });
    expect(results[0].error.message, what).toMatch(why);
  }
  const { error_digest } = await server.ok('get_results', { batch_id, detail: 'summary' });
  for (const entry of error_digest) expect(entry).toMatchObject({ type: 'invalid_answer', retryable: true });
  const counted = error_digest.reduce((sum: number, { count }: { count: number }) => sum + count, 0);
  expect(counted).toBe(wrong.length);
});

test('labels and task types ask for what their answers are checked by', long, async () => {
  const api = await startApi({
    results: (requests) =>
      requests.map((request, index) => succeeded(request, `{"label":"${'xyz'[index]}"}`)),
  });
  const server = await startCheckedServer({ api });
  const requests = ['a', 'b', 'c'].map((task_id) => ({ task_id, prompt }));
  const labelled = await server.ok('submit_batch', { requests, labels: ['x', 'y'] });
  const typed = await server.ok('submit_batch', {
    requests: [
      { task_id: 'a', task_type: 'classify_bulk', input_data: { items: ['i'], labels: ['x', 'y'] } },
    ],
  });
  api.endAll();
  expect(await follow(server, labelled.batch_id)).toMatchObject({
    outcomes: { succeeded: 2, incomplete: 1 },
  });
  expect(await follow(server, typed.batch_id)).toMatchObject({ outcomes: { incomplete: 1 } });
});

test('a turn that calls a tool is no answer yet, and need not be JSON', async () => {
  const content = [{ type: 'tool_use', id: 't', name: 'look', input: {} }];
  const { server, batch_id } = await endedBatch(
    [{ task_id: 'a', prompt, output_schema: schema }],
    ([request]) => (request ? [succeeded(request, '', { content, stop_reason: 'tool_use' })] : []),
  );
  expect(await follow(server, batch_id)).toMatchObject({ outcomes: { succeeded: 1 } });
});

test('retry_batch sends invalid and empty answers again, and checks them again by the same schema', async () => {
  const open = { type: 'object', properties: { label: { type: 'string' } }, required: ['label'] };
  const texts = [
    ['{"label":"a","more":1}', 'prose', ' '],
    // What the caller's schema allows is right, though the API is sent a closed one.
    ['{"label":"b","more":1}', '{"more":1}'],
    ['{"label":"c","more":1}'],
  ];
  let round = -1;
  const api = await startApi({
    results: (requests) => {
      round += 1;
      return requests.map((request, index) => succeeded(request, texts[round]?.[index] ?? ''));
    },
  });
  const server = await startCheckedServer({ api });
  const { batch_id } = await server.ok('submit_batch', {
    requests: ids(3).map((task_id) => ({ task_id, prompt, output_schema: open })),
  });
  const counts: Reply[] = [];
  for (const sent of [3, 2, 1]) {
    expect(api.creates.at(-1)?.requests).toHaveLength(sent);
    api.endAll();
    counts.push((await follow(server, batch_id)).outcomes);
    if (sent > 1) await server.ok('retry_batch', { batch_id });
  }
  expect(counts).toMatchObject([
    { succeeded: 1, incomplete: 2 },
    { succeeded: 2, incomplete: 1 },
    { succeeded: 3, incomplete: 0 },
  ]);
  const { results } = await server.ok('get_results', { batch_id, detail: 'full' });
  expect(results.map(({ json, attempt }: Reply) => [json.label, attempt])).toEqual([
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ]);
});

describe('what is not a schema is refused before anything is sent', () => {
  const bad: [what: string, schema: object, field?: string][] = [
    ['names and types', { label: 'string' }],
    ['a type that is none', { type: 'int' }],
    ['a property of such a type', { type: 'object', properties: { n: { type: 'int' } } }],
    ['a property that is a text', { type: 'object', properties: { label: 'string' } }],
    ['a wrapper', { name: 'answer', strict: true, schema }],
    ['required as a text', { type: 'object', properties: { a: {} }, required: 'a' }],
    ['required as a flag', { type: 'object', properties: { a: { type: 'string', required: true } } }],
    ['a choice of none', { type: 'object', properties: { a: { enum: 'x' } } }],
    ['a minimum that is a text', { type: 'object', properties: { a: { type: 'number', minimum: '0' } } }],
    ['a pattern that is none', { type: 'object', properties: { a: { type: 'string', pattern: '(' } } }],
    ['a reference to nothing', { type: 'object', properties: { a: { $ref: '#/$defs/none' } } }],
    ['anyOf that is no list', { anyOf: { type: 'object' } }],
  ];
  eachNth(3, bad)('%s', async (_what, output_schema) => {
    const api = await startApi();
    const server = await startCheckedServer({ api });
    const tasks = [{ task_id: 'a', prompt }];
    for (const work of [{ requests: tasks, output_schema }, { requests: [{ ...tasks[0], output_schema }] }]) {
      for (const tool of ['submit_batch', 'estimate_cost'])
        expect(await server.fails(tool, work)).toMatch(/invalid_input.*\n.*output_schema/);
    }
    expect(api.creates).toEqual([]);
  });

  const good: [what: string, schema: object][] = [
    ['of draft 7, from zod 3', { $schema: 'http://json-schema.org/draft-07/schema#', ...schema }],
    ['of 2020-12, from zod 4', { $schema: 'https://json-schema.org/draft/2020-12/schema', ...schema }],
    [
      'from pydantic',
      {
        $defs: { A: { type: 'object', properties: {} } },
        properties: { a: { $ref: '#/$defs/A' } },
        title: 'T',
        type: 'object',
      },
    ],
    [
      'with one definition in two places',
      {
        type: 'object',
        properties: { a: { $ref: '#/$defs/n' }, b: { anyOf: [{ $ref: '#/$defs/n' }, { type: 'null' }] } },
        $defs: { n: { type: 'string' } },
      },
    ],
    [
      'with keywords of others',
      { type: 'object', properties: { a: { type: 'string', 'x-order': 1, example: 'x' } } },
    ],
    [
      'with tuples of draft 7',
      { type: 'object', properties: { a: { type: 'array', items: [{ type: 'string' }] } } },
    ],
    [
      'with a pattern of another language',
      { type: 'object', properties: { a: { type: 'string', pattern: '^[\\w\\-\\_]+$' } } },
    ],
    ['with an id', { $id: 'https://a.example/answer.json', ...schema }],
  ];
  test.each(good)('but not one %s', long, async (_what, output_schema) => {
    const api = await startApi({
      results: (sent) => sent.map((request) => succeeded(request, '{"label":"card"}')),
    });
    const server = await startCheckedServer({ api });
    const requests = ids(2).map((task_id) => ({ task_id, prompt, output_schema }));
    const { batch_id } = await server.ok('submit_batch', { requests });
    api.endAll();
    const status = await follow(server, batch_id);
    expect(status.outcomes.succeeded + status.outcomes.incomplete).toBe(2);
  });
});

test(
  'a schema on a line of a file, sent from threads, is named where it is none and checked where it is one',
  long,
  async () => {
    const api = await startApi({
      results: (sent) =>
        sent.map((request, index) => succeeded(request, index === 7 ? 'no' : `{"n${index}":1}`)),
    });
    const server = await startCheckedServer({ api, limits: { threadedBytes: 1 } });
    const line = (index: number, type: string) => ({
      task_id: `t${index}`,
      prompt,
      output_schema: { type: 'object', properties: { [`n${index}`]: { type } }, required: [`n${index}`] },
    });
    const write = (type: string) =>
      writeFile(
        path.join(server.work, 'tasks.jsonl'),
        ids(300)
          .map((_, index) => JSON.stringify(line(index, index === 123 ? type : 'integer')))
          .join('\n'),
      );
    await write('int');
    expect(await server.fails('submit_batch', { requests_file: 'tasks.jsonl' })).toMatch(
      /line 124.*t123.*output_schema.*: is not a type of JSON Schema/,
    );
    await write('integer');
    const { batch_id } = await server.ok('submit_batch', { requests_file: 'tasks.jsonl' });
    api.endAll();
    expect(await follow(server, batch_id)).toMatchObject({ outcomes: { succeeded: 299, incomplete: 1 } });
  },
);

/** Results as the first version left them: all that the API called succeeded counted as that. */
async function asOlderVersionsLeft(data: string, batchId: string): Promise<void> {
  const store = createStore({ path: data, log: () => {} });
  const blobs = store.blobs(batchId);
  const register = store.record(batchId);
  const [part] = (await register.read())?.parts ?? [];
  const results = part?.progress.state === 'created' ? part.progress.results : null;
  if (!part || !results) throw new Error('the batch has no results');
  const index = await readResultsIndex(blobs, part.number, results.bytes);
  if (!index) throw new Error('the batch has no index');
  const builder = createResultsIndexBuilder(index.count);
  for (let i = 0; i < index.count; i += 1) {
    builder.add(i, { ...index.at(i), outcome: 'succeeded', declined: false });
  }
  await writeResultsIndex(blobs, part.number, builder.finish(results.bytes));
  const { scan: _scan, ...older } = results;
  const outcomes = { ...results.outcomes, succeeded: index.count, incomplete: 0 };
  await register.update(
    (record) =>
      record && {
        ...record,
        parts: record.parts.map((each) =>
          each.progress.state === 'created'
            ? { ...each, progress: { ...each.progress, results: { ...older, outcomes, failures: [] } } }
            : each,
        ),
      },
  );
}

test('results that an older version has judged are judged anew: pages, totals and files agree', async () => {
  const tasks = [
    ...ids(3).map((task_id) => ({ task_id, prompt })),
    { task_id: 'json', prompt, output_schema: schema },
  ];
  const { server, api, batch_id } = await endedBatch(tasks, (sent) =>
    sent.map((request, index) =>
      succeeded(request, index === 3 ? 'prose' : 'fine', index === 1 ? { content: [] } : {}),
    ),
  );
  await follow(server, batch_id);
  await server.close();
  await asOlderVersionsLeft(server.data, batch_id);
  const again = await startCheckedServer({ api, folder: server.folder });
  const status = await again.ok('batch_status', { batch_id });
  const { results, totals } = await again.ok('get_results', { batch_id });
  expect(status.outcomes).toMatchObject({ succeeded: 2, incomplete: 2 });
  expect(totals).toMatchObject({ succeeded: 2, incomplete: 2 });
  expect(results.map(({ outcome }: Reply) => outcome)).toEqual([
    'succeeded',
    'incomplete',
    'succeeded',
    'incomplete',
  ]);
});

describe('a keyword for long numbers', () => {
  const wanted = (n: string) => `{"type":"object","properties":{"n":${n}}}`;
  eachNth<[what: string, schema: string, answer: string, isRight: boolean]>(3, [
    ['is met by all of its digits', wanted('{"const":9007199254740993}'), '9007199254740993', true],
    ['is not met by its neighbour', wanted('{"const":9007199254740993}'), '9007199254740992', false],
    ['of 2^53 is not met by the next one', wanted('{"const":9007199254740992}'), '9007199254740993', false],
    ['is met in another form', wanted('{"const":90071992547409930}'), '9.007199254740993e16', true],
    ['below zero is met', wanted('{"enum":[-12345678901234567890]}'), '-12345678901234567890', true],
    ['below zero is not met', wanted('{"enum":[-12345678901234567890]}'), '-12345678901234567891', false],
    ['is met by one of its choices', wanted('{"enum":["a",null,12345678901234567890]}'), 'null', true],
    ['is not met by a text', wanted('{"enum":[12345678901234567890]}'), '"12345678901234567890"', false],
    ['with many decimals is met', wanted('{"const":0.12345678901234567890}'), '0.1234567890123456789', true],
    ['as a minimum is met by itself', wanted('{"minimum":9007199254740993}'), '9007199254740993', true],
    [
      'as a minimum is not met by its neighbour',
      wanted('{"minimum":9007199254740993}'),
      '9007199254740992',
      false,
    ],
    ['as a minimum is met by far more', wanted('{"minimum":9007199254740993}'), '1e400', true],
    [
      'as a maximum is met by less',
      wanted('{"maximum":12345678901234567890}'),
      '12345678901234567889.9',
      true,
    ],
    [
      'as a maximum is not met by a digit more',
      wanted('{"maximum":12345678901234567890}'),
      '12345678901234567891',
      false,
    ],
    ['as a maximum below zero', wanted('{"maximum":-9007199254740993}'), '-9007199254740992', false],
    ['as a minimum below zero', wanted('{"minimum":-9007199254740993}'), '-9007199254740994', false],
    [
      'as a bound that is left out',
      wanted('{"exclusiveMaximum":9007199254740993}'),
      '9007199254740993',
      false,
    ],
    [
      'as a bound that is nearly met',
      wanted('{"exclusiveMaximum":9007199254740993}'),
      '9007199254740992',
      true,
    ],
    ['as a bound of a text says nothing', wanted('{"minimum":9007199254740993}'), '"a"', true],
    ['as a bound, of zero', wanted('{"minimum":9007199254740993}'), '0', false],
    ['as a bound, of a plain number', wanted('{"maximum":9007199254740993,"minimum":-5}'), '-7', false],
    [
      'with many decimals is not met',
      wanted('{"const":0.12345678901234567890}'),
      '0.12345678901234567891',
      false,
    ],
    ['of zeros is a number all the same', wanted('{"enum":[0.10,1e3]}'), '1000', true],
    [
      'within a list',
      wanted('{"type":"array","items":{"enum":[9007199254740993]}}'),
      '[9007199254740993,9007199254740992]',
      false,
    ],
    [
      'under a choice',
      wanted('{"anyOf":[{"const":9007199254740993},{"type":"string"}]}'),
      '9007199254740992',
      false,
    ],
    [
      'in an object',
      wanted('{"const":{"b":[9007199254740993],"a":1.0}}'),
      '{"a":1,"b":[9007199254740993]}',
      true,
    ],
    ['as a multiple of ten is met', wanted('{"multipleOf":10}'), '90071992547409930', true],
    ['as a multiple of ten is not met', wanted('{"multipleOf":10}'), '90071992547409931', false],
    ['as a step of its own is met', wanted('{"multipleOf":9007199254740993}'), '27021597764222979', true],
    ['as a step, of its neighbour', wanted('{"multipleOf":9007199254740993}'), '9007199254740992', false],
    ['as a step below one is met', wanted('{"multipleOf":0.01}'), '100.10', true],
    [
      'as a step below one is met by a long one',
      wanted('{"multipleOf":0.1}'),
      '12345678901234567890.1',
      true,
    ],
    ['as a step below one is not met', wanted('{"multipleOf":0.01}'), '0.30000000000000004', false],
    ['as a step of three, of a power', wanted('{"multipleOf":3}'), '1e400', false],
    ['as a step of eight, of a power', wanted('{"multipleOf":8}'), '-1e400', true],
    ['as a step, of zero', wanted('{"multipleOf":7}'), '-0.0', true],
    ['as a step, of a text', wanted('{"multipleOf":7}'), '"a"', true],
    ['as a step, of a power of many digits', wanted('{"multipleOf":7}'), `1e${'9'.repeat(25)}`, false],
    ['as a bound, of a power of many digits', wanted('{"maximum":7}'), `1e${'9'.repeat(25)}`, false],
    ['as a bound, of a power without end', wanted('{"maximum":7}'), `1e${'9'.repeat(400)}`, false],
    ['as a bound, of a small one without end', wanted('{"minimum":7}'), `1e-${'9'.repeat(400)}`, false],
    ['as a step, of a power without end', wanted('{"multipleOf":7}'), `1e${'9'.repeat(400)}`, false],
    [
      'in a list of different items is met by neighbours',
      wanted('{"uniqueItems":true}'),
      '[9007199254740993,9007199254740992]',
      true,
    ],
    [
      'in a list of different items is not met by two forms of one',
      wanted('{"uniqueItems":true}'),
      '[{"a":1,"b":[9007199254740993]},{"b":[9007199254740993.0],"a":1.0}]',
      false,
    ],
    [
      'of a key called const',
      '{"type":"object","properties":{"const":{"const":9007199254740993}}}',
      '1',
      true,
    ],
  ])('%s', async (_what, schema, answer, isRight) => {
    const compile = await loadSchemaCompiler();
    const parse = (text: string) => parseExact(text).value;
    const given = parse(schema);
    const made = compile(isJsonObject(given) ? given : {});
    const source = `{"n":${answer}}`;
    const why = 'check' in made ? made.check(JSON.parse(source), undefined, source) : made.problem;
    expect(why === null).toBe(isRight);
  });

  it('is held against an answer as it came', async () => {
    const api = await startApi({
      results: (requests) =>
        requests.map((each, index) => succeeded(each, `{"n":900719925474099${index + 2}}`)),
    });
    const server = await startCheckedServer({ api });
    const lines = ['a', 'b'].map((id) => `{"task_id":"${id}","prompt":"x"}`).join('\n');
    await writeFile(path.join(server.work, 'a.jsonl'), lines);
    const { batch_id } = await server.ok('submit_batch', {
      requests_file: 'a.jsonl',
      output_schema: wanted('{"const":9007199254740993}'),
    });
    api.endAll();
    await follow(server, batch_id);
    const { results } = await server.ok('get_results', { batch_id });
    expect(results.map(({ outcome }: Reply) => outcome)).toEqual(['incomplete', 'succeeded']);
  });
});
