import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { startApi, startCheckedServer } from '../api.ts';
import type { ApiRequest, ApiServer } from '../api-server.ts';
import type { TestServer } from '../harness.ts';
import { eachNth, long } from '../long.ts';
import { type Arguments, CONTENT, expectRefusal, type Given, type Row } from './refusal.ts';

/** Files in the working folder beside arguments. */
function withFiles(files: Record<string, string | Buffer>, args: Arguments): Given {
  return async ({ work }) => {
    for (const [name, content] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(work, name)), { recursive: true });
      await writeFile(path.join(work, name), content);
    }
    return args;
  };
}

const rows = (content: string | Buffer, args: Arguments = {}, name = 'rows.csv') =>
  withFiles({ [name]: content }, { rows_file: name, prompt: 'Label {{text}}', ...args });

const pngOf = (width: number, height: number) => {
  const png = Buffer.from(
    '89504e470d0a1a0a0000000d49484452000000010000000108020000000000000049454e44ae426082',
    'hex',
  );
  png.writeUInt32BE(width, 16);
  png.writeUInt32BE(height, 20);
  return png;
};

const pdfOf = (pages: number) => `%PDF-1.4\n1 0 obj<</Type/Pages/Count ${pages}/Kids[2 0 R]>>endobj\n%%EOF`;

/** What the API got, in order, by the prompts. */
async function sent(files: Record<string, string | Buffer>, args: Arguments): Promise<ApiRequest[]> {
  const { api } = await submitted(files, args);
  return api.creates.flatMap(({ requests }) => requests);
}

async function submitted(
  files: Record<string, string | Buffer>,
  args: Arguments,
): Promise<{ api: ApiServer; server: TestServer; batch_id: string; warnings: string[] }> {
  const api = await startApi();
  const server = await startCheckedServer({ api });
  const given = withFiles(files, args);
  if (typeof given !== 'function') throw new Error('unreachable');
  const { batch_id, warnings } = await server.ok('submit_batch', await given(server));
  return { api, server, batch_id, warnings };
}

const promptsOf = (requests: ApiRequest[]) =>
  requests.map(({ params }) => {
    const [message] = Array.isArray(params.messages) ? params.messages : [];
    return message.content;
  });

