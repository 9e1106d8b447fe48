import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { TestServer } from '../harness.ts';
import { eachNth } from '../long.ts';
import { type Arguments, CONTENT, expectRefusal, type Given, type Row, refusalOf } from './refusal.ts';

const task = (id: string) => JSON.stringify({ task_id: id, prompt: CONTENT });

/** A requests_file of this name and content in the working folder. */
function file(name: string, content: string | Buffer, argument = 'requests_file'): Given {
  return async ({ work }) => {
    await writeFile(path.join(work, name), content);
    return { [argument]: name, ...(argument === 'rows_file' && { prompt: '{{prompt}}' }) };
  };
}

/** A good requests_file outside of the allowed folders. */
async function secretFile({ folder }: TestServer): Promise<string> {
  const secret = path.join(folder, 'secret');
  await mkdir(secret);
  await writeFile(path.join(secret, 'tasks.jsonl'), task('a'));
  return secret;
}

describe('a requests_file', () => {
  const notUtf8 = Buffer.concat([
    Buffer.from('[{"task_id":"'),
    Buffer.from([0xff, 0xfe]),
    Buffer.from('"}]'),
  ]);
  const rows: Row[] = [
    [
      'that is missing',
      { requests_file: 'none.jsonl' },
      'not_found',
      'none.jsonl',
      'was resolved against',
      'Check the path',
    ],
    ['in a missing folder', { requests_file: 'none/tasks.json' }, 'not_found', 'none/tasks.json'],
    ['with an empty path, which counts as none', { requests_file: '' }, 'there is no work'],
    ['with a NUL byte in its path', { requests_file: 'a\0.jsonl' }, 'NUL'],
    ['with a path without end', { requests_file: `${'a/'.repeat(3000)}a.json` }, 'longer than 4096 bytes'],
    [
      'that is a folder',
      async ({ work }) => {
        await mkdir(path.join(work, 'tasks.jsonl'));
        return { requests_file: 'tasks.jsonl' };
      },
      'is a folder',
      'Give the path of a file',
    ],
    [
      'with another ending',
      file('tasks.txt', task('a')),
      'requests_file: ',
      '.json (an array), .jsonl or .ndjson',
    ],
    ['without an ending', file('tasks', task('a')), 'requests_file: ', '.json (an array), .jsonl or .ndjson'],
    [
      'that is a table',
      file('tasks.csv', 'task_id,prompt\na,b\n'),
      'requests_file: ',
      '.json (an array), .jsonl or .ndjson',
    ],
    [
      '.json, not JSON',
      file('a.json', `[\n  ${task('a')},\n  {"task_id": ${CONTENT}}\n]`),
      'requests_file: is not JSON from line 3, column 15 on',
      'array',
    ],
    ['.json, cut off', file('a.json', `[${task('a')},`), 'requests_file: is not JSON', 'array'],
    [
      '.json with more after its end',
      file('a.json', `[${task('a')}] and more`),
      'requests_file: is not JSON',
    ],
    [
      '.json that holds an object',
      file('a.json', `{"requests": [${task('a')}]}`),
      'does not hold an array',
      '[{…}, {…}]',
    ],
    [
      '.json that holds lines',
      file('a.json', `${task('a')}\n${task('b')}\n`),
      'does not hold an array',
      '.jsonl',
    ],
    ['.json that is empty', file('a.json', ''), 'requests_file: is empty', 'a JSON array'],
    ['.json of blanks', file('a.json', ' \n '), 'requests_file: is empty', 'a JSON array'],
    ['.json with no tasks', file('a.json', '[]'), 'requests_file: holds no tasks', 'at least one task'],
    ['.json that is not UTF-8', file('a.json', notUtf8), 'requests_file: is not UTF-8', 'saved as UTF-8'],
    [
      '.json in UTF-16',
      file('a.json', Buffer.from(`\ufeff[${task('a')}]`, 'utf16le')),
      'requests_file: is not UTF-8',
    ],
    ['.jsonl that is empty', file('a.jsonl', ''), 'requests_file: holds no tasks', 'at least one task'],
    ['.jsonl of blank lines', file('a.jsonl', '\n \r\n\n'), 'requests_file: holds no tasks'],
    [
      '.jsonl that is not UTF-8',
      file('a.jsonl', notUtf8.subarray(1, -1)),
      'line 1: is not UTF-8',
      'saved as UTF-8',
    ],
    [
      '.jsonl with a bad line in its middle',
      file('a.jsonl', `${task('a')}\n\n{"task_id": ${CONTENT}}\n${task('b')}\n`),
      'line 3: is not JSON from column 13 on',
      'one JSON object per line',
    ],
    [
      '.json that holds one task over lines',
      file('a.json', `{\n  "task_id": "a",\n  "prompt": "${CONTENT}"\n}`),
      'does not hold an array, but one object',
      '[{…}, {…}]',
    ],
    ['.json that holds a text', file('a.json', JSON.stringify(CONTENT)), 'does not hold an array'],
    [
      '.json with lone carriage returns',
      file('a.json', `[${task('a')},\r${task('b')},\r5]`),
      'item 3: is a number',
    ],
    [
      'with one id twice',
      file('a.jsonl', `${task('a')}\n\n${task('a')}\n`),
      'line 3 (a): task_id: is the same as that of line 1',
    ],
    [
      '.json with one id twice',
      file('a.json', `[${task('a')},${task('a')}]`),
      'item 2 (a): task_id: is the same as that of item 1',
    ],
    [
      'with two bad lines',
      file('a.jsonl', `{}\n${task('a')}\nnull\n`),
      'line 1: task_id: is missing',
      'line 3: is null',
    ],
    [
      'with bad items',
      file('a.json', '[{"task_id": "a"}, 5]'),
      'item 1 (a): task_type',
      'item 2: is a number',
    ],
    [
      'outside the allowed folders',
      async (server) => ({ requests_file: path.join(await secretFile(server), 'tasks.jsonl') }),
      'not_allowed',
      'outside the folders',
      '--allow-dir',
    ],
    [
      'outside by way of ..',
      async (server) => {
        await secretFile(server);
        return { requests_file: '../secret/tasks.jsonl' };
      },
      'not_allowed',
      'outside the folders',
    ],
    [
      'that does not exist, outside',
      { requests_file: '/etc/none.jsonl' },
      'not_allowed',
      'outside the folders',
    ],
    [
      'outside by a link',
      async (server) => {
        await symlink(
          path.join(await secretFile(server), 'tasks.jsonl'),
          path.join(server.work, 'link.jsonl'),
        );
        return { requests_file: 'link.jsonl' };
      },
      'not_allowed',
      'outside the folders',
    ],
    [
      'outside by a linked folder',
      async (server) => {
        await symlink(await secretFile(server), path.join(server.work, 'linked'));
        return { requests_file: 'linked/tasks.jsonl' };
      },
      'not_allowed',
      'outside the folders',
    ],
    [
      'that links nowhere',
      async ({ work }) => {
        await symlink(path.join(work, 'gone'), path.join(work, 'link.jsonl'));
        return { requests_file: 'link.jsonl' };
      },
      'not_found',
    ],
  ];
  eachNth(5, rows)('%s', (...row) => expectRefusal(row));

  it('in the data folder, even where that one is allowed', async () => {
    const given = async ({ data }: TestServer): Promise<Arguments> => {
      await mkdir(data);
      await writeFile(path.join(data, 'tasks.jsonl'), task('a'));
      return { requests_file: path.join(data, 'tasks.jsonl') };
    };
    expect(await refusalOf(given, { argv: ['--allow-dir', os.tmpdir()] })).toContain(
      "in this server's own data folder",
    );
  });
});

