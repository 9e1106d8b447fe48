import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { messagesText, startApi, startCheckedServer } from '../api.ts';
import { type ApiRequest, succeeded } from '../api-server.ts';
import type { Reply, TestServer } from '../harness.ts';
import { eachNth, long } from '../long.ts';
import { type Given, refusalOf } from './refusal.ts';

const table = 'id,text,right\n1,one,x\n2,two,y\n3,three,x\n4,four,y\n';
const prompts = { A: { prompt: 'Short: {{text}}' }, B: { prompt: 'At length: {{text}}' } };
const rows = { rows_file: 't.csv', id_column: 'id' };

async function put(server: TestServer, files: Record<string, string> = {}): Promise<void> {
  for (const [name, content] of Object.entries({ 't.csv': table, ...files }))
    await writeFile(path.join(server.work, name), content);
}

async function started(answer: (request: ApiRequest) => string = () => 'fine') {
  const api = await startApi({
    endsAtOnce: true,
    results: (requests) => requests.map((request) => succeeded(request, answer(request))),
  });
  const server = await startCheckedServer({ api });
  await put(server);
  const sent = () => api.creates.flatMap(({ requests }) => requests);
  return { api, server, sent };
}

const idsOf = ({ results }: Reply) => results.map(({ task_id }: { task_id: string }) => task_id);
const tasks = ['One?', { task_id: 'b', prompt: 'Two?' }];

