import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { startApi, startCheckedServer } from '../api.ts';
import { type ApiRequest, succeeded } from '../api-server.ts';
import { parseCsv } from '../csv.ts';
import { spawnServer, type TestServer } from '../harness.ts';
import { eachNth, long } from '../long.ts';

type Ended = { server: TestServer; batch_id: string; read: (name: string) => Promise<string> };

async function ended(
  files: Record<string, string>,
  args: object,
  results: (requests: ApiRequest[]) => object[],
): Promise<Ended> {
  const api = await startApi({ results });
  const server = await startCheckedServer({ api });
  for (const [name, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(server.work, name)), { recursive: true });
    await writeFile(path.join(server.work, name), content);
  }
  const { batch_id } = await server.ok('submit_batch', { prompt: 'x {{text}}', ...args });
  api.endAll();
  await server.ok('batch_status', { batch_id, wait_seconds: 20 });
  return { server, batch_id, read: (name) => readFile(path.join(server.work, name), 'utf8') };
}

const answers = (texts: (string | null)[]) => (requests: ApiRequest[]) =>
  requests.map((request, index) => {
    const text = texts[index] ?? null;
    return text === null
      ? succeeded(request, 'half', { stop_reason: 'max_tokens' })
      : succeeded(request, text);
  });

it('each finished answer gets a file beside its source, code alone, and what is left is counted', async () => {
  const sources = Object.fromEntries(
    ['a', 'b', 'c', 'd', 'e'].map((name) => [`src/${name}.js`, `// ${name}`]),
  );
  const said = [
    '```js\nlet a;\n```',
    'Here it is:\n\n```js\nlet b;\n```\n\n- and a note',
    'let c;',
    null,
    '```js\n1\n```\n```js\n2\n```',
  ];
  const { server, batch_id, read } = await ended(
    sources,
    { input_files: ['src/*.js'], output_pattern: '{{dir}}/{{stem}}.test.js' },
    answers(said),
  );
  expect((await readdir(path.join(server.work, 'src'))).filter((name) => name.includes('test'))).toEqual([
    'a.test.js',
    'b.test.js',
    'c.test.js',
  ]);
  expect([await read('src/a.test.js'), await read('src/b.test.js'), await read('src/c.test.js')]).toEqual([
    'let a;\n',
    'let b;\n',
    'let c;\n',
  ]);
  const told = await server.ok('batch_status', { batch_id });
  expect(told.answer_files).toMatchObject({
    written: 3,
    code_only: 1,
    left: [
      { why: 'there is no finished answer', count: 1 },
      { why: 'the answer has more than one block of code', count: 1, sample_task_ids: [expect.any(String)] },
    ],
  });
  expect(told.warnings.join('\n')).toContain('1 answer got no file of its own: there is no finished answer');
});

const FENCE = '```';
eachNth<[what: string, said: string, file: string | null, warning?: RegExp]>(3, [
  ['a block that is never closed', `${FENCE}js\nlet a;\n`, 'let a;\n'],
  ['one behind words', `Here:\n\n${FENCE}js\nlet a;`, 'let a;\n', /said more than the code/],
  [
    'a block that is set in',
    `1. Do:\n\n   ${FENCE}js\n   if (x) {\n     y;\n   }\n   ${FENCE}`,
    'if (x) {\n  y;\n}\n',
    /said more/,
  ],
  ['a block that holds a fence by itself', `${FENCE}js\nconst s = \`\n${FENCE}\n\`;\n${FENCE}`, null],
  [
    'words alone',
    "I'm sorry, but this file is empty.",
    "I'm sorry, but this file is empty.\n",
    /^1 file of code holds words, as its answer had no block of code: "row_1"\./,
  ],
  ['words before code', 'Sure! Here it is:\n\nlet a;', 'Sure! Here it is:\n\nlet a;\n', /holds words/],
  [
    'words behind code',
    'let a;\n\nThis declares a variable.',
    'let a;\n\nThis declares a variable.\n',
    /holds words/,
  ],
  ['code alone', '// It declares.\nlet a;', '// It declares.\nlet a;\n'],
  ['code that reads a little like words', 'class Foo extends Bar {\n}', 'class Foo extends Bar {\n}\n'],
])('a file of code from %s', async (_what, said, file, warning) => {
  const { server, batch_id, read } = await ended(
    { 't.csv': 'text\na\n' },
    { rows_file: 't.csv', output_pattern: 'out/{{text}}.js' },
    answers([said]),
  );
  const { warnings } = await server.ok('batch_status', { batch_id });
  if (file !== null) expect(await read('out/a.js')).toBe(file);
  else expect(warnings.join()).toContain('more than one block of code');
  if (file !== null) expect(warnings).toEqual(warning === undefined ? [] : [expect.stringMatching(warning)]);
});