describe('rows in the place of tasks, for a prompt that they share', () => {
  const given =
    (name: string, content: string): Given =>
    async ({ work }) => {
      await writeFile(path.join(work, name), content);
      return { requests_file: name, prompt: 'Sort {{text}}' };
    };
  eachNth<Row>(3, [
    [
      'lines',
      given('a.jsonl', '{"id":1,"text":"a"}\n{"id":2,"text":"b"}\n'),
      'holds rows, not tasks',
      'rows_file',
    ],
    [
      'an array',
      given('a.json', '[\n{"id":1,"o":{"x":[]},"text":"a"}]'),
      'holds rows, not tasks',
      'rows_file',
    ],
    ['tasks that are wrong', given('a.jsonl', '{"task_id":"a","txt":"a"}\n'), 'line 1 (a): txt: unknown key'],
  ])('%s', (...row) => expectRefusal(row));
});

describe('a .jsonl that is something else is one problem, which says what and what to do', () => {
  const pretty = (id: string) => JSON.stringify({ task_id: id, prompt: CONTENT }, null, 2);
  const many = Array.from({ length: 30 }, (_, index) => `t${index}`);
  const shapes: [what: string, content: string | Buffer, says: string, valid: string][] = [
    ['an array', `[${many.map(task).join(',')}]\n`, 'is one JSON array', 'named .json'],
    ['an array over lines', `[\n${many.map(task).join(',\n')}\n]\n`, 'is one JSON array', 'named .json'],
    [
      'an array with a byte order mark',
      `\ufeff[\n${many.map(task).join(',\n')}]`,
      'is one JSON array',
      '.json',
    ],
    ['pretty-printed', many.map(pretty).join('\n'), 'pretty-printed', 'jq -c'],
    [
      'pretty-printed with CRLF',
      many.map(pretty).join('\n').replaceAll('\n', '\r\n'),
      'pretty-printed',
      'jq -c',
    ],
    [
      'half pretty-printed',
      `{"task_id": "a",\n  "prompt": "x"}\n{"task_id": "b",\n "prompt": "y"}`,
      'pretty',
      'jq',
    ],
    [
      'a pretty-printed object of tasks',
      `{\n"requests": [\n${many.map(task).join(',\n')}]}`,
      'pretty',
      'jq -c',
    ],
    ['lines with commas', many.map(task).join(',\n'), 'has commas between its objects', 'without commas'],
    [
      'a body for the API',
      `{"requests":[${many.map(task).join()}]}`,
      'one object, with a list under "requests"',
      'jq',
    ],
    ['objects in a row', many.map(task).join(''), 'has several objects in one line', 'per line'],
    [
      'objects in a row, with blanks',
      `${task('a')} ${task('b')}\n`,
      'several objects in one line',
      'per line',
    ],
    ["Python's", "{'task_id': 'a', 'prompt': 'x'}\n{'task_id': 'b'}\n", 'as Python does', 'json.dumps'],
    ['a table', 'id,text\n1,hello\n2,bye\n3,ok\n', 'is a table', 'rows_file'],
    ['a table of tabs', 'id\ttext\n1\thello\n2\tbye\n', 'is a table', 'rows_file'],
    ['in UTF-16', Buffer.from(`\ufeff${many.map(task).join('\n')}`, 'utf16le'), 'is not UTF-8', 'UTF-8'],
    ['packed', Buffer.from('1f8b08000000000000', 'hex'), 'is compressed with gzip', 'text file'],
    [
      'a pointer',
      'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n',
      'is a pointer of Git LFS',
      'git lfs pull',
    ],
    ['a workbook', Buffer.from('504b030414000600', 'hex'), 'is an Excel workbook', 'text file'],
    ['a page', '<!DOCTYPE html>\n<html><title>Log in</title></html>\n', 'is a page of HTML', 'per line'],
    ['with lone carriage returns', many.map(task).join('\r'), 'carriage returns alone', 'LF or CRLF'],
    ['joined, a mark in its middle', `${task('a')}\n\ufeff${task('b')}\n`, 'byte order mark', 'beginning'],
    ['joined without a line end', `${task('a')}\ufeff${task('b')}\n`, 'byte order mark', 'beginning'],
  ];
  const each = (form: (id: string) => string, between = '\n') => many.map(form).join(between);
  const latin1 = (text: string) => Buffer.from(text, 'latin1');
  /** In files of tasks and in tables alike. */
  const habits: typeof shapes = [
    [
      'with a comment at the end of each line',
      each((id) => `${task(id)} // ${id}`),
      'holds comments',
      'without them',
    ],
    ['with a comment above', `// tasks\n${task('a')}`, 'holds comments', 'without them'],
    [
      'with a comma before the brackets',
      each((id) => `{"task_id":"${id}","prompt":"x",}`),
      'has a comma before a closing bracket',
      'commas only',
    ],
    ['with NaN', each((id) => `{"task_id":"${id}","prompt":"x","n":NaN}`), 'holds NaN or Infinity', 'null'],
    [
      'with Infinity',
      each((id) => `{"task_id":"${id}","prompt":"x","n":-Infinity}`),
      'holds NaN or Infinity',
      'null',
    ],
    [
      "with Python's words",
      each((id) => `{"task_id":"${id}","prompt":"x","system":None}`),
      'as Python does',
      'json.dumps',
    ],
    [
      "with Python's quotes and words",
      each((id) => `{'task_id':'${id}','system':None}`),
      'as Python does',
      'json.dumps',
    ],
    [
      'with keys that have no quotes',
      each((id) => `{task_id:"${id}",prompt:"x"}`),
      'has keys without quotes',
      'JSON.stringify',
    ],
    ['with curly quotes', each((id) => `{“task_id”:“${id}”,“prompt”:“x”}`), 'has curly quotes', 'straight'],
    [
      'with commas in front',
      each((id) => (id === 't0' ? '' : ',') + task(id)),
      'has commas between its objects',
      'without commas',
    ],
    [
      'a stream of events',
      each((id) => `data: ${task(id)}`),
      'begins its lines with "data:"',
      'what follows it',
    ],
    [
      'a sequence with separators',
      each((id) => `\u001e${task(id)}`),
      'holds record separators',
      'without them',
    ],
    [
      'with line separators of Unicode alone',
      each(task, '\u2028'),
      'several objects in one line',
      'per line',
    ],
    ['with next lines alone', each(task, '\u0085'), 'several objects in one line', 'per line'],
    [
      'with tabs that are not escaped',
      each((id) => `{"task_id":"${id}","prompt":"a\tb"}`),
      'holds a control character',
      '\\t',
    ],
    [
      'in Latin-1',
      latin1(each((id) => `{"task_id":"${id}","prompt":"caf\u00e9"}`)),
      'is not UTF-8, from line 1 on',
      'UTF-8',
    ],
    [
      'in Latin-1 from its second line on',
      latin1(`${task('a')}\n${each((id) => `{"task_id":"${id}","prompt":"caf\u00e9"}`)}`),
      'is not UTF-8, from line 2 on',
      'UTF-8',
    ],
    ['plain text', 'What is one?\nWhat is two?\nWhat is three?\n', 'is plain text', '.txt'],
    ['YAML', '- task_id: a\n  prompt: x\n- task_id: b\n  prompt: y\n', 'is plain text', '.txt'],
    ['arrays on lines', each((id) => `["${id}","x"]`), 'has an array on each line', 'per line'],
    [
      'pretty-printed from its second task on',
      `${task('a')}\n${many.map(pretty).join('\n')}`,
      'pretty-printed',
      'jq -c',
    ],
  ];
  eachNth(5, [...shapes, ...habits])('%s', async (_what, content, says, valid) => {
    const text = await refusalOf(file('a.jsonl', content));
    expect(text).toContain(says);
    expect(text).toContain(valid);
    expect(text.split('\n').filter((line) => line.startsWith('- '))).toHaveLength(1);
  });

  const read = (shape: (typeof shapes)[number]) =>
    !['in UTF-16', 'with lone carriage returns', 'packed', 'a workbook'].includes(shape[0]) &&
    !shape[0].startsWith('joined');
  eachNth(14, [...shapes.filter(read), ...habits])(
    'and so in a table: %s',
    async (_what, content, says, valid) => {
      const text = await refusalOf(file('rows.jsonl', content, 'rows_file'));
      expect(text).toContain(says);
      expect(text).toContain(valid);
      expect(text.split('\n').filter((line) => line.startsWith('- '))).toHaveLength(1);
    },
  );

  eachNth(6, [
    ['one bad line among good ones is that line', '{"task_id": ', 'line 2: is not JSON'],
    [
      'which says what is wrong with it',
      '{"task_id":"x","prompt":"y",}',
      'line 2: has a comma before a closing bracket',
    ],
    ['of several objects', `${task('b')}${task('c')}`, 'line 2: has several objects in one line'],
    ['that is fenced', '```', 'line 2: is the fence of a block'],
    ['with a mark', `\ufeff${task('b')}`, 'line 2: holds a byte order mark'],
  ])('and %s', async (_what, line, says) => {
    expect(await refusalOf(file('a.jsonl', `${task('a')}\n${line}\n${task('d')}`))).toContain(says);
  });

  it.each(['a.ndjson', 'a.NDJSON'])('but not under another name of it: %s', async (name) => {
    expect(await refusalOf(file(name, `${task('a')}\n{"task_id": \n`))).toContain('line 2: is not JSON');
  });
});