describe('variants', () => {
  eachNth<[what: string, source: object, ids: string[], first: RegExp]>(6, [
    ['rows', rows, ['1', '2', '3', '4'], /Short: one/],
    [
      'tasks inline',
      { requests: tasks.map((_, index) => ({ task_id: `t${index}`, input_data: { text: 'one' } })) },
      ['t0', 't1'],
      /Short: one/,
    ],
    ['a file of tasks', { requests_file: 'w.jsonl' }, ['a', 'b'], /Short: one/],
    ['an array of tasks', { requests_file: 'w.json' }, ['a', 'b'], /Short: one/],
    ['files', { input_files: ['f*.txt'] }, ['f1.txt', 'f2.txt'], /Short: one/],
  ])('make of %s a task each under each of them, in order', async (_what, source, ids, first) => {
    const { server, sent } = await started();
    const lines = ['a', 'b'].map((task_id) => JSON.stringify({ task_id, input_data: { text: 'one' } }));
    const files = {
      'w.jsonl': lines.join('\n'),
      'w.json': `[${lines.join(',')}]`,
      'f1.txt': 'one',
      'f2.txt': 'two',
    };
    await put(server, files);
    const estimate = await server.ok('estimate_cost', { ...source, variants: prompts });
    expect(estimate.request_count).toBe(ids.length * 2);
    const { batch_id, request_count } = await server.ok('submit_batch', { work_id: estimate.work_id });
    expect(request_count).toBe(ids.length * 2);
    expect(messagesText(sent()[0] ?? { custom_id: '', params: {} })).toMatch(first);
    await server.ok('batch_status', { batch_id, wait_seconds: 20 });
    const expected = ids.flatMap((id) => [`${id}@A`, `${id}@B`]);
    expect(idsOf(await server.ok('get_results', { batch_id, detail: 'concise' }))).toEqual(expected);
    const ofB = await server.ok('get_results', { batch_id, where: { variant: 'B' } });
    expect(idsOf(ofB)).toEqual(expected.filter((id) => id.endsWith('@B')));
    expect(idsOf(await server.ok('get_results', { batch_id, task_ids: [`${ids[1]}@B`] }))).toEqual([
      `${ids[1]}@B`,
    ]);
  });

  it('overlay what is shared: model or tier, fields, effort, system, schema', async () => {
    const { server, sent } = await started(() => '{"label": "x"}');
    const schema = { type: 'object', properties: { label: { type: 'string' } } };
    await server.ok('submit_batch', {
      requests: [{ task_id: 'a', input_data: { own: 1 } }],
      prompt: '{{tone}} {{own}} {{who}}',
      model: 'claude-opus-5-5',
      system: 'Be brief.',
      input_data: { tone: 'mild', who: 'all' },
      variants: {
        A: {},
        B: { model_tier: 'cheap', effort: 'low', system: 'Be long.', max_tokens: 300 },
        C: { input_data: { tone: 'harsh' }, output_schema: schema },
      },
    });
    expect(sent().map(({ params }) => params)).toMatchObject([
      { model: 'claude-opus-5-5', system: 'Be brief.', messages: [{ content: 'mild 1 all' }] },
      {
        model: 'claude-haiku-5-5',
        system: 'Be long.',
        max_tokens: 300,
        output_config: { effort: 'low' },
        messages: [{ content: 'mild 1 all' }],
      },
      {
        model: 'claude-opus-5-5',
        messages: [{ content: 'harsh 1 all' }],
        output_config: { format: { type: 'json_schema' } },
      },
    ]);
  });

  it('are estimated each, and count rows for a pilot', async () => {
    const { server } = await started();
    const variants = { A: { model_tier: 'cheap' }, B: { model_tier: 'premium' } };
    const work = { ...rows, prompt: '{{text}}', variants, max_tasks: 3 };
    const estimate = await server.ok('estimate_cost', work);
    expect(estimate).toMatchObject({ request_count: 6, matched: { rows: 3 } });
    const [a, b] = estimate.by_variant;
    expect([a, b]).toMatchObject([
      { variant: 'A', request_count: 3 },
      { variant: 'B', request_count: 3 },
    ]);
    expect(b.expected).toBeGreaterThan(a.expected * 10);
    expect(a.expected + b.expected).toBeCloseTo(estimate.cost_usd.expected, 8);
    expect(a.maximum + b.maximum).toBeCloseTo(estimate.cost_usd.maximum, 8);
  });

  it('hand what a pilot has answered on to the whole with one of them, and to the whole with all', async () => {
    const { api, server } = await started();
    const work = { ...rows, variants: prompts };
    const pilot = await server.ok('submit_batch', { ...work, max_tasks: 2 });
    await server.ok('batch_status', { batch_id: pilot.batch_id, wait_seconds: 20 });
    const paid = () => api.creates.reduce((sum, { requests }) => sum + requests.length, 0);
    expect(paid()).toBe(4);
    const estimate = await server.ok('estimate_cost', { ...rows, ...prompts.B });
    expect(estimate).toMatchObject({ reused: { count: 2, batch_id: pilot.batch_id } });
    const better = await server.ok('submit_batch', { ...rows, ...prompts.B });
    expect(better).toMatchObject({ request_count: 4, reused: { count: 2, batch_id: pilot.batch_id } });
    expect(paid()).toBe(6);
    const all = await server.ok('submit_batch', work);
    expect(all).toMatchObject({ request_count: 8, reused: { count: 4, batch_id: pilot.batch_id } });
    expect(paid()).toBe(10);
    for (const { batch_id } of [better, all]) {
      const done = await server.ok('batch_status', { batch_id, wait_seconds: 20 });
      expect(done.outcomes).toMatchObject({ pending: 0, missing: 0 });
    }
    expect(await server.ok('submit_batch', work)).toMatchObject({ batch_id: all.batch_id, duplicate: true });
  });

  it('can be places of the files of single answers', async () => {
    const { server } = await started((request) => messagesText(request));
    const output_pattern = 'out/{{variant}}/{{id}}.txt';
    const { batch_id } = await server.ok('submit_batch', { ...rows, variants: prompts, output_pattern });
    await server.ok('batch_status', { batch_id, wait_seconds: 20 });
    for (const name of ['A', 'B'])
      expect((await readdir(path.join(server.work, 'out', name))).toSorted()).toEqual(
        ['1', '2', '3', '4'].map((id) => `${id}.txt`),
      );
    expect(await readFile(path.join(server.work, 'out/B/2.txt'), 'utf8')).toContain('At length: two');
  });

  it('of the answers of a batch that has not ended are kept until it has', long, async () => {
    const api = await startApi({
      results: (requests) => requests.map((request) => succeeded(request, 'said')),
    });
    const server = await startCheckedServer({ api });
    const first = await server.ok('submit_batch', { requests: ['One?', 'Two?'] });
    const then = await server.ok('submit_batch', { from_batch: first.batch_id, variants: prompts });
    expect(then).toMatchObject({ processing_status: 'waiting' });
    api.endAll();
    await server.ok('batch_status', { batch_id: first.batch_id, wait_seconds: 20 });
    await server.ok('batch_status', { batch_id: then.batch_id, wait_seconds: 5 });
    api.endAll();
    await server.ok('batch_status', { batch_id: then.batch_id, wait_seconds: 20 });
    const { results } = await server.ok('get_results', { batch_id: then.batch_id, detail: 'concise' });
    expect(idsOf({ results })).toEqual(['task_1@A', 'task_1@B', 'task_2@A', 'task_2@B']);
    expect(api.creates[1]?.requests.map(messagesText)).toMatchObject([
      expect.stringContaining('Short: said'),
      expect.stringContaining('At length: said'),
      expect.stringContaining('Short: said'),
      expect.stringContaining('At length: said'),
    ]);
    const { agreement } = await server.ok('get_results', { batch_id: then.batch_id, group_by: 'variant' });
    expect(agreement).toMatchObject([{ key: 'answer', of: 2, agree: 2 }]);
  });

  it('that ask the very same of a row are said', async () => {
    const { server } = await started();
    const variants = { A: { model_tier: 'capable' }, B: {} };
    const { warnings } = await server.ok('estimate_cost', { ...rows, prompt: '{{text}}', variants });
    expect(warnings).toContain('variants A and B ask exactly the same (4 tasks)');
    const shadowed = await server.ok('estimate_cost', { ...rows, prompt: 'Not it', variants: prompts });
    expect(shadowed.warnings.join('\n')).toMatch(/The shared prompt is used by none of the 8 tasks/);
  });
});

