import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { startApi, startCheckedServer } from '../api.ts';
import { type ApiRequest, errored, succeeded } from '../api-server.ts';
import { parseCsv } from '../csv.ts';
import type { TestServer } from '../harness.ts';
import { eachNth, long } from '../long.ts';

type Done = { server: TestServer; batch_id: string; out: (name: string) => Promise<string> };

/** A batch of these files' rows, ended with these answers. */
async function done(
  files: Record<string, string | Buffer>,
  args: Record<string, unknown>,
  results: (requests: ApiRequest[]) => object[],
): Promise<Done> {
  const api = await startApi({ results });
  const server = await startCheckedServer({ api });
  for (const [name, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(server.work, name)), { recursive: true });
    await writeFile(path.join(server.work, name), content);
  }
  const { batch_id } = await server.ok('submit_batch', args);
  api.endAll();
  await server.ok('batch_status', { batch_id, wait_seconds: 20 });
  const out = async (name: string) => {
    await server.ok('get_results', { batch_id, output_file: name });
    return readFile(path.join(server.work, name), 'utf8');
  };
  return { server, batch_id, out };
}

const schema = { type: 'object', properties: { label: { type: 'string' } } };

it('a CSV repeats the columns of the rows, and has one for each key of the answers', async () => {
  const { server, out } = await done(
    { 'rows.csv': 'id,text,label,model\n007,"=1+1, you",old,x\n1234567890123456789,-5,,y\n3,z,,z\n' },
    { rows_file: 'rows.csv', id_column: 'id', prompt: '{{text}}', output_schema: schema },
    ([a, b, c]) =>
      a && b && c
        ? [
            succeeded(b, '{"label":"@b","score":100.10,"big":12345678901234567890}'),
            succeeded(a, '{"label":"a","why":{"x":[1.0]}}'),
            errored(c, 'api_error', 'Oh.'),
          ]
        : [],
  );
  // What the batch keeps is written, whatever has become of the file.
  await rm(path.join(server.work, 'rows.csv'));
  const rows = parseCsv(await out('out.csv'));
  const about = ['outcome', 'error_type', 'error_message', 'batch.model', 'input_tokens', 'output_tokens'];
  expect(rows).toEqual([
    ['task_id', 'id', 'text', 'label', 'model', 'answer.label', 'why', 'score', 'big', ...about],
    [
      '007',
      '007',
      "'=1+1, you",
      'old',
      'x',
      'a',
      '{"x":[1.0]}',
      '',
      '',
      'succeeded',
      '',
      '',
      'claude-sonnet-5-5',
      '10',
      '5',
    ],
    [
      '1234567890123456789',
      '1234567890123456789',
      '-5',
      '',
      'y',
      "'@b",
      '',
      '100.10',
      '12345678901234567890',
      'succeeded',
      '',
      '',
      'claude-sonnet-5-5',
      '10',
      '5',
    ],
    ['3', '3', 'z', '', 'z', '', '', '', '', 'errored', 'api_error', 'Oh.', '', '', ''],
  ]);
});

eachNth<[what: string, columns: string[], answer: string, head: string[]]>(12, [
  [
    'a key of the row, and the name that it then gets too',
    ['label', 'answer.label'],
    '{"label":"a"}',
    ['task_id', 'label', 'answer.label', 'answer.answer.label'],
  ],
  [
    'two keys of the answer that would get one name',
    ['label'],
    '{"label":"a","answer.label":"b"}',
    ['task_id', 'label', 'answer.label', 'answer.answer.label'],
  ],
  [
    'names of ours, which the row and the answer have',
    ['task_id', 'batch.task_id', 'outcome'],
    '{"outcome":"a","model":"b"}',
    [
      'batch.batch.task_id',
      'task_id',
      'batch.task_id',
      'outcome',
      'answer.outcome',
      'model',
      'batch.outcome',
    ],
  ],
])('no two columns have one name: %s', async (_what, columns, answer, head) => {
  const { out } = await done(
    { 'rows.csv': `${columns.join(',')}\n${columns.map(() => 'x').join(',')}\n` },
    { rows_file: 'rows.csv', prompt: 'x', output_schema: { type: 'object' } },
    (requests) => requests.map((request) => succeeded(request, answer)),
  );
  const [names = [], cells] = parseCsv(await out('out.csv'));
  expect(names.slice(0, head.length)).toEqual(head);
  expect(new Set(names).size).toBe(names.length);
  expect(cells).toHaveLength(names.length);
  // Nothing of the row is lost in an object either.
  const line = JSON.parse(await out('out.jsonl'));
  for (const name of columns) expect(line[name]).toBe('x');
  expect(line).toMatchObject(Object.fromEntries(head.slice(1).map((name) => [name, expect.anything()])));
});