it('a document in a fence that holds blocks of code with their language is one block', async () => {
  const said = `${FENCE}markdown\n# A\n\n${FENCE}js\nlet a;\n${FENCE}\n\nMore.\n${FENCE}`;
  const { read } = await ended(
    { 't.csv': 'text\na\n' },
    { rows_file: 't.csv', output_pattern: 'out/{{text}}.md' },
    answers([said]),
  );
  expect(await read('out/a.md')).toBe(`# A\n\n${FENCE}js\nlet a;\n${FENCE}\n\nMore.\n`);
});

it('says while the files are written that they are, and writes many at a time', long, async () => {
  const api = await startApi();
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  let waiting = 0;
  const server = await startCheckedServer({
    api,
    store: (real) => ({
      ...real,
      writtenFile(file) {
        const register = real.writtenFile(file);
        return {
          ...register,
          async update(change) {
            waiting += 1;
            await gate;
            return register.update(change);
          },
        };
      },
    }),
  });
  const requests = Array.from({ length: 40 }, (_, index) => ({
    task_id: `t${index}`,
    prompt: `say ${index}`,
  }));
  const { batch_id } = await server.ok('submit_batch', { requests, output_pattern: 'out/{{task_id}}.md' });
  api.endAll();
  const told = await server.ok('batch_status', { batch_id, wait_seconds: 1 });
  expect(told).toMatchObject({ processing_status: 'ended', results_state: 'saved' });
  expect(told.check_again_in_seconds).toBe(5);
  expect(told.next_step).toContain('the files that were asked for are being written');
  expect((await server.ok('get_results', { batch_id })).next_step).toContain('are being written');
  expect(waiting).toBe(16);
  open();
  const done = await server.ok('batch_status', { batch_id, wait_seconds: 20 });
  expect(done).toMatchObject({ answer_files: { written: 40, left: [] }, check_again_in_seconds: 0 });
  expect(await readdir(path.join(server.work, 'out'))).toHaveLength(40);
});

it('files of one key, and a table of the whole answers beside them', async () => {
  const { server, read } = await ended(
    { 'essays/x.txt': 'An essay.', 'essays/y.txt': 'Another.' },
    {
      input_files: ['essays'],
      output_schema: {
        type: 'object',
        properties: { grade: { type: 'number' }, feedback: { type: 'string' } },
      },
      output_pattern: 'feedback/{{stem}}.md',
      output_key: 'feedback',
      output_file: 'grades.csv',
    },
    answers(['{"grade":2.50,"feedback":"Good."}', '{"grade":1}']),
  );
  expect(await read('feedback/x.md')).toBe('Good.\n');
  expect(await readdir(path.join(server.work, 'feedback'))).toEqual(['x.md']);
  expect(parseCsv(await read('grades.csv')).map((row) => row.slice(0, 4))).toEqual([
    ['task_id', 'path', 'grade', 'feedback'],
    ['essays/x.txt', 'essays/x.txt', '2.50', 'Good.'],
    ['essays/y.txt', 'essays/y.txt', '1', ''],
  ]);
});

