import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { stringify } from 'csv-stringify/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BatchError, renderError } from '../../../../src/errors.ts';
import { stringifyExact } from '../../../../src/lib/exact-json.ts';
import { createAllowedFolders } from '../../../../src/lib/files/allowed-folders.ts';
import { rowsOf, withTable } from '../../../../src/tasks/sources/tables/open-table.ts';
import type { TableRow } from '../../../../src/tasks/sources/tables/table.ts';
import { temporaryFolder } from '../../../harness.ts';

const BOM = '\ufeff';
const utf16 = (text: string) => Buffer.from(text, 'utf16le');
const swapped = (text: string) => utf16(text).swap16();

type Read = { columns: readonly string[] | null; warnings: readonly string[]; rows: TableRow[] };

async function read(name: string, content: string | Buffer): Promise<Read> {
  const folder = await temporaryFolder();
  const file = path.join(folder, name);
  await writeFile(file, content);
  const folders = createAllowedFolders({ allowed: [folder], base: folder });
  const read: Read = { columns: null, warnings: [], rows: [] };
  const groups = withTable(file, 'rows_file', folders, (table) => {
    read.columns = table.columns;
    read.warnings = table.warnings;
    return rowsOf(table);
  });
  for await (const rows of groups) read.rows.push(...rows);
  return read;
}

const cellsOf = ({ rows }: Read) =>
  rows.map((row) =>
    'cells' in row ? JSON.parse(stringifyExact(row.cells)) : `${row.number}: ${row.problem.problem}`,
  );

const ab = (...values: [unknown, unknown][]) => values.map(([a, b]) => ({ a, b }));