describe('a .json that is something else is one problem, which says what and what to do', () => {
  const all = ['a', 'b', 'c'].map(task);
  eachNth<[what: string, content: string | Buffer, says: string]>(3, [
    ['packed', Buffer.from('1f8b08000000000000', 'hex'), 'is compressed with gzip'],
    ['in UTF-16', Buffer.from(`\ufeff[${all.join()}]`, 'utf16le'), 'as UTF-16 does'],
    ['in Latin-1', Buffer.from('[{"task_id":"a","prompt":"caf\u00e9"}]', 'latin1'), 'is not UTF-8'],
    ['with a comma too many', `[${all.join()},]`, 'has a comma before a closing bracket'],
    ['with a comment above', `// tasks\n[${all.join()}]`, 'holds comments'],
    ['with comments', `[${all.join(', // one\n')}]`, 'holds comments'],
    ['with single quotes', "[{'task_id':'a','prompt':'x'}]", 'with single quotes'],
    ['with NaN', '[{"task_id":"a","prompt":"x","input_data":{"n":NaN}}]', 'holds NaN'],
    ['with a mark in its middle', `[${all.join(',\ufeff')}]`, 'holds a byte order mark'],
    ['two arrays', `[${all.join()}]\n[${all.join()}]`, 'holds several arrays'],
    ['an object', `{"requests":[${all.join()}]}`, 'but one object'],
    ['one task', all[0] ?? '', 'but one object'],
    ['lines', all.join('\n'), 'but one task per line'],
    ['a table', 'id,text\n1,a\n2,b\n', 'is a table'],
    ['a page', '<!doctype html><html></html>', 'is a page of HTML'],
    ['nothing', '\ufeff', 'is empty'],
    ['a text', '"x"', 'does not hold an array'],
  ])('%s', async (_what, content, says) => {
    const text = await refusalOf(file('a.json', content));
    expect(text).toMatch(/^- requests_file: /m);
    expect(text).toContain(says);
    expect(text.split('\n').filter((line) => line.startsWith('- '))).toHaveLength(1);
  });
});

