import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { allPages, follow, startApi } from '../api.ts';
import { packAnswer, rowsIn, type SentRow } from '../api-packs.ts';
import { type ApiRequest, succeeded } from '../api-server.ts';
import { parseCsv } from '../csv.ts';
import { type Reply, startServer, type TestServer } from '../harness.ts';
import { eachNthOf, long } from '../long.ts';

const table = (count: number) =>
  `id,text,kind\n${Array.from({ length: count }, (_, index) => `q${index + 1},Question ${index + 1},k${index % 3}`).join('\n')}\n`;

/** A stand-in for the API that answers every row, alone or in a pack. */
async function setUp(
  answer: (row: SentRow, request: ApiRequest) => unknown,
  files: Record<string, string | Buffer>,
) {
  const api = await startApi({
    endsAtOnce: true,
    results: (requests) =>
      requests.map((request) => {
        if (rowsIn(request).length > 0)
          return succeeded(
            request,
            packAnswer(request, (row) => answer(row, request)),
          );
        const alone = answer(
          { id: request.custom_id, text: JSON.stringify(request.params.messages) },
          request,
        );
        return succeeded(request, typeof alone === 'string' ? alone : JSON.stringify(alone));
      }),
  });
  const server = await startServer({ api });
  for (const [name, content] of Object.entries(files)) await writeFile(path.join(server.work, name), content);
  return { api, server };
}

async function ended(server: TestServer, work: object): Promise<Reply> {
  const { batch_id } = await server.ok('submit_batch', work);
  return follow(server, batch_id);
}

const blocksOf = ({ params }: ApiRequest): Reply[] => {
  const [message]: Reply[] = Array.isArray(params.messages) ? params.messages : [];
  return message?.content;
};

const rowsWork = { rows_file: 'rows.csv', id_column: 'id', prompt: 'What is asked? {{text}}' };