describe('a table', () => {
  it.each<[what: string, name: string, content: string | Buffer, cells: unknown[]]>([
    ['CSV', 't.csv', 'a,b\n1,x\n2,y\n', ab(['1', 'x'], ['2', 'y'])],
    ['without a last line end', 't.csv', 'a,b\n1,x\n2,y', ab(['1', 'x'], ['2', 'y'])],
    ['with a byte order mark', 't.csv', `${BOM}a,b\n1,x\n`, ab(['1', 'x'])],
    ['with a byte order mark and quotes', 't.csv', `${BOM}"a","b"\n1,x\n`, ab(['1', 'x'])],
    ['with Windows line ends', 't.csv', 'a,b\r\n1,x\r\n', ab(['1', 'x'])],
    ['with half a line end behind a quote', 't.csv', 'a,b\r\n1,"x"\r', ab(['1', 'x'])],
    ['with line ends of both kinds', 't.csv', 'a,b\r\n1,x\n2,y\r\n', ab(['1', 'x'], ['2', 'y'])],
    ['with old Mac line ends', 't.csv', 'a,b\r1,x\r2,y\r', ab(['1', 'x'], ['2', 'y'])],
    ['with semicolons', 't.csv', 'a;b\n1,5;"x;y"\n', ab(['1,5', 'x;y'])],
    ['with tabs in a .csv', 't.csv', 'a\tb\n1, 2\tx\n', ab(['1, 2', 'x'])],
    ['with bars', 't.csv', 'a|b\n1|x\n', ab(['1', 'x'])],
    ["with Excel's line sep=", 't.csv', 'sep=;\r\na;b\r\n1;x\r\n', ab(['1', 'x'])],
    ["Excel's line in quotes", 't.csv', '"sep=;"\na;b\n1;x\n', ab(['1', 'x'])],
    ["Excel's line with blanks behind it", 't.csv', 'SEP=; \r\na;b\r\n1;x\r\n', ab(['1', 'x'])],
    ["Excel's line with another sign", 't.csv', 'sep=:\na:b\n1:x\n', ab(['1', 'x'])],
    ["Excel's line on old Macs", 't.csv', 'sep=;\ra;b\r1;x\r', ab(['1', 'x'])],
    ['commas in a .tsv', 't.tsv', 'a,b\n1,x\n2,y\n', ab(['1', 'x'], ['2', 'y'])],
    ['semicolons in a .tsv', 't.tsv', 'a;b\n1,5;x\n', ab(['1,5', 'x'])],
    [
      'one column in a .tsv, with commas',
      't.tsv',
      'text\nhello, you\nbye\n',
      [{ text: 'hello, you' }, { text: 'bye' }],
    ],
    [
      'one column in a .tsv, a comma in its name',
      't.tsv',
      'a, b\nhello\nbye\n',
      [{ 'a, b': 'hello' }, { 'a, b': 'bye' }],
    ],
    ['a name in parts, as macOS writes it', 't.csv', 'cafe\u0301,b\n1,x\n', [{ 'caf\u00e9': '1', b: 'x' }]],
    [
      'names with blanks that are fixed and characters that cannot be seen',
      't.csv',
      'te\u200bxt,Text\u00a0neu\n1,\u00a0x\n',
      [{ text: '1', 'Text neu': '\u00a0x' }],
    ],
    [
      'names in JSON with blanks and in parts',
      't.json',
      '[{" a ":1,"cafe\u0301":2}]',
      [{ a: 1, 'caf\u00e9': 2 }],
    ],
    [
      'a name that one without a name would get',
      't.csv',
      'column_2,\n1,x\n',
      [{ column_2: '1', column_2_: 'x' }],
    ],
    [
      'JSON rows without any value',
      't.json',
      '[{},{"a":""},{"a":null,"b":" "},{"a":0},{"a":[]}]',
      [{ a: 0 }, { a: [] }],
    ],
    ['JSON lines without any value', 't.jsonl', '{}\n{"a":"x"}\n""\n', [{ a: 'x' }]],
    ['a header line that begins with #', 't.csv', '#a,b\n1,x\n', [{ '#a': '1', b: 'x' }]],
    [
      'ids that begin with #',
      't.csv',
      '#,b\n#1,x\n2,y\n',
      [
        { '#': '#1', b: 'x' },
        { '#': '2', b: 'y' },
      ],
    ],
    ['one column called #id', 't.csv', '#id\n1\n', [{ '#id': '1' }]],
    ['TSV', 't.tsv', 'a\tb\n1, "one"\tx\n', ab(['1, "one"', 'x'])],
    ['an upper-case ending', 'T.CSV', 'a,b\n1,x\n', ab(['1', 'x'])],
    ['quotes, doubled ones in them', 't.csv', 'a,b\n"say ""hi""","x,y"\n', ab(['say "hi"', 'x,y'])],
    [
      'a line break in a field',
      't.csv',
      'a,b\n"one\r\ntwo\n\nthree",x\n2,y\n',
      ab(['one\r\ntwo\n\nthree', 'x'], ['2', 'y']),
    ],
    ['a line break in the header line', 't.csv', '"a\n(x)",b\n1,x\n', [{ 'a\n(x)': '1', b: 'x' }]],
    [
      'a quote within a field',
      't.csv',
      'a,b\n5" pipe,x\n6" pipe,y\n',
      ab(['5" pipe', 'x'], ['6" pipe', 'y']),
    ],
    ['empty fields', 't.csv', 'a,b\n,x\n"",""\n1,\n', ab(['', 'x'], ['1', ''])],
    ['blank lines', 't.csv', '\n\na,b\n\n1,x\n   \n,\n\r\n2,y\n\n', ab(['1', 'x'], ['2', 'y'])],
    ['blanks kept in fields, not in names', 't.csv', ' a , b\n 1 , x\n', ab([' 1 ', ' x'])],
    ['one column', 't.csv', 'text\nhello\nyou\n', [{ text: 'hello' }, { text: 'you' }]],
    ['one column, with commas in quotes', 't.csv', 'text\n"hello, you"\n', [{ text: 'hello, you' }]],
    [
      'long ids and numbers as they stand',
      't.csv',
      'a,b\n00123,1234567890123456789\n1e3,0.10\n',
      ab(['00123', '1234567890123456789'], ['1e3', '0.10']),
    ],
    ['a column called __proto__', 't.csv', '__proto__,b\n1,x\n', [JSON.parse('{"__proto__":"1","b":"x"}')]],
    ['UTF-16 little endian', 't.csv', utf16(`${BOM}a,b\n1,é€😀\n`), ab(['1', 'é€😀'])],
    ['UTF-16 big endian', 't.csv', swapped(`${BOM}a,b\n1,é€\n`), ab(['1', 'é€'])],
    ['UTF-16 without a mark', 't.csv', utf16('a;b\r\n1;x\r\n'), ab(['1', 'x'])],
    ["UTF-16 with Excel's line sep=", 't.csv', utf16(`${BOM}sep=;\r\na;b\r\n1;é\r\n`), ab(['1', 'é'])],
    ['Excel\'s "Unicode text"', 't.txt', utf16(`${BOM}one\r\ntwo\r\n`), [{ line: 'one' }, { line: 'two' }]],
    [
      'text lines',
      't.txt',
      'one\n\n  two \r\nthree',
      [{ line: 'one' }, { line: '  two ' }, { line: 'three' }],
    ],
    ['JSON lines', 't.jsonl', '{"a":1,"b":"x"}\n\n{"a":null,"b":[1]}', ab([1, 'x'], [null, [1]])],
    ['JSON lines with a mark', 't.ndjson', `${BOM}{"a":1,"b":"x"}\r\n`, ab([1, 'x'])],
    ['JSON lines of texts', 't.jsonl', '"one"\n"two"\n', [{ text: 'one' }, { text: 'two' }]],
    ['a JSON array', 't.json', '[{"a":1,"b":"x"},\n{"a":2}]', [{ a: 1, b: 'x' }, { a: 2 }]],
    ['a JSON array of texts', 't.json', '["one","two"]', [{ text: 'one' }, { text: 'two' }]],
    ['a JSON array in UTF-16', 't.json', utf16(`${BOM}[{"a":"é"}]`), [{ a: 'é' }]],
    [
      'an object with an array',
      't.json',
      '{"shop":"x","products":[{"a":1},{"a":2}],"tags":["t"],"n":{"m":[1]}}',
      [{ a: 1 }, { a: 2 }],
    ],
    [
      'an array deep in an object',
      't.json',
      '{"data":{"page":1,"items":[{"a":[{"b":1}]}]}}',
      [{ a: [{ b: 1 }] }],
    ],
    [
      'an object of texts',
      't.json',
      '{"home":"Home","bye":"Bye"}',
      [
        { key: 'home', text: 'Home' },
        { key: 'bye', text: 'Bye' },
      ],
    ],
    [
      'nested texts',
      't.json',
      '{"home":{"title":"Hi","n":1.50,"ok":true,"no":null,"list":["x","y"]},"a.b":"z"}',
      [
        { key: 'home.title', text: 'Hi' },
        { key: 'home.n', text: '1.50' },
        { key: 'home.ok', text: 'true' },
        { key: 'home.no', text: null },
        { key: 'home.list.0', text: 'x' },
        { key: 'home.list.1', text: 'y' },
        { key: 'a.b', text: 'z' },
      ],
    ],
  ])('%s', async (_what, name, content, cells) => {
    expect(cellsOf(await read(name, content))).toEqual(cells);
  });

  it('keeps numbers in JSON as they were written', async () => {
    const row = '{"id":1234567890123456789,"price":100.10,"q":[5.0,{"x":1e400}]}';
    for (const [name, content] of [
      ['t.json', `[${row}]`],
      ['t.jsonl', row],
      ['u.json', `{"list":[${row}]}`],
    ] as const) {
      const { rows } = await read(name, content);
      expect(rows.map((each) => 'cells' in each && stringifyExact(each.cells))).toEqual([row]);
    }
  });

  it.each<[what: string, name: string, content: string, warning: RegExp | null]>([
    [
      'many columns without a name',
      't.csv',
      'a;b;;;;;;;\n1;x;;;;;;;\n',
      /^7 columns of rows_file have no name: they are called column_3, column_4, …, column_9\.$/,
    ],
    [
      'a title in a table of semicolons',
      't.csv',
      'Report\na;b\n1;x\n2;y\n',
      /names one column, and those below are separated by ";"/,
    ],
    ['lists in one column', 't.csv', 'tags\na;b;c\nd;e\nf\n', null],
    ['a table without a header line', 't.csv', '17,hello\n18,bye\n', /one of its names is "17"/],
    ['days as names', 't.csv', '2026-01-31,x\n2026-02-01,y\n', /one of its names is "2026-01-31"/],
    ['years as names', 't.csv', 'country,2025,2026\nAT,1,2\n', null],
    ['a table of tabs named .txt', 't.txt', 'id\ttext\n1\tx\n', /separated by tabs.*name it \.tsv/],
    [
      'a table of semicolons named .txt',
      't.txt',
      'id;text\n1;a\n2;b\n3;c\n4;d\n',
      /separated by ";".*name it \.csv/,
    ],
    ['sentences with a comma each', 't.txt', 'Well, you\nYes, me\nNo, no\n', null],
    ['sentences, some with commas', 't.txt', 'Well, you\nYes\nNo, a, b\nOh\nSo, so\nc\n', null],
    [
      'one record in JSON',
      't.json',
      '{"id":1,"text":"hello","ok":true}',
      /each of its 3 values is a row \(key, text\), and 2 of them are no texts.*orient="records"/,
    ],
    ['pandas by columns', 't.json', '{"text":{"0":"a"},"n":{"0":1}}', /1 of them is no text/],
    ['texts by their keys', 't.json', '{"home":{"title":"Hi","sub":null}}', null],
    ['a question as a name', 't.csv', 'Timestamp,How was it? (1 to 5)\nx,4\n', null],
  ])('says what is odd about a table: %s', async (_what, name, content, warning) => {
    const { warnings } = await read(name, content);
    expect(warnings).toEqual(warning === null ? [] : [expect.stringMatching(warning)]);
  });

  it('gives columns without a name one, and says so', async () => {
    const { columns, warnings, rows } = await read('t.csv', ',text,\n0,x,\n');
    expect(columns).toEqual(['column_1', 'text', 'column_3']);
    expect(warnings).toEqual([
      '2 columns of rows_file have no name: they are called column_1, column_3. If the first line is a title, remove it: the header line has to be the first.',
    ]);
    expect(rows).toEqual([{ number: 1, cells: { column_1: '0', text: 'x', column_3: '' } }]);
  });
});