it('a key that holds a list is a line per entry, and every task is there', async () => {
  const { server, batch_id, read } = await ended(
    { 't.csv': 'id,text\n001,a\n002,b\n003,c\n004,d\n' },
    {
      rows_file: 't.csv',
      id_column: 'id',
      output_schema: { type: 'object' },
      output_file: 'codes.csv',
      output_key: 'codes',
    },
    answers([
      '{"codes":[{"code":"=x","quote":"a"},{"code":"y","n":12345678901234567890}]}',
      '{"codes":[]}',
      '{"codes":["-5","plain"]}',
      null,
    ]),
  );
  expect(parseCsv(await read('codes.csv')).map((row) => row.slice(0, 8))).toEqual([
    ['task_id', 'id', 'text', 'code', 'quote', 'n', 'codes', 'outcome'],
    ['001', '001', 'a', "'=x", 'a', '', '', 'succeeded'],
    ['001', '001', 'a', 'y', '', '12345678901234567890', '', 'succeeded'],
    ['002', '002', 'b', '', '', '', '', 'succeeded'],
    ['003', '003', 'c', '', '', '', '-5', 'succeeded'],
    ['003', '003', 'c', '', '', '', 'plain', 'succeeded'],
    ['004', '004', 'd', '', '', '', '', 'incomplete'],
  ]);
  const [head = [], ...lines] = parseCsv(await read('codes.csv'));
  const tokens = lines.map((line) => line[head.indexOf('output_tokens')]);
  expect(tokens.map((each) => each !== '')).toEqual([true, false, true, true, false, true]);
  await server.ok('get_results', { batch_id, output_file: 'codes.jsonl', output_key: 'codes' });
  expect((await read('codes.jsonl')).trim().split('\n')).toHaveLength(6);
  await server.ok('get_results', { batch_id, output_file: 'codes.md', output_key: 'codes' });
  expect(await read('codes.md')).toContain('plain');
  expect(
    await server.fails('get_results', { batch_id, output_file: 'c.raw.jsonl', output_key: 'codes' }),
  ).toContain('output_key');
  expect(await server.fails('get_results', { batch_id, output_key: 'codes' })).toContain('output_key');
});

const oneKey = (name: string) => ({
  output_schema: { type: 'object', properties: { [name]: { type: 'string' } }, additionalProperties: false },
});

it.each<[what: string, args: object, said: RegExp]>([
  [
    'labels',
    { labels: ['a', 'b'], output_key: 'lable' },
    /"lable" is not a key .*mean "label"\?.*Valid: label/,
  ],
  ['a closed schema', { ...oneKey('note'), output_key: 'code.x' }, /"code\.x" is not a key.*Valid: note/],
  ['texts', { output_key: 'answer' }, /"answer" is not a key of the answers.*texts/],
  [
    'variants, none of which has it',
    { variants: { A: oneKey('a'), B: oneKey('b') }, output_key: 'c' },
    /"c" is not a key.*Valid: a, b/,
  ],
])('a key that no answer can have is refused before anything is sent: %s', async (_what, args, said) => {
  const api = await startApi();
  const server = await startCheckedServer({ api });
  await writeFile(path.join(server.work, 't.csv'), 'text\na\n');
  const work = { rows_file: 't.csv', prompt: '{{text}}', output_file: 'o.csv', ...args };
  expect(await server.fails('submit_batch', work)).toMatch(said);
  expect(api.creates).toEqual([]);
});

eachNth<[what: string, said: string[], outputs: object, expected: RegExp | null]>(3, [
  [
    'other keys',
    ['{"codes":1,"why":"x"}', '{"codes":2}'],
    { output_file: 'o.csv', output_key: 'code' },
    /^No answer has the key "code" of output_key, so .*o\.csv holds none of them\. They have "codes", "why" \(did you mean "codes"\?\)\.$/,
  ],
  [
    'other keys, for a file each',
    ['{"codes":1}', '{"codes":2}'],
    { output_pattern: 'o/{{task_id}}.txt', output_key: 'why' },
    /^No answer has the key "why" of output_key, so none got a file\. They have "codes"\.$/,
  ],
  [
    'no keys',
    ['x', 'y'],
    { requests: ['a', 'b'], output_file: 'o.jsonl', output_key: 'a' },
    /They are not objects/,
  ],
  [
    'a key that only a pattern of the schema allows',
    ['{"x_1":1}', '{"x_1":2}'],
    {
      output_schema: { ...oneKey('a').output_schema, patternProperties: { '^x_': {} } },
      output_file: 'o.md',
      output_key: 'x_1',
    },
    null,
  ],
  ['one of them with it', ['{"a":1}', '{"b":2}'], { output_file: 'o.md', output_key: 'b' }, null],
  ['an empty list under it', ['{"a":[]}', '{"b":2}'], { output_file: 'o.json', output_key: 'a' }, null],
])('a key that no answer has is said with those they have: %s', async (_what, said, outputs, expected) => {
  const { server, batch_id } = await ended(
    { 't.csv': 'text\na\nb\n' },
    'requests' in outputs
      ? { prompt: undefined, ...outputs }
      : { rows_file: 't.csv', output_schema: { type: 'object' }, ...outputs },
    answers(said),
  );
  for (const tool of ['batch_status', 'get_results']) {
    const { warnings } = await server.ok(tool, { batch_id });
    const told = warnings.filter((each: string) => each.startsWith('No answer has'));
    expect(told).toEqual(expected === null ? [] : [expect.stringMatching(expected)]);
  }
});