describe('a byte order mark within a table', () => {
  eachNth(3, [
    ['rows.csv', 'id,prompt\n1,a\n\ufeff2,b\n'],
    ['rows.tsv', 'id\tprompt\n1\ta\n\ufeff2\tb\n'],
    ['rows.txt', 'a\n\ufeffb\n'],
    ['rows.jsonl', '{"prompt":"a"}\n\ufeff{"prompt":"b"}\n'],
  ])('is said: %s', async (name, content) => {
    const prompt = name === 'rows.txt' ? '{{line}}' : '{{prompt}}';
    const text = await refusalOf(async ({ work }) => {
      await writeFile(path.join(work, name), content);
      return { rows_file: name, prompt };
    });
    expect(text).toMatch(/row 2.*: .*byte order mark/);
  });
});

describe('an output_file', () => {
  const output = (name: string): Arguments => ({
    requests: [{ task_id: 'a', prompt: 'Hi' }],
    output_file: name,
  });
  const rows: Row[] = [
    ['in a folder that does not exist', output('none/out.csv'), 'not_found', 'There is no folder at'],
    ['with another ending', output('out.xlsx'), 'output_file: ', '.json, .jsonl, .csv, .md or .raw.jsonl'],
    ['without an ending', output('out'), 'output_file: ', '.json, .jsonl, .csv, .md or .raw.jsonl'],
    ['of an ending alone', output('.jsonl'), 'output_file: ', '.json, .jsonl'],
    ['that is hidden', output('.out.jsonl'), 'not_allowed', 'starts with a dot', 'Give another'],
    ['outside the allowed folders', output('/tmp/out.jsonl'), 'not_allowed', 'outside the folders'],
    ['outside by way of ..', output('../out.jsonl'), 'not_allowed', 'outside the folders'],
    [
      'in a hidden folder',
      async ({ work }) => {
        await mkdir(path.join(work, '.git'));
        return output('.git/out.json');
      },
      'not_allowed',
      'starts with a dot',
    ],
    [
      'that is a folder',
      async ({ work }) => {
        await mkdir(path.join(work, 'out.csv'));
        return output('out.csv');
      },
      'is a folder',
      'Give the path of a file',
    ],
    [
      'outside by a link',
      async (server) => {
        await symlink(path.join(await secretFile(server), 'out.json'), path.join(server.work, 'out.json'));
        return output('out.json');
      },
      'not_allowed',
      'symbolic link',
    ],
    [
      'outside by a linked folder',
      async (server) => {
        await symlink(await secretFile(server), path.join(server.work, 'linked'));
        return output('linked/out.json');
      },
      'not_allowed',
      'outside the folders',
    ],
  ];
  eachNth(3, rows)('%s', (...row) => expectRefusal(row, ['submit_batch']));

  it('that exists already, which stays as it is', async () => {
    let existing = '';
    const given = async ({ work }: TestServer) => {
      existing = path.join(work, 'out.md');
      await writeFile(existing, 'a diary');
      return output('out.md');
    };
    const text = await refusalOf(given, {}, ['submit_batch']);
    expect(text).toContain('already_exists');
    expect(text).toContain('Give another name');
    expect(await readFile(existing, 'utf8')).toBe('a diary');
  });
});