describe('rows that are wrong are told by their number, the others read', () => {
  it.each<[what: string, name: string, content: string, rows: [number: number, problem: string | null][]]>([
    [
      'too many fields',
      't.csv',
      'a,b\n1,x\n1,2,3\n2,y\n',
      [
        [1, null],
        [2, 'has 3 fields, but the header line has 2 columns'],
        [3, null],
      ],
    ],
    [
      'too few fields',
      't.csv',
      'a,b\n1\n2,y\n',
      [
        [1, 'has 1 field, but the header line has 2 columns'],
        [2, null],
      ],
    ],
    [
      'an unquoted comma',
      't.csv',
      'text\nhello, you\nx\n',
      [
        [1, 'has 2 fields, but the header line has 1 column'],
        [2, null],
      ],
    ],
    [
      'text behind a closing quote',
      't.csv',
      'a,b\n1,x\n"abc"def,2\n3,z\n',
      [
        [1, null],
        [2, 'has text after the closing quote'],
        [3, null],
      ],
    ],
    [
      'quotes escaped with backslashes',
      't.csv',
      'a,b\n"say \\"hi\\"",2\n3,z\n',
      [
        [1, 'has text after the closing quote'],
        [2, null],
      ],
    ],
    [
      'a quote that is never closed',
      't.csv',
      'a,b\n1,x\n2,"abc\n3,z\n',
      [
        [1, null],
        [2, 'never closed'],
      ],
    ],
    [
      'a line of dashes, as Markdown has it',
      't.csv',
      '| id | text |\n|:---|-----:|\n| 1 | a |\n',
      [
        [1, 'is a line of dashes'],
        [2, null],
      ],
    ],
    [
      'a line of dashes, as sqlcmd has it',
      't.csv',
      'id,text\n--,----\n1,a\n2,--\n',
      [
        [1, 'is a line of dashes'],
        [2, null],
        [3, null],
      ],
    ],
    [
      'a line of dashes, as psql has it',
      't.csv',
      ' id | text\n----+------\n 1 | a\n',
      [
        [1, 'is a line of dashes'],
        [2, null],
      ],
    ],
    [
      'no line of dashes, but values that are missing',
      't.csv',
      'a,b\n-,-\n--,--\n',
      [
        [1, null],
        [2, null],
      ],
    ],
    ['a quote never closed in the first row', 't.csv', 'a,b\n"1,x\n2,y\n', [[1, 'never closed']]],
    [
      'no JSON',
      't.jsonl',
      '{"a":1}\n{"a":\n{"a":3}\n',
      [
        [1, null],
        [2, 'is not JSON'],
        [3, null],
      ],
    ],
    ['a key twice', 't.jsonl', '{"a":1,"a":2}\n', [[1, 'has a key twice']]],
    ...[600, 5_000, 100_000].flatMap((levels): [string, string, string, [number, string | null][]][] => {
      const row = `{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`;
      const problems: [number, string | null][] = [
        [1, null],
        [2, 'is nested more than 500 levels deep'],
        [3, null],
      ];
      return [
        [`${levels} levels on a line`, 't.jsonl', `{"a":1}\n${row}\n{"a":2}\n`, problems],
        [
          `${levels} levels with a number as it was written`,
          't.jsonl',
          `{"a":1}\n${row.replace('[]', '[1.0]')}\n{"a":2}\n`,
          problems,
        ],
        [`${levels} levels in an array`, 't.json', `[{"a":1},${row},{"a":2}]`, problems],
      ];
    }),
    ['a key twice but for blanks', 't.jsonl', '{"a":1," a":2}\n', [[1, 'has a key twice']]],
    [
      'zero bytes far behind the beginning',
      't.csv',
      `a,b\n1,${'x'.repeat(70_000)}\n2,\0\n3,z\n`,
      [
        [1, null],
        [2, 'holds zero bytes'],
        [3, null],
      ],
    ],
    [
      'zero bytes in a line',
      't.txt',
      `${'x'.repeat(70_000)}\n\0\n`,
      [
        [1, null],
        [2, 'holds zero bytes'],
      ],
    ],
    [
      'a key twice in an array',
      't.json',
      '[{"a":1},{"a":1,"a":2}]',
      [
        [1, null],
        [2, 'has a key twice'],
      ],
    ],
    [
      'a list',
      't.jsonl',
      '{"a":1}\n[1,2]\n',
      [
        [1, null],
        [2, 'is a list'],
      ],
    ],
    [
      'a number',
      't.json',
      '[{"a":1},5,null]',
      [
        [1, null],
        [2, 'is a number'],
        [3, 'is null'],
      ],
    ],
    [
      'a table of lists',
      't.json',
      '[["a","b"],["1","2"]]',
      [
        [1, 'is a list'],
        [2, 'is a list'],
      ],
    ],
  ])('%s', async (_what, name, content, expected) => {
    const { rows } = await read(name, content);
    expect(rows.map(({ number }) => number)).toEqual(expected.map(([number]) => number));
    for (const [index, [, problem]] of expected.entries()) {
      const row = rows[index];
      if (problem === null) expect(row).toHaveProperty('cells');
      else expect(row).toHaveProperty('problem.problem', expect.stringContaining(problem));
    }
  });
});