describe('bad tables: nothing is sent, nothing is left', () => {
  const table: Row[] = [
    ['none there', { rows_file: 'none.csv', prompt: 'x' }, 'not_found', 'none.csv'],
    ['outside', { rows_file: '/etc/passwd.csv', prompt: 'x' }, 'not_allowed', 'outside the folders'],
    ['empty', rows(''), 'rows_file: is empty'],
    ['a header line alone', rows('id,text\n'), 'rows_file: has a header line (id, text) and no rows'],
    ['a column twice', rows(`text,text\n1,${CONTENT}\n`), 'the column "text" twice (columns 1 and 2)'],
    ['ragged rows', rows(`id,text\n1,${CONTENT},x\n2\n3,ok\n`), 'row 1: has 3 fields', 'row 2: has 1 field'],
    [
      'blanks in front of quotes',
      rows(`id, text\n1, "${CONTENT}, y"\n`),
      'row 1: has 3 fields',
      'Valid: no blank in front of a quote',
    ],
    ['single quotes', rows(`id,text\n1,'${CONTENT}, y'\n`), 'Valid: double quotes (") where single ones are'],
    [
      'an id twice',
      rows(`id,text\nA-17,${CONTENT}\nB,y\nA-17,z\n`, { id_column: 'id' }),
      'id_column: has "A-17" in rows 1 and 3',
    ],
    [
      'an id three times',
      rows('id,text\nA,x\nA,y\nA,z\n', { id_column: 'id' }),
      'rows 1 and 2',
      'rows 1 and 3',
    ],
    ['an empty id', rows('id,text\nA,x\n,y\n', { id_column: 'id' }), 'row 2: id_column: "id" is empty'],
    [
      'an id that is too long',
      rows(`id,text\n${'x'.repeat(257)},y\n`, { id_column: 'id' }),
      'row 1: id_column: "id" has 257 characters',
      '1 to 256',
    ],
    [
      'an id_column that is none',
      rows('ID,text\nA,x\n', { id_column: 'id' }),
      '"id" is not a column of rows_file (did you mean "ID"?)',
      'ID, text',
    ],
    [
      'an id_column that a JSON row lacks',
      rows('{"id":1,"text":"x"}\n{"text":"y"}\n', { id_column: 'id' }, 'rows.jsonl'),
      'row 2: id_column: this row has no "id"',
    ],
    [
      'an id that is an object',
      rows('{"id":{"a":1},"text":"x"}\n', { id_column: 'id' }, 'rows.jsonl'),
      'row 1: id_column: "id" is a list or an object',
    ],
    [
      'a place without a column',
      rows(`id,text\n1,${CONTENT}\n`, { prompt: 'Label {{texxt}} of {{who}}' }),
      'prompt: the place {{texxt}} names no column of rows_file (did you mean "text"?)',
      'the place {{who}}',
      '"id", "text"',
    ],
    [
      'a place that no JSON row has',
      rows('[{"text":"x"},{"text":"y","brand":"z"}]', { prompt: '{{brnd}}' }, 'rows.json'),
      'the place {{brnd}} names no column',
      'did you mean "brand"',
      '"text", "brand"',
    ],
    [
      'a place that no JSON row of many has, and nothing else',
      rows(
        JSON.stringify(Array.from({ length: 30 }, () => ({ text: 'x' }))),
        { prompt: '{{txt}}' },
        'rows.json',
      ),
      'the place {{txt}} names no column of rows_file (did you mean "text"?)',
    ],
    [
      'a place that asks for a column with braces',
      rows('id,my {x}.text\n1,y\n', { prompt: 'Label {{ my {x}.text }}' }),
      "prompt: the place {{my {x}.text}} names a column and can't be filled",
      '"my x.text"',
    ],
    [
      'the same in a shared field',
      rows('id,{x}\n1,y\n', { prompt: '{{a}}', input_data: { a: '{{{x}}}' } }),
      "input_data.a: the place {{{x}}} names a column and can't be filled",
    ],
    [
      'neither prompt nor task_type',
      rows('id,text\n1,x\n2,y\n', { prompt: undefined }),
      'prompt: is missing: nothing says what to do with each task of rows_file',
    ],
    [
      'a task_type whose field could be several columns',
      rows('id,message,level\n1,x,warn\n', { prompt: undefined, task_type: 'analyze_logs', id_column: 'id' }),
      'analyze_logs works on "logs", and it is unclear which column that is',
      '"id", "message", "level"',
    ],
    [
      'an empty row where nothing else is asked',
      rows(`id,text\n1,${CONTENT}\n2,\n`, { prompt: '{{text}}' }),
      'row 2 (row_2): prompt: consists only of places that were filled with nothing',
    ],
    [
      'rows of JSON without any value',
      rows('[{},{"text":null}]', {}, 'rows.json'),
      'rows_file: holds no tasks',
    ],
    [
      'an empty row for a task_type',
      rows('id,logs\n1,x\n2,\n', { prompt: undefined, task_type: 'analyze_logs' }),
      'row 2 (row_2): input_data.logs: is empty',
    ],
    [
      'a mistyped task_type',
      rows('id,text\n1,x\n', { prompt: undefined, task_type: 'analyse_logs' }),
      'did you mean "analyze_logs"?',
    ],
    [
      'a spreadsheet',
      rows(Buffer.from('PK\x03\x04xxxx'), {}, 'rows.xlsx'),
      'rows_file: is an Excel workbook',
      'saved as CSV',
    ],
    ['its text in place of its path', { rows_file: 'id,text\n1,a', prompt: 'x' }, 'not the path of its file'],
    ['a spreadsheet called .csv', rows(Buffer.from('PK\x03\x04xxxx')), 'Excel workbook'],
    ['Latin-1', rows(Buffer.from('id,text\n1,é\n', 'latin1')), 'rows_file: is not UTF-8 in row 1'],
    [
      'a quote never closed',
      rows(`id,text\n1,"${CONTENT}\n`),
      'row 1: begins a quoted field that is never closed',
    ],
    ['JSON that breaks', rows(`[{"text":"${CONTENT}"},{]`, {}, 'rows.json'), 'is not JSON from line 1'],
    [
      'JSON lines that break',
      rows(`{"text":"x"}\n{"text":"${CONTENT}\n`, {}, 'rows.jsonl'),
      'row 2: is not JSON',
    ],
    [
      'JSON that could be two tables',
      rows('{"a":[{"x":1}],"b":[{"y":1}]}', {}, 'rows.json'),
      '2 arrays of objects ("a", "b")',
    ],
    ['JSON without rows', rows('[]', {}, 'rows.json'), 'rows_file: holds no tasks'],
    [
      'an ending that no table has',
      rows('a,b', {}, 'rows.dat'),
      'rows_file: has an ending that no table has',
    ],
    [
      'beside another source',
      rows('text\nx\n', { requests: [{ task_id: 'a', prompt: 'x' }] }),
      'requests: is given together with rows_file',
      'exactly one of',
    ],
    ['id_column without rows', { requests: ['x'], id_column: 'id' }, 'id_column: goes with rows_file only'],
    [
      'join_file without rows',
      { requests: ['x'], join_file: 'x.csv' },
      'join_file: goes with rows_file only',
    ],
    [
      'split_chars without files',
      rows('text\nx\n', { split_chars: 100 }),
      'split_chars: goes with input_files only',
    ],
    [
      'more max_tokens than the model has, once for all rows',
      rows(`text\n${'x\n'.repeat(300)}`, { max_tokens: 10_000_000 }),
      '- max_tokens: is more than claude-sonnet-5-5 can answer (300 tasks)',
      'at most 128000',
    ],
    [
      'join_file without id_column',
      withFiles(
        { 'a.csv': 'id,text\n1,x\n', 'b.csv': 'id,t\n1,y\n' },
        { rows_file: 'a.csv', join_file: 'b.csv', prompt: '{{t}}' },
      ),
      'id_column: is missing',
    ],
    [
      'join_file with an id twice',
      withFiles(
        { 'a.csv': 'id,text\n1,x\n', 'b.csv': 'id,t\n1,y\n1,z\n' },
        { rows_file: 'a.csv', join_file: 'b.csv', id_column: 'id', prompt: '{{t}}' },
      ),
      'join_file: has "1" in rows 1 and 2',
    ],
    [
      'join_file without the id',
      withFiles(
        { 'a.csv': 'id,text\n1,x\n', 'b.csv': 'key,t\n1,y\n' },
        { rows_file: 'a.csv', join_file: 'b.csv', id_column: 'id', prompt: '{{t}}' },
      ),
      'join_file: row 1: this row has no "id"',
    ],
    [
      'join_file outside',
      withFiles(
        { 'a.csv': 'id,text\n1,x\n' },
        { rows_file: 'a.csv', join_file: '/etc/x.csv', id_column: 'id', prompt: '{{t}}' },
      ),
      'not_allowed',
    ],
  ];
  eachNth(3, table)('%s', (...row) => expectRefusal(row));
});