it('no two columns have one name: variants', long, async () => {
  const { out } = await done(
    { 'rows.csv': 'A.label,answer.A.label\nx,y\n' },
    {
      rows_file: 'rows.csv',
      prompt: 'x',
      output_schema: { type: 'object' },
      variants: { A: { prompt: 'a' }, B: { prompt: 'b' } },
    },
    (requests) => requests.map((request) => succeeded(request, '{"label":"a"}')),
  );
  const [names = []] = parseCsv(await out('out.csv'));
  expect(names.slice(0, 4)).toEqual(['task_id', 'A.label', 'answer.A.label', 'answer.answer.A.label']);
  expect(JSON.parse(await out('out.jsonl'))).toMatchObject({
    'A.label': 'x',
    'answer.A.label': 'y',
    'answer.answer.A.label': 'a',
    'B.label': 'a',
  });
});

it('JSON and JSON lines repeat them too, every number as it was written', async () => {
  const { out } = await done(
    { 'rows.json': '[{"sku":12345678901234567890,"price":100.10,"label":null,"error":"mine"}]' },
    { rows_file: 'rows.json', prompt: '{{sku}}', output_schema: schema },
    (requests) => requests.map((request) => succeeded(request, '{"label":"a","p":5.0}')),
  );
  const [line = ''] = (await out('out.jsonl')).split('\n');
  expect(line).toMatch(
    /^\{"sku":12345678901234567890,"price":100\.10,"label":null,"error":"mine","answer\.label":"a","p":5\.0,"task_id":"row_1","outcome":"succeeded"/,
  );
  const [element] = JSON.parse(await out('out.json'));
  expect(element).toMatchObject({
    price: 100.1,
    'answer.label': 'a',
    error: 'mine',
    'batch.error': null,
    success: true,
  });
  expect(await out('out2.json')).toContain('"price":100.10');
});

it('a text stands beside its row as it came, wherever it is repeated', async () => {
  const text = 'One "text",\nanswer-text-0 \u2028 \ud83d\ude00';
  const { out } = await done(
    { 'rows.csv': 'id,n\na,1\nb,2\n' },
    { rows_file: 'rows.csv', id_column: 'id', prompt: '{{n}}' },
    (requests) => requests.map((request) => succeeded(request, `${text} of ${request.custom_id}`)),
  );
  const elements = JSON.parse(await out('out.json'));
  const lines = (await out('out.jsonl'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  for (const [index, id] of ['a', 'b'].entries()) {
    const answer = `${text} of ${id}`;
    expect(elements[index]).toMatchObject({ id, answer, output: { content: answer } });
    expect(lines[index]).toMatchObject({ id, answer });
  }
});

it('texts and tool calls stand in one column, files under their path', long, async () => {
  const { out } = await done(
    { 'a/b.txt': 'one', 'c.txt': 'two' },
    { input_files: ['**/*.txt'], prompt: 'x' },
    ([a, b]) =>
      a && b
        ? [
            succeeded(a, 'A text.'),
            succeeded(b, '', { content: [{ type: 'tool_use', id: 't', name: 'extract', input: { n: 1 } }] }),
          ]
        : [],
  );
  const rows = parseCsv(await out('out.csv')).map((row) => row.slice(0, 4));
  expect(rows[0]).toEqual(['task_id', 'path', 'answer', 'outcome']);
  expect(rows[1]).toEqual(['a/b.txt', 'a/b.txt', 'A text.', 'succeeded']);
  expect(rows[2]?.slice(0, 2)).toEqual(['c.txt', 'c.txt']);
  expect(JSON.parse(rows[2]?.[2] ?? '')).toMatchObject([{ name: 'extract', input: { n: 1 } }]);
});

it('JSON rows of different keys have one column each in all', long, async () => {
  const { out } = await done(
    { 'rows.jsonl': '{"a":1}\n{"b":{"c":2.50}}\n' },
    { rows_file: 'rows.jsonl', prompt: 'x' },
    (requests) => requests.map((request) => succeeded(request, 'ok')),
  );
  expect(parseCsv(await out('out.csv')).map((row) => row.slice(0, 4))).toEqual([
    ['task_id', 'a', 'b', 'answer'],
    ['row_1', '1', '', 'ok'],
    ['row_2', '', '{"c":2.50}', 'ok'],
  ]);
});

it.each<[of: string, table: string | Buffer, head: string, line: string]>([
  ['a mark and semicolons', '\u{feff}nr;text\r\n1;Grüße\r\n', '\u{feff}task_id;nr;text;', 'row_1;1;Grüße;'],
  ['semicolons', 'nr;text\n1;a,b\n', 'task_id;nr;text;', 'row_1;1;a,b;'],
  [
    'UTF-16 and tabs',
    Buffer.from('\u{feff}nr\ttext\n1\ta;b\n', 'utf16le'),
    '\u{feff}task_id,nr,text,',
    'row_1,1,a;b,',
  ],
  ['none of these', 'nr,text\n1,"a;b"\n', 'task_id,nr,text,', 'row_1,1,a;b,'],
])('a CSV opens as its table does, which has %s', async (_of, table, head, line) => {
  const { out } = await done({ 't.csv': table }, { rows_file: 't.csv', prompt: '{{text}}' }, (all) =>
    all.map((request) => succeeded(request, 'Said; and, done')),
  );
  const text = await out('out.csv');
  expect(text.startsWith(head)).toBe(true);
  expect(text.split('\n')[1]).toContain(line);
});

it.each<[of: string, table: string, ending: string]>([
  ['a return and a newline', 'nr,text\r\n1,a\r\n', '\r\n'],
  ['both, but not within its cells', 'nr,"text\nlong"\r\n1,"a\nb"\r\n', '\r\n'],
  ['a return and a newline below what separates them', 'sep=,\r\nnr,text\r\n1,a\r\n', '\r\n'],
  ['a newline', 'nr,text\n1,"a\r\nb"\n', '\n'],
  ['a return, as an old Mac wrote them', 'nr,text\r1,a\r', '\n'],
])('lines of a CSV end as those of its table do: with %s', async (_of, table, ending) => {
  const { out } = await done({ 't.csv': table }, { rows_file: 't.csv', prompt: 'x' }, (all) =>
    all.map((request) => succeeded(request, 'One\nTwo\rThree')),
  );
  const text = await out('out.csv');
  const unquoted = text.replace(/"[^"]*"/g, '');
  expect(unquoted.match(/\r\n|\r|\n/g)).toEqual([ending, ending]);
  expect(parseCsv(text)[1]).toContain('One\nTwo\rThree');
});

it('a CSV of groups of rows opens as their table does', async () => {
  const work = { rows_file: 't.csv', prompt: '{{items}}', merge: 'of' };
  const { out } = await done({ 't.csv': '\u{feff}of;text\na;1\na;2\n' }, work, (all) =>
    all.map((request) => succeeded(request, 'Both')),
  );
  expect(await out('out.csv')).toMatch(/^\u{feff}task_id;of;count;answer;.*\na;a;2;Both;/u);
});

it('a CSV has no column for answers that were declined without a word', async () => {
  const declined = { content: [], stop_reason: 'refusal' };
  const work = { rows_file: 't.csv', prompt: '{{answer}}', output_schema: schema };
  const { out } = await done({ 't.csv': 'answer\na\nb\n' }, work, ([a, b]) =>
    a && b ? [succeeded(a, '{"label":"x"}'), succeeded(b, '', declined)] : [],
  );
  const [head, , second] = parseCsv(await out('out.csv'));
  expect(head?.slice(0, 4)).toEqual(['task_id', 'answer', 'label', 'outcome']);
  expect(second?.slice(0, 4)).toEqual(['row_2', 'b', '', 'incomplete']);
});