describe('a table that cannot be read', () => {
  const zip = Buffer.from([0x50, 0x4b, 3, 4, 20, 0, 0, 0]);
  it.each<[what: string, name: string, content: string | Buffer, told: string[]]>([
    ['empty', 't.csv', '', ['is empty', 'rows']],
    ['empty but for a mark', 't.csv', BOM, ['is empty']],
    ['blank lines alone', 't.csv', '\n\r\n', ['is empty']],
    ['a header line alone', 't.csv', 'id,text\n', ['has a header line (id, text) and no rows']],
    ['a header line alone without an end', 't.csv', 'id,text', ['has a header line (id, text) and no rows']],
    ['a header line in quotes that never end', 't.csv', '"id,text\n1,2\n', ['a quote is never closed']],
    ['a column twice', 't.csv', 'id,text,id\n1,2,3\n', ['the column "id" twice (columns 1 and 3)']],
    ['a column twice but for blanks', 't.csv', 'id, id\n1,2\n', ['the column "id" twice']],
    ['an Excel workbook by its ending', 't.xlsx', zip, ['is an Excel workbook', 'saved as CSV']],
    ['an old Excel workbook by its ending', 't.XLS', 'x', ['is an Excel workbook', 'saved as CSV']],
    ['a LibreOffice sheet', 't.ods', zip, ['is a LibreOffice spreadsheet', 'saved as CSV']],
    ['a Numbers sheet', 't.numbers', zip, ['is a Numbers spreadsheet', 'exported as CSV']],
    ['a packed table', 't.csv.gz', 'x', ['is compressed with gzip', 'gunzip', '.csv']],
    ['a zip archive', 't.csv.zip', zip, ['is a zip archive', 'unzip']],
    ['packed otherwise', 't.jsonl.zst', 'x', ['is compressed', '.jsonl']],
    ['Parquet by its ending', 't.parquet', 'PAR1', ['is a Parquet file', 'DuckDB', '.csv or .jsonl']],
    ['a database', 't.sqlite', 'x', ['is a database', 'sqlite3 -header -csv']],
    ['a log', 'app.log', 'x\n', ['is a log', 'named .txt']],
    ['a document', 't.pdf', '%PDF-1.7', ['is a document, not a table', 'input_files']],
    [
      'a comment above the head',
      't.csv',
      '# exported\nid,text\n1,a\n',
      ['1 comment line (#)', 'without them'],
    ],
    ['comments above the head', 't.csv', `${BOM}# a, b, c\r\n#\r\n\r\nid;t\r\n1;a\r\n`, ['2 comment lines']],
    ['a comment of as many fields among others', 't.csv', '# a, b\n# c\nid,t\n1,a\n', ['2 comment lines']],
    ['a comment above one column', 't.tsv', '# labels\nlabel\nx\n', ['1 comment line (#)']],
    ['an Excel workbook by its bytes', 't.csv', zip, ['Excel workbook', 'saved as CSV']],
    ['an old Excel workbook', 't.csv', Buffer.from('d0cf11e0a1b11ae1', 'hex'), ['old Excel workbook']],
    ['gzip', 't.csv', Buffer.from([0x1f, 0x8b, 8, 0]), ['compressed with gzip', 'unpacked']],
    ['a PDF', 't.txt', '%PDF-1.7\n', ['is a PDF', 'input_files']],
    ['Parquet', 't.csv', 'PAR1xxxx', ['Parquet', '.csv or .jsonl']],
    ['zero bytes', 't.csv', 'a,b\n1,\0\n', ['zero bytes']],
    [
      'Latin-1 in a row',
      't.csv',
      Buffer.from('a,b\n1,x\n2,café\n', 'latin1'),
      ['is not UTF-8 in row 2', 'CSV UTF-8'],
    ],
    [
      'Latin-1 in the header line',
      't.csv',
      Buffer.from('a,prénom\n1,x\n', 'latin1'),
      ['is not UTF-8 in its header line'],
    ],
    [
      'a page of HTML named .csv',
      't.csv',
      '<!DOCTYPE html>\n<html><p>Log in</p></html>\n',
      ['a page of HTML'],
    ],
    ['a page of HTML named .txt', 't.txt', '\n<html lang="en">\n<p>Log in\n', ['a page of HTML']],
    ['JSON named .csv', 't.csv', '[\n{"a":"x"},\n{"a":"y"}]\n', ['is JSON', 'named .json']],
    ['JSON lines named .csv', 't.csv', '{"a":"x"}\n{"a":"y"}\n', ['is JSON', '.jsonl']],
    ...[
      '-- MySQL dump 10.13  Distrib 8.0\n--\n',
      '--\n-- PostgreSQL database dump\n--\n\nSET statement_timeout = 0;\n',
      '/*!40101 SET NAMES utf8 */;\n',
      'PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n',
      'INSERT INTO `a` VALUES (1, "x");\n',
      'START TRANSACTION;\nINSERT INTO a VALUES (1);\n',
      'CREATE DATABASE shop;\n',
      'USE [shop]\nGO\n',
      'COPY public.t (id, x) FROM stdin;\n1\ta\n\\.\n',
    ].map((text): [string, string, string, string[]] => [
      `SQL that begins with ${text.slice(0, 12)}`,
      't.csv',
      text,
      ['is SQL, as a dump of a database is', 'as CSV'],
    ]),
    ['XML', 't.csv', '<?xml version="1.0"?>\n<rows>\n', ['is XML', 'as CSV']],
    ['rich text', 't.csv', '{\\rtf1\\ansi x}\nb\n', ['is rich text (RTF)']],
    ['Latin-1 in text', 't.txt', Buffer.from('one\ncafé\n', 'latin1'), ['is not UTF-8 in row 2']],
    ['Latin-1 in JSON', 't.json', Buffer.from('[{"a":"é"}]', 'latin1'), ['is not UTF-8']],
    [
      'a column twice but for how it is composed',
      't.csv',
      'caf\u00e9,cafe\u0301\n1,2\n',
      ['the column "café" twice'],
    ],
    ['UTF-32', 't.csv', Buffer.from('fffe0000610000002c000000', 'hex'), ['is text in UTF-32', 'UTF-8']],
    ['half a character in UTF-16', 't.csv', utf16(`${BOM}a,b\n1,\ud83d\n`), ['is not UTF-16LE throughout']],
    ['UTF-16 cut short', 't.csv', utf16(`${BOM}a,b\n1,x\n`).subarray(0, -1), ['is not UTF-16LE throughout']],
    ['UTF-16 cut short in JSON', 't.json', utf16(`${BOM}[{"a":"x"}]`).subarray(0, -1), ['is not UTF-16LE']],
    ["Excel's line alone", 't.csv', 'sep=;\n', ['is empty']],
    ['5,000 columns', 't.csv', `${'a,'.repeat(4_999)}a\n1\n`, ['has 5000 columns', 'at most 1000']],
    ['another ending', 't.dat', 'a,b\n1,2\n', ['an ending that no table has', '.csv, .tsv']],
    ['no ending', 'table', 'a,b\n1,2\n', ['an ending that no table has']],
    ['no JSON', 't.json', '[{"a":1},\n{"a" 2}]', ['is not JSON from line 2, column 6 on']],
    ['JSON with something behind it', 't.json', '[{"a":1}] x', ['is not JSON from line 1, column 11 on']],
    ['JSON lines named .json', 't.json', '{"a":{"b":"x"}}\n{"a":2}\n', ['is not JSON from line 2', '.jsonl']],
    ['JSON cut short', 't.json', '[{"a":1},{"a"', ['is not JSON']],
    ['a JSON array named .jsonl', 't.jsonl', '[\n{"a":1}\n]\n', ['is one JSON array', 'named .json']],
    ['a JSON array on one line named .jsonl', 't.jsonl', '[{"a":1},{"a":2}]', ['is one JSON array']],
    ['a pretty-printed object named .jsonl', 't.jsonl', '{\n  "a": 1\n}\n', ['pretty-printed']],
    ['a JSON value', 't.json', '"text"', ['holds no rows']],
    ['an empty JSON array', 't.json', '[]', ['no rows']],
    ['an empty object', 't.json', '{}', ['holds no rows']],
    [
      'two arrays of objects',
      't.json',
      '{"users":[{"a":1}],"data":{"items":[{"b":2}]}}',
      ['2 arrays of objects ("users", "data.items")'],
    ],
    ['an object without texts', 't.json', '{"a":1,"b":[2]}', ['holds no rows']],
    [
      'a page of an API that found nothing',
      't.json',
      '{"status":"ok","data":{"total":0,"items":[]}}',
      ['holds no rows', 'its list "data.items"'],
    ],
    [
      'a table of pandas, its rows as lists',
      't.json',
      '{"columns":["text","n"],"index":[0,1],"data":[["a",1],["b",2]]}',
      ['holds lists of lists ("data")', 'orient="records"'],
    ],
    [
      'a table drawn by MySQL',
      't.csv',
      '+----+------+\n| id | text |\n+----+------+\n|  1 | a    |\n',
      ['begins with', 'a line of dashes', 'exported as CSV'],
    ],
  ])('%s', async (_what, name, content, told) => {
    const error: unknown = await read(name, content).then(
      ({ rows }) => rows,
      (caught: unknown) => caught,
    );
    if (!(error instanceof BatchError)) {
      expect(error).toEqual([]);
      return;
    }
    expect(error.code).toBe('invalid_input');
    for (const part of told) expect(renderError(error)).toContain(part);
  });
});