describe('bad folders: nothing is sent, nothing is left', () => {
  const files = (content: Record<string, string | Buffer>, args: Arguments) =>
    withFiles(content, { prompt: 'Summarise', ...args });
  const table: Row[] = [
    ['no such file', { input_files: ['none.txt'], prompt: 'x' }, 'not_found', 'none.txt'],
    ['no list', { input_files: { a: 1 }, prompt: 'x' }, 'input_files'],
    ['an empty list', { input_files: [], prompt: 'x' }, 'input_files'],
    ['outside', { input_files: ['/etc/**'], prompt: 'x' }, 'not_allowed', 'outside the folders'],
    ['outside by ..', { input_files: ['../*'], prompt: 'x' }, 'not_allowed', 'outside the folders'],
    [
      'outside behind a glob',
      files({ 'a/b.txt': 'x' }, { input_files: ['*/../../*'] }),
      'invalid_input',
      '..',
    ],
    [
      'only what to leave out',
      files({ 'a.txt': 'x' }, { input_files: ['!a.txt'] }),
      'only what to leave out',
    ],
    [
      'a glob without a match',
      files({ 'a.txt': 'x' }, { input_files: ['**/*.md'] }),
      'input_files: match no file',
    ],
    [
      'a hidden file',
      files({ '.env': `KEY=${CONTENT}` }, { input_files: ['.env'] }),
      'leave no file: 1 hidden',
    ],
    ['a key', files({ id_rsa: CONTENT }, { input_files: ['*'] }), 'leave no file: 1 secret'],
    [
      'binaries and Office files alone',
      files({ 'a.bin': Buffer.from([0, 1, 2]), 'b.docx': Buffer.from('PK\x03\x04') }, { input_files: ['*'] }),
      '1 binary',
      '1 in an Office format (save documents as PDF',
    ],
    ['.git alone', files({ '.git/config': CONTENT }, { input_files: ['.git/config'] }), '1 hidden'],
    [
      'a place that files have not',
      files({ 'a.txt': CONTENT }, { input_files: ['*'], prompt: '{{pth}}' }),
      'the place {{pth}} names no column of input_files (did you mean "path"?)',
      '"path", "dir", "stem", "ext", "text"',
    ],
    [
      'neither prompt nor task_type',
      files({ 'a.txt': CONTENT }, { input_files: ['*'], prompt: undefined }),
      'nothing says what to do with each task of input_files',
    ],
    [
      'a text above a request',
      files({ 'a.log': Buffer.alloc(31_500_000, 'x') }, { input_files: ['*'] }),
      'a.log: is 32 MB of text',
      'split_chars',
    ],
    [
      'a part of a text that is called as another file is',
      files({ 'a.log': 'one\ntwo\nthree\n', 'a.log#2': 'x' }, { input_files: ['*'], split_chars: 5 }),
      '"a.log#2" is part 2 of "a.log", as split_chars cuts it, and a file of that name too',
      '"!a.log#2"',
    ],
    [
      'an image of too many pixels',
      files({ 'wide.png': pngOf(9_000, 10), 'a.txt': 'x' }, { input_files: ['wide.png', 'a.txt'] }),
      'wide.png: is 9000 by 10 pixels',
      'at most 8000 pixels a side: scale it down',
    ],
    [
      'a PDF of too many pages',
      files({ 'long.pdf': pdfOf(601) }, { input_files: ['*.pdf'] }),
      'long.pdf: has 601 pages of PDFs',
      'split the document',
    ],
    [
      'one of more pages than a smaller model takes',
      files({ 'long.pdf': pdfOf(101) }, { input_files: ['*.pdf'], model: 'claude-haiku-4-5' }),
      'long.pdf: has 101 pages of PDFs',
      'at most 100 in a request on claude-haiku-4-5',
    ],
    [
      'documents of too many pages together',
      files(
        { 'a.pdf': pdfOf(300), 'b.pdf': pdfOf(301), 'q.txt': 'x' },
        { input_files: ['q.txt'], context_files: ['*.pdf'] },
      ),
      'q.txt: has 601 pages of PDFs',
    ],
    [
      'a path that is too long for an id',
      files({ [`${'d'.repeat(200)}/${'f'.repeat(100)}.txt`]: 'x' }, { input_files: ['**/*'] }),
      'its path has 305 characters',
      'at most 245',
    ],
  ];
  eachNth(3, table)('%s', (...row) => expectRefusal(row));

  const MISSPELT = 'prompt: the place {{txet}} names no column of rows_file (did you mean "text"?)';
  eachNth<[what: string, name: string, content: string, args: Arguments, lines: string[]]>(3, [
    ['of CSV', 'rows.csv', 'id,text\n1,x\n2,y\n', { prompt: '{{txet}}' }, [MISSPELT]],
    ['of JSON', 'rows.json', '[{"id":1,"text":"x"},{"text":"y"}]', { prompt: '{{txet}}' }, [MISSPELT]],
    [
      'of a task type',
      'rows.csv',
      'id,text\n1,x\n2,y\n',
      { task_type: 'analyze_logs', input_data: { logs: '{{txet}}' } },
      [MISSPELT.replace('prompt', 'input_data.logs')],
    ],
    [
      'beside what is wrong with a row by itself',
      'rows.csv',
      'id,text\n1,x\n1,y\n',
      { prompt: '{{txet}}', id_column: 'id' },
      [MISSPELT, 'id_column: has "1" in rows 1 and 2'],
    ],
    [
      'but not where the column is there, of a row without its id',
      'rows.json',
      '[{"id":null,"text":"x"}]',
      { prompt: '{{text}}', id_column: 'id' },
      ['row 1: id_column: "id" is empty'],
    ],
  ])('a misspelt place is told once, not for every row: %s', async (_what, name, content, args, expected) => {
    const server = await startCheckedServer({ api: await startApi() });
    await writeFile(path.join(server.work, name), content);
    const [, ...problems] = (await server.fails('estimate_cost', { rows_file: name, ...args })).split('\n');
    expect(problems.map((line) => line.replace(/^- /, '').replace(/\. Valid: .*/, ''))).toEqual(expected);
  });

  it('a link out, by itself or in a folder', async () => {
    const given = async ({ work, folder }: TestServer) => {
      await mkdir(path.join(folder, 'secret'));
      await writeFile(path.join(folder, 'secret', 's.txt'), CONTENT);
      await symlink(path.join(folder, 'secret', 's.txt'), path.join(work, 'link.txt'));
      return { input_files: ['*.txt'], prompt: 'x' };
    };
    await expectRefusal(['', given, 'leave no file: 1 reached by a symbolic link']);
  });
});