it('nothing is written over: not a file of the person’s, not one that was changed, and ours only when asked', async () => {
  const { server, batch_id, read } = await ended(
    { 't.csv': 'text\na\nb\nc\n', 'out/b.md': 'mine' },
    { rows_file: 't.csv', output_pattern: 'out/{{text}}.md' },
    answers(['A', 'B', 'C']),
  );
  const again = (args: object = {}) =>
    server.ok('get_results', { batch_id, output_pattern: 'out/{{text}}.md', ...args });
  expect((await again()).answer_files).toMatchObject({ written: 2, left: [{ count: 1 }] });
  expect(await read('out/b.md')).toBe('mine');
  await writeFile(path.join(server.work, 'out/a.md'), 'changed');
  expect((await again({ overwrite: true })).answer_files).toMatchObject({ written: 1, left: [{ count: 2 }] });
  expect(await read('out/a.md')).toBe('changed');
  const all = await server.ok('get_results', { batch_id, output_pattern: 'all/{{task_id}}-{{text}}.md' });
  expect(all.answer_files).toMatchObject({ written: 3, left: [] });
  expect((await readdir(path.join(server.work, 'all'))).sort()).toEqual([
    'row_1-a.md',
    'row_2-b.md',
    'row_3-c.md',
  ]);
  expect(await server.fails('get_results', { batch_id, output_pattern: 'x/{{nope}}.md' })).toContain(
    'names nothing that tasks have',
  );
});

it('two answers of one name are not written over each other', async () => {
  const { server, batch_id } = await ended(
    { 't.csv': 'text\na\na\n' },
    { rows_file: 't.csv', output_pattern: 'out/{{text}}.md' },
    answers(['A', 'B']),
  );
  const { answer_files } = await server.ok('batch_status', { batch_id });
  expect(answer_files).toMatchObject({
    written: 1,
    left: [{ why: 'another answer has the same name', count: 1, sample_task_ids: ['row_2'] }],
  });
});

it('two names that most systems take for one are not written over each other, and blanks around a value are no part of one', async () => {
  const { server, batch_id } = await ended(
    { 't.csv': 'text\nCaf\u00e9\nCAFE\u0301\n plain \n' },
    { rows_file: 't.csv', output_pattern: 'out/{{text}}.md' },
    answers(['A', 'B', 'C']),
  );
  const { answer_files } = await server.ok('batch_status', { batch_id });
  expect(answer_files).toMatchObject({
    written: 2,
    left: [{ why: expect.stringContaining('upper and lower case'), count: 1, sample_task_ids: ['row_2'] }],
  });
  expect((await readdir(path.join(server.work, 'out'))).sort()).toEqual(['Caf\u00e9.md', 'plain.md']);
});

it('another process writes them when it sees the end', long, async () => {
  const api = await startApi({ results: answers(['A', 'B']) });
  const first = await spawnServer({ api });
  await writeFile(path.join(first.work, 't.csv'), 'text\na\nb\n');
  const args = { rows_file: 't.csv', prompt: '{{text}}', output_pattern: 'out/{{text}}.md' };
  const { batch_id } = await first.ok('submit_batch', args);
  await first.kill();
  api.endAll();
  const second = await spawnServer({ api, folder: first.folder });
  const told = await second.ok('batch_status', { batch_id, wait_seconds: 20 });
  expect(told.answer_files).toMatchObject({ written: 2, left: [] });
  expect((await readdir(path.join(first.work, 'out'))).sort()).toEqual(['a.md', 'b.md']);
});