it('reads back whatever csv-stringify writes, wherever the pieces end', async () => {
  const cell = fc.oneof(
    fc.string(),
    fc.constantFrom('"', '""', ',', '\n', '\r\n', 'a"b', ' x', '5" x'),
    fc.string({ maxLength: 400 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 30 }), async (values) => {
      const rows = values.filter((row) => row.some((each) => each.trim() !== ''));
      fc.pre(rows.length > 0 && !rows.flat().some((each) => each.includes('\0')));
      const text = stringify([['a', 'b'], ...rows], { quoted_match: /\r/ });
      expect(cellsOf(await read('t.csv', text))).toEqual(rows.map(([a, b]) => ({ a, b })));
    }),
    { numRuns: 60 },
  );
});

it('reads records that are longer than a piece', async () => {
  const long = `${'line one, "two"\n'.repeat(200_000)}end`;
  const text = stringify([
    ['a', 'b'],
    [long, '1'],
    ['x', '2'],
    [long, '3'],
    ['y', '4'],
  ]);
  const { rows } = await read('t.csv', text);
  expect(rows.map((row) => ('cells' in row ? [row.number, row.cells.b] : row))).toEqual([
    [1, '1'],
    [2, '2'],
    [3, '3'],
    [4, '4'],
  ]);
  const [first] = rows;
  expect(first && 'cells' in first && first.cells.a === long).toBe(true);
});