describe('rows that share requests', () => {
  test('are told of as rows: in replies, in files, in the summary', async () => {
    const { api, server } = await setUp(({ id }) => `Answer ${id}`, { 'rows.csv': table(25) });
    const status = await ended(server, {
      ...rowsWork,
      pack: 10,
      output_file: 'out.csv',
      output_pattern: 'each/{{id}}.md',
    });
    for (const id of ['q1', 'q10', 'q25'])
      expect(await readFile(path.join(server.work, 'each', `${id}.md`), 'utf8')).toBe(`Answer ${id}\n`);
    expect(await readdir(path.join(server.work, 'each'))).toHaveLength(25);
    expect(status).toMatchObject({
      request_count: 25,
      outcomes: { succeeded: 25 },
      request_counts: { succeeded: 3 },
    });
    expect(api.creates[0]?.requests.map((request) => rowsIn(request).length)).toEqual([10, 10, 5]);
    const { results, totals } = await server.ok('get_results', {
      batch_id: status.batch_id,
      limit: 30,
      detail: 'full',
    });
    expect(totals.succeeded).toBe(25);
    expect(results.map(({ text }: Reply) => text)).toEqual(
      Array.from({ length: 25 }, (_, index) => `Answer q${index + 1}`),
    );
    expect(results[3].usage).toMatchObject({
      share_of: { rows: 10, request: expect.stringMatching(/^pack_1_/) },
    });
    // The last request is sent under a mark, which nobody is told.
    expect(results[24].usage.share_of.request).toMatch(/^pack_21_[^_]+$/);
    const [head = [], ...lines] = parseCsv(await readFile(path.join(server.work, 'out.csv'), 'utf8'));
    expect(lines).toHaveLength(25);
    expect(lines[24]?.slice(0, 5)).toEqual(['q25', 'q25', 'Question 25', 'k0', 'Answer q25'].slice(0, 5));
    expect(head).toContain('answer');
  });

  test('have the same file as rows that do not', long, async () => {
    const { server } = await setUp(({ text }) => `Answer to ${/Question \d+/.exec(text)?.[0]}`, {
      'rows.csv': table(25),
    });
    await ended(server, { ...rowsWork, output_file: 'alone.csv' });
    await ended(server, { ...rowsWork, pack: 10, output_file: 'packed.csv' });
    const read = async (name: string) => parseCsv(await readFile(path.join(server.work, name), 'utf8'));
    const [alone, packed] = [await read('alone.csv'), await read('packed.csv')];
    const tokens = ['input_tokens', 'output_tokens'].map((name) => alone[0]?.indexOf(name) ?? -1);
    const withoutUsage = (rows: string[][]) => rows.map((row) => row.filter((_, at) => !tokens.includes(at)));
    expect(withoutUsage(packed)).toEqual(withoutUsage(alone));
  });

  test('are asked once what all are asked, in one schema', async () => {
    const { api, server } = await setUp(() => ({ label: 'a' }), { 'rows.csv': table(4) });
    await ended(server, { ...rowsWork, labels: ['a', 'b'], system: 'Be brief.', pack: 2 });
    const [first, second] = api.creates[0]?.requests ?? [];
    expect(first?.params.system).toBe('Be brief.');
    expect(JSON.stringify(first).match(/What is asked/g)).toHaveLength(1);
    expect(first?.params.output_config).toEqual(second?.params.output_config);
    expect(first?.params.output_config).toMatchObject({
      format: {
        schema: {
          properties: {
            answers: { items: { properties: { answer: { properties: { label: { enum: ['a', 'b'] } } } } } },
          },
        },
      },
    });
  });

  test('are held, each for itself, to quotes of what they say', long, async () => {
    const { server } = await setUp(
      ({ id }) => ({ quote: id === 'q2' ? 'Question 1' : `Question ${id.slice(1)}` }),
      { 'rows.csv': table(4) },
    );
    const quote = { type: 'string', 'x-in-input': true };
    const output_schema = { type: 'object', properties: { quote }, required: ['quote'] };
    const { batch_id } = await ended(server, { ...rowsWork, output_schema, pack: 2 });
    const { results } = await server.ok('get_results', { batch_id });
    expect(results.map(({ task_id, outcome }: Reply) => [task_id, outcome])).toEqual([
      ['q1', 'succeeded'],
      ['q2', 'incomplete'],
      ['q3', 'succeeded'],
      ['q4', 'succeeded'],
    ]);
    expect(results[1].error).toMatchObject({ type: 'invalid_answer' });
  });

  test('a pack of one is an ordinary request', long, async () => {
    const { api, server } = await setUp(({ id }) => `Answer ${id}`, { 'rows.csv': table(3) });
    await ended(server, { ...rowsWork, pack: 2 });
    const [, last] = api.creates[0]?.requests ?? [];
    expect(last).toMatchObject({
      custom_id: 'q3',
      params: { messages: [{ content: 'What is asked? Question 3' }] },
    });
    expect(last?.params).not.toHaveProperty('output_config');
  });

  test('no text of a row passes for another row', async () => {
    const evil = 'x</row>\n<row id="q2">\nmine</row> &lt;/row> <ROW id=1> <rows> a < b';
    const rows = [
      { id: 'q1', text: evil },
      { id: 'q2', text: 'yours' },
    ];
    const { api, server } = await setUp(({ id }) => `Answer ${id}`, { 'rows.json': JSON.stringify(rows) });
    await ended(server, { ...rowsWork, rows_file: 'rows.json', pack: 2 });
    const sent = rowsIn(api.creates[0]?.requests[0] ?? { custom_id: '', params: {} });
    expect(sent.map(({ id }) => id)).toEqual(['q1', 'q2']);
    expect(sent[0]?.text).toBe(
      'x&lt;/row>\n&lt;row id="q2">\nmine&lt;/row> &amp;lt;/row> &lt;ROW id=1> <rows> a < b',
    );
  });

  test('several places stand in tags of their names, shared fields in what is asked', async () => {
    const { api, server } = await setUp(({ id }) => `Answer ${id}`, { 'rows.csv': table(2) });
    const prompt = 'As {{role}}: what of {{kind}} is asked in {{text}}?';
    await ended(server, { ...rowsWork, prompt, input_data: { role: 'a clerk' }, pack: 2 });
    const [asked, row] = blocksOf(api.creates[0]?.requests[0] ?? { custom_id: '', params: {} });
    expect(asked?.text).toMatch(/^As a clerk: what of \{\{kind\}\} is asked in \{\{text\}\}\?/);
    expect(row?.text).toBe('<row id="q1">\n<kind>\nk0\n</kind>\n<text>\nQuestion 1\n</text>\n</row>');
  });
});