const given =
  (args: object): Given =>
  async (server) => {
    await put(server);
    return { ...rows, ...args };
  };

describe('variants that cannot be', () => {
  eachNth<[what: string, given: Given, says: RegExp[], tools?: string[]]>(3, [
    [
      'one alone',
      given({ variants: { A: prompts.A } }),
      [/variants: holds one variant, so there is nothing to compare.*2 to 20/],
    ],
    [
      'an unknown key',
      given({ variants: { ...prompts, C: { promt: 'x' } } }),
      [/variants\.C\.promt: unknown key.*did you mean "prompt"/],
    ],
    [
      'what belongs to all',
      given({ variants: { ...prompts, C: { labels: ['a'] } } }),
      [/variants\.C\.labels: unknown key/],
    ],
    [
      'no settings',
      given({ variants: { ...prompts, C: 'x' } }),
      [/variants\.C: is a string.*an object of settings: prompt, /],
    ],
    [
      'wrong values',
      given({ variants: { A: { model_tier: 'best' }, B: { max_tokens: 0 } } }),
      [/variants\.A\.model_tier: is not one of/, /variants\.B\.max_tokens: /],
    ],
    [
      'a name of other characters',
      given({ variants: { 'a b': prompts.A, B: prompts.B } }),
      [/a variant whose name of 3 characters.*letters, digits/],
    ],
    [
      'equal ones',
      given({ variants: { A: prompts.A, B: prompts.A } }),
      [/variants\.B: asks exactly the same as variants\.A/],
    ],
    [
      'an unknown model',
      given({ variants: { A: prompts.A, B: { ...prompts.B, model: 'gpt-7' } } }),
      [/variants\.B\.model: .*gpt-7/],
    ],
    [
      'an unknown place',
      given({ variants: { A: prompts.A, B: { prompt: '{{txt}}' } } }),
      [/variants\.B\.prompt: the place {{txt}} names no column.*did you mean "text"/],
    ],
    [
      'an effort that its model has not',
      given({ effort: 'low', variants: { A: prompts.A, B: { ...prompts.B, model: 'claude-haiku-4-5' } } }),
      [/variants\.B\.effort: claude-haiku-4-5/],
    ],
    [
      'a prompt of one alone',
      given({ variants: { A: prompts.A, B: {} } }),
      [/variants\.B\.prompt: is missing/],
    ],
    [
      'what is shared and wrong, once',
      given({ prompt: '{{nope}}', variants: { A: {}, B: { effort: 'low' } } }),
      [/\n\W*prompt: the place {{nope}}/],
    ],
    [
      'native requests',
      {
        requests: [
          {
            custom_id: 'a',
            params: { model: 'claude-haiku-5-5', max_tokens: 9, messages: [{ role: 'user', content: 'x' }] },
          },
        ],
        variants: { A: {}, B: { effort: 'low' } },
      },
      [/params: is sent as it is, so no variant would change it/],
    ],
    [
      'tasks that set the same',
      {
        requests: [{ task_id: 'a', prompt: 'Own', model_tier: 'cheap', input_data: { k: 1 } }],
        variants: { A: { model: 'opus' }, B: { prompt: 'x', input_data: { k: 2 } } },
      },
      [
        /model_tier: is set by the task itself, so that of variants\.A/,
        /prompt: is set by the task itself, so that of variants\.B/,
        /input_data\.k: is set by the task itself/,
      ],
    ],
    [
      'an id too long',
      { requests: [{ task_id: 'i'.repeat(255), prompt: 'x' }], variants: { A: {}, B: { effort: 'low' } } },
      [/task_id: has 257 characters with @A appended.*at most 256/],
    ],
    [
      'one name for two files',
      given({ variants: prompts, output_pattern: 'o/{{id}}.md' }),
      [/output_pattern: gives the answers of all variants the same name.*{{variant}}/],
      ['submit_batch'],
    ],
    [
      'a key that one does not answer',
      given({
        variants: {
          A: {
            ...prompts.A,
            output_schema: { type: 'object', properties: { label: {} }, additionalProperties: false },
          },
          B: {
            ...prompts.B,
            output_schema: { type: 'object', properties: { other: {} }, additionalProperties: false },
          },
        },
        expect: { label: 'right' },
      }),
      [/expect: "label" is not a key of the answers/],
    ],
  ])('%s', async (_what, work, says, tools) => {
    const text = await refusalOf(work, {}, tools);
    for (const part of says) expect(text).toMatch(part);
  });
});