describe('what rows become', () => {
  it('one task per row, its columns in their places', async () => {
    const requests = await sent(
      { 'rows.csv': 'id,text,price\nA-17,"say ""hi"", {{id}} $& you",0.10\nB 2,,1e3\n' },
      { rows_file: 'rows.csv', id_column: 'id', prompt: '{{ text }}|{{price}}|{{id}}' },
    );
    expect(promptsOf(requests)).toEqual(['say "hi", {{id}} $& you|0.10|A-17', '|1e3|B 2']);
    expect(requests[0]?.custom_id).toBe('A-17');
    expect(requests[1]?.custom_id).toMatch(/^task_2_/);
  });

  it('row_1 and so on without id_column; numbers and objects of JSON as they were written', async () => {
    const requests = await sent(
      {
        'rows.json':
          '{"products":[{"n":12345678901234567890,"p":100.10,"o":{"x":[5.0]},"z":null},{"n":true}]}',
      },
      { rows_file: 'rows.json', prompt: '{{n}} {{p}} {{o}} {{o.x}} [{{z}}]' },
    );
    expect(requests.map(({ custom_id }) => custom_id)).toEqual(['row_1', 'row_2']);
    expect(promptsOf(requests)).toEqual(['12345678901234567890 100.10 {"x":[5.0]} [5.0] []', 'true    []']);
  });

  it('the whole row where the prompt has no places', async () => {
    const requests = await sent(
      { 'rows.csv': 'id,text\n1,hello\n' },
      { rows_file: 'rows.csv', prompt: 'Label this.' },
    );
    expect(promptsOf(requests)).toEqual(['Label this.\n\n<id>\n1\n</id>\n\n<text>\nhello\n</text>']);
  });

  it('says which places were filled with nothing, and in how many tasks', async () => {
    const { warnings } = await submitted(
      { 'rows.csv': 'a,b\n1,\n2,x\n3,\n' },
      { rows_file: 'rows.csv', prompt: '{{a}} {{b}}' },
    );
    expect(warnings).toContain('the place {{b}} was filled with nothing (2 tasks)');
  });

  eachNth<[what: string, content: string, args: Arguments, expected: string]>(6, [
    [
      'a column of its name',
      'id,logs\n1,boom\n',
      { id_column: 'id' },
      '<id>\n1\n</id>\n\n<logs>\nboom\n</logs>',
    ],
    ['a column called text', 'id,text\n1,boom\n', {}, '<id>\n1\n</id>\n\n<logs>\nboom\n</logs>'],
    ['the only column', 'message\nboom\n', {}, '<logs>\nboom\n</logs>'],
    [
      'the only column beside the ids',
      'id,message\n1,boom\n',
      { id_column: 'id' },
      '<id>\n1\n</id>\n\n<logs>\nboom\n</logs>',
    ],
    [
      'the column that input_data says',
      'id,message,level\n1,boom,warn\n',
      { input_data: { logs: '{{level}}: {{message}}' } },
      '<logs>\nwarn: boom\n</logs>',
    ],
  ])('a task_type works on %s', async (_what, content, args, expected) => {
    const requests = await sent(
      { 'rows.csv': content },
      { rows_file: 'rows.csv', task_type: 'analyze_logs', ...args },
    );
    expect(promptsOf(requests)[0]).toContain(expected);
  });

  it('classify_bulk gets a row as its one item', async () => {
    const requests = await sent(
      { 'rows.txt': 'one\ntwo\n' },
      { rows_file: 'rows.txt', task_type: 'classify_bulk', input_data: { labels: ['a', 'b'] } },
    );
    expect(
      promptsOf(requests).map((prompt) => String(prompt).match(/<items>\n(.*)\n<\/items>/)?.[1]),
    ).toEqual(['{"index":0,"item":"one"}', '{"index":0,"item":"two"}']);
  });

  it('a second table joins by the id, its columns called after it where both have them', async () => {
    const { api, warnings } = await submitted(
      {
        'en.json': '{"home":{"title":"Home"},"bye":"Bye","new":"New"}',
        'de.json': '{"home":{"title":"Start"},"bye":"Tschüss","old":"Alt"}',
      },
      {
        rows_file: 'en.json',
        join_file: 'de.json',
        id_column: 'key',
        prompt: '{{key}}: {{text}} = {{de.text}}',
      },
    );
    expect(promptsOf(api.creates.flatMap(({ requests }) => requests))).toEqual([
      'home.title: Home = Start',
      'bye: Bye = Tschüss',
      'new: New = ',
    ]);
    expect(warnings).toEqual([
      '1 row of rows_file found no row of the same id in join_file.',
      '1 row of join_file had no row of the same id in rows_file.',
      'the place {{de.text}} was filled with nothing (1 task)',
    ]);
  });

  it('a second table of which no row meets one is refused, but for a pilot', async () => {
    const api = await startApi();
    const server = await startCheckedServer({ api });
    await writeFile(path.join(server.work, 'a.csv'), 'id,text\n01,a\n02,b\n');
    await writeFile(path.join(server.work, 'b.csv'), 'id,more\n1,x\n2,y\n');
    const work = { rows_file: 'a.csv', id_column: 'id', join_file: 'b.csv', prompt: '{{text}} {{more}}' };
    for (const tool of ['estimate_cost', 'submit_batch'])
      expect(await server.fails(tool, work)).toContain(
        'join_file: has no row with the id of any row of rows_file: the first ids are "1" and "01"',
      );
    expect(api.creates).toEqual([]);
    await server.ok('estimate_cost', { ...work, max_tasks: 1 });
  });

  it('a joined column takes the name of no other, whichever row has that', async () => {
    const requests = await sent(
      {
        'rows.jsonl': '{"id":1,"text":"a","de.text":"mine"}\n{"id":2,"text":"b","note":"own"}\n',
        'de.csv': 'id,text,note,\n1,x,n1,\n2,y,n2,\n',
      },
      {
        rows_file: 'rows.jsonl',
        join_file: 'de.csv',
        id_column: 'id',
        prompt: '{{text}} {{de.text}} {{de.de.text}} {{note}} {{de.note}}',
      },
    );
    expect(promptsOf(requests)).toEqual(['a mine x  n1', 'b  y own n2']);
  });

  it('max_tasks takes rows, lines, items and files spread evenly', long, async () => {
    const numbers = Array.from({ length: 100 }, (_, index) => index);
    const every = ['0', '25', '50', '75'];
    const csv = `n\n${numbers.join('\n')}\n`;
    const cases: [Record<string, string>, Arguments][] = [
      [{ 'r.csv': csv }, { rows_file: 'r.csv' }],
      [{ 'r.json': JSON.stringify(numbers.map((n) => ({ n }))) }, { rows_file: 'r.json' }],
      [{ 'r.jsonl': numbers.map((n) => JSON.stringify({ n })).join('\n') }, { rows_file: 'r.jsonl' }],
      [
        { 't.json': JSON.stringify(numbers.map((n) => ({ task_id: `t${n}`, input_data: { n } }))) },
        { requests_file: 't.json' },
      ],
      [
        {
          't.jsonl': numbers.map((n) => JSON.stringify({ task_id: `t${n}`, input_data: { n } })).join('\n\n'),
        },
        { requests_file: 't.jsonl' },
      ],
      [{}, { requests: numbers.map((n) => ({ task_id: `t${n}`, input_data: { n } })) }],
    ];
    for (const [files, args] of cases) {
      expect(promptsOf(await sent(files, { ...args, prompt: '{{n}}', max_tasks: 4 }))).toEqual(every);
    }
    const files = Object.fromEntries(numbers.map((n) => [`f${String(n).padStart(3, '0')}.txt`, String(n)]));
    expect(promptsOf(await sent(files, { input_files: ['*'], prompt: '{{text}}', max_tasks: 4 }))).toEqual(
      every,
    );
    const parts = { 'a.log': csv };
    expect(
      promptsOf(await sent(parts, { input_files: ['*'], split_chars: 3, prompt: '{{text}}', max_tasks: 2 })),
    ).toHaveLength(2);
  });

  it('blank rows are no tasks, and none of the wanted is lost to them', async () => {
    const csv = `n,m\n${Array.from({ length: 10 }, (_, index) => `${index},x\n,\n`).join('')}`;
    const requests = await sent({ 'r.csv': csv }, { rows_file: 'r.csv', prompt: '{{n}}', max_tasks: 4 });
    expect(requests).toHaveLength(4);
  });
});