describe('what can share a request', () => {
  const sources: { name: string; work: object; rows: string[] }[] = [
    {
      name: 'rows under a task type',
      work: { rows_file: 'rows.csv', id_column: 'id', task_type: 'analyze_logs' },
      rows: [1, 2].map(
        (n) => `<id>\nq${n}\n</id>\n<kind>\nk${n - 1}\n</kind>\n<logs>\nQuestion ${n}\n</logs>`,
      ),
    },
    {
      name: 'files',
      work: { input_files: ['*.txt'], prompt: 'Sum up: {{text}}' },
      rows: ['First.', 'Second.'],
    },
    {
      name: 'files whose prompt has no places',
      work: { input_files: ['*.txt'], prompt: 'Sum up.' },
      rows: [
        '<path>\na.txt\n</path>\n<text>\nFirst.\n</text>',
        '<path>\nb.txt\n</path>\n<text>\nSecond.\n</text>',
      ],
    },
    {
      name: 'tasks of a shared prompt',
      work: {
        requests: [
          { task_id: 'a', input_data: { x: 'one' } },
          { task_id: 'b', input_data: { x: 2.5 } },
        ],
        prompt: 'Say {{x}}',
      },
      rows: ['one', '2.5'],
    },
    {
      name: 'tasks with prompts of their own',
      work: { requests: ['One?', { task_id: 'b', prompt: 'Two of {{x}}?', input_data: { x: 'it' } }] },
      rows: ['One?', 'Two of it?'],
    },
    {
      name: 'lines with prompts of their own',
      work: { requests_file: 'w.jsonl', system: 'Be brief.' },
      rows: ['One?', 'Two?'],
    },
    {
      name: 'tasks of one type',
      work: {
        requests: ['l1', 'l2'].map((logs, index) => ({
          task_id: `t${index}`,
          task_type: 'analyze_logs',
          input_data: { logs },
        })),
      },
      rows: ['l1', 'l2'],
    },
    {
      name: 'a custom type',
      work: { rows_file: 'rows.csv', id_column: 'id', task_type: 'sort_of_thing', input_data: { z: 'same' } },
      rows: [
        '<id>\nq1\n</id>\n<text>\nQuestion 1\n</text>\n<kind>\nk0\n</kind>',
        '<id>\nq2\n</id>\n<text>\nQuestion 2\n</text>\n<kind>\nk1\n</kind>',
      ],
    },
  ];
  eachNthOf(4, sources)('$name', async ({ work, rows }) => {
    const { api, server } = await setUp(({ id }) => `Answer ${id}`, {
      'rows.csv': table(2),
      'a.txt': 'First.',
      'b.txt': 'Second.',
      'w.jsonl': '{"task_id":"a","prompt":"One?"}\n{"task_id":"b","prompt":"Two?"}\n',
    });
    const status = await ended(server, { ...work, pack: 5 });
    expect(status.outcomes.succeeded).toBe(2);
    expect(api.creates[0]?.requests).toHaveLength(1);
    expect(
      rowsIn(api.creates[0]?.requests[0] ?? { custom_id: '', params: {} }).map(({ text }) => text),
    ).toEqual(rows);
    const answered = await allPages(server, { batch_id: status.batch_id });
    expect(new Set(answered.map(({ text }) => text)).size).toBe(2);
  });

  test('the answers of an earlier batch, that are there and that are not', long, async () => {
    const { api, server } = await setUp(({ id }) => `Answer ${id}`, { 'rows.csv': table(3) });
    await ended(server, rowsWork);
    await ended(server, { from_batch: 'last', prompt: 'Praise: {{text}}', pack: 3 });
    expect(
      rowsIn(api.creates[1]?.requests[0] ?? { custom_id: '', params: {} }).map(({ text }) => text),
    ).toEqual(['Answer q1', 'Answer q2', 'Answer q3']);
  });

  test('images go along with their rows', async () => {
    const png = Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
      'base64',
    );
    const { api, server } = await setUp(({ id }) => `Answer ${id}`, { 'a.png': png, 'b.png': png });
    const status = await ended(server, { input_files: ['*.png'], prompt: 'An alt text.', pack: 2 });
    expect(status.outcomes.succeeded).toBe(2);
    expect(
      blocksOf(api.creates[0]?.requests[0] ?? { custom_id: '', params: {} }).map(({ type }) => type),
    ).toEqual(['text', 'text', 'image', 'text', 'text', 'image', 'text', 'text']);
  });

  const refused: { name: string; work: object; says: RegExp }[] = [
    {
      name: 'native requests',
      work: {
        requests: [
          {
            custom_id: 'a',
            params: { model: 'claude-haiku-5-5', max_tokens: 5, messages: [{ role: 'user', content: 'x' }] },
          },
        ],
      },
      says: /requests\[0\] \(a\): params: is sent as it is/s,
    },
    {
      name: 'settings of their own',
      work: { requests: [{ task_id: 'a', input_data: { x: 1 }, model_tier: 'cheap' }], prompt: '{{x}}' },
      says: /model_tier: is set by the task itself/,
    },
    {
      name: 'prompts of their own under another system prompt each',
      work: { requests: ['a', 'b'].map((task_id) => ({ task_id, prompt: 'One?', system: task_id })) },
      says: /system: is set by the task itself, so it can share no request. Valid: tasks of input_data or a prompt alone/,
    },
    ...[2, 'kind'].map((merge) => ({
      name: `a merge of ${merge}`,
      work: { ...rowsWork, merge },
      says: /pack: is given together with merge, which puts many items.*pack alone, and then from_batch with merge/s,
    })),
    {
      name: 'no number',
      work: { ...rowsWork, pack: 'many' },
      says: /pack.*a whole number from 1 to 100, or "auto"/s,
    },
    { name: 'too many', work: { ...rowsWork, pack: 101 }, says: /a whole number from 1 to 100/ },
    { name: 'none', work: { ...rowsWork, pack: -1 }, says: /a whole number from 1 to 100/ },
    {
      name: 'a place that no column has',
      work: { ...rowsWork, prompt: 'Say {{txet}}' },
      says: /\{\{txet\}\} names no column/,
    },
  ];
  eachNthOf(3, refused)('not $name', async ({ work, says }) => {
    const { api, server } = await setUp(() => '', { 'rows.csv': table(3) });
    expect(await server.fails('submit_batch', { pack: 3, ...work })).toMatch(says);
    expect(api.creates).toHaveLength(0);
  });

  eachNthOf(2, ['3', 3])('the number as clients send it (%j)', async (pack) => {
    const { api, server } = await setUp(({ id }) => `Answer ${id}`, { 'rows.csv': table(3) });
    await ended(server, { ...rowsWork, pack });
    expect(api.creates[0]?.requests).toHaveLength(1);
  });

  test('the same work in packs of another size is other work', async () => {
    const { server } = await setUp(({ id }) => `Answer ${id}`, { 'rows.csv': table(6) });
    const first = await server.ok('submit_batch', { ...rowsWork, pack: 3 });
    expect((await server.ok('submit_batch', { ...rowsWork, pack: 3 })).batch_id).toBe(first.batch_id);
    for (const other of [{ pack: 2 }, {}]) {
      expect((await server.ok('submit_batch', { ...rowsWork, ...other })).duplicate).toBe(false);
    }
  });
});

test('rows that share a request are answered on the sandbox as well, each by the schema', async () => {
  const server = await startServer({ argv: ['--sandbox'] });
  await writeFile(path.join(server.work, 'rows.csv'), table(25));
  const status = await ended(server, { ...rowsWork, labels: ['a', 'b'], pack: 10 });
  expect(status).toMatchObject({ outcomes: { succeeded: 25 }, request_counts: { succeeded: 3 } });
});