describe('what files become', () => {
  it('files share a request as long as their pages are not too many for it', async () => {
    const requests = await sent(
      { 'a.pdf': pdfOf(300), 'b.pdf': pdfOf(290), 'c.pdf': pdfOf(20), 'd.pdf': pdfOf(1) },
      { input_files: ['*.pdf'], prompt: 'Describe it.', pack: 4 },
    );
    expect(requests).toHaveLength(2);
  });

  it('text in its place, PDFs and images as blocks before the prompt', async () => {
    const png = Buffer.from(
      '89504e470d0a1a0a0000000d49484452000000010000000108020000000000000049454e44ae426082',
      'hex',
    );
    const pdf = Buffer.from('%PDF-1.4\n1 0 obj<</Type/Page>>endobj\n%%EOF');
    const requests = await sent(
      { 'src/a.ts': 'const a = 1;', 'b.jpg': png, 'c.pdf': pdf },
      {
        input_files: ['b.jpg', 'c.pdf', 'src/*'],
        prompt: 'Describe {{path}} ({{dir}}, {{stem}}, {{ext}}): {{text}}',
      },
    );
    expect(promptsOf(requests)).toEqual([
      [
        { type: 'image', source: { type: 'base64', media_type: 'image/png', data: png.toString('base64') } },
        { type: 'text', text: 'Describe b.jpg (., b, jpg): (the attached image)' },
      ],
      [
        {
          type: 'document',
          source: { type: 'base64', media_type: 'application/pdf', data: pdf.toString('base64') },
        },
        { type: 'text', text: 'Describe c.pdf (., c, pdf): (the attached PDF)' },
      ],
      'Describe src/a.ts (src, a, ts): const a = 1;',
    ]);
  });

  it('fill the field of a task type', async () => {
    const requests = await sent(
      { 'a.ts': 'const a = 1;' },
      { input_files: ['*.ts'], task_type: 'generate_tests' },
    );
    expect(promptsOf(requests)[0]).toContain('<path>\na.ts\n</path>\n\n<code>\nconst a = 1;\n</code>');
  });

  it('the estimate says what matched, and what was left out', async () => {
    const server = await startCheckedServer();
    const given = withFiles(
      {
        'a.ts': 'a',
        'b/c.ts': 'c',
        'd.docx': Buffer.from('PK\x03\x04'),
        '.gitignore': 'b/\n',
        'r.csv': 'x,y\n1,2\n',
        'long.md': 'one line\n'.repeat(5),
      },
      {},
    );
    if (typeof given === 'function') await given(server);
    const files = await server.ok('estimate_cost', { input_files: ['**/*', '!*.csv', '!*.md'], prompt: 'x' });
    expect(files.matched).toEqual({
      files: 1,
      skipped: expect.stringMatching(
        /^1 hidden .*: "\.gitignore"; 1 left out by \.gitignore: "b"; 1 in an Office format .*: "d\.docx"$/,
      ),
    });
    const table = await server.ok('estimate_cost', { rows_file: 'r.csv', prompt: '{{x}}' });
    expect(table.matched).toEqual({ rows: 1, columns: ['x', 'y'] });
    const cut = await server.ok('estimate_cost', { input_files: ['long.md'], split_chars: 10, prompt: 'x' });
    expect(cut.matched).toEqual({ files: 1, parts: 5 });
    const merged = { input_files: ['long.md'], split_chars: 10, merge: 2, prompt: 'x' };
    expect(await server.ok('estimate_cost', merged)).toMatchObject({
      matched: { files: 1, parts: 5 },
      request_count: 6,
    });
  });

  it('what is wanted and can be in no task is said at submission too, by name', async () => {
    const { warnings } = await submitted(
      {
        'a.txt': 'a',
        'b.docx': Buffer.from('PK\x03\x04'),
        'c.txt': Buffer.from('café', 'latin1'),
        '.d': 'd',
      },
      { input_files: ['*'], prompt: 'x' },
    );
    expect(warnings).toEqual([
      'Of input_files these are in no task: 1 in an Office format (save documents as PDF or text, sheets as CSV for rows_file): "b.docx"; 1 text that is not UTF-8 (save it as UTF-8): "c.txt".',
    ]);
  });

  it('are named in the audit log', async () => {
    const { server } = await submitted({ 'a.txt': 'a' }, { input_files: ['*.txt'], prompt: 'x' });
    expect(await readFile(path.join(server.data, 'audit.jsonl'), 'utf8')).toContain('"files":["*.txt"]');
  });
});
