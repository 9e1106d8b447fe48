import { readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { endedBatch, follow, ids, prompts, startApi, startCheckedServer } from '../api.ts';
import { type ApiRequest, errored, succeeded, unfinished } from '../api-server.ts';
import { parseCsv } from '../csv.ts';
import { startServer } from '../harness.ts';

const tasks = [
  { task_id: 'b: ä, "1"', prompt: 'First?' },
  { task_id: 'cut', prompt: 'Second?' },
  { task_id: 'json', prompt: 'Third?', output_schema: { type: 'object', properties: {} } },
  { task_id: 'wrong', prompt: 'Fourth?' },
  { task_id: 'late', prompt: 'Fifth?' },
];

/** Last task first, as the API may send them. */
function backwards([first, cut, asked, wrong, late]: ApiRequest[]): object[] {
  if (!first || !cut || !asked || !wrong || !late) throw new Error('there are five tasks');
  return [
    unfinished(late, 'expired'),
    errored(wrong, 'invalid_request_error', 'max_tokens: "no"'),
    succeeded(asked, '{"n": 1}'),
    succeeded(cut, 'It begins', { stop_reason: 'max_tokens' }),
    succeeded(first, 'One, "two",\nthree.'),
  ];
}

const usage = {
  input_tokens: 10,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
  output_tokens: 5,
  service_tier: 'batch',
};

async function written(format: string) {
  const { api, server, batch_id } = await endedBatch(tasks, backwards, {
    submit: { name: 'Five\nquestions' },
  });
  const reply = await server.ok('get_results', { batch_id, output_file: `out${format}` });
  const file = path.join(server.work, `out${format}`);
  expect(reply.output_files).toEqual([file]);
  expect(reply.warnings).toEqual([]);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readdir(server.work)).toEqual([`out${format}`]);
  return { api, text: await readFile(file, 'utf8') };
}

describe("an output file, in the caller's order", () => {
  test('.json has the flat shape of the guide', async () => {
    const { text } = await written('.json');
    const model = 'claude-sonnet-5-5';
    const taken = expect.objectContaining(usage);
    expect(JSON.parse(text)).toEqual([
      {
        task_id: 'b: ä, "1"',
        success: true,
        output: { content: 'One, "two",\nthree.', usage: taken, model, stop_reason: 'end_turn' },
        error: null,
        outcome: 'succeeded',
      },
      {
        task_id: 'cut',
        success: false,
        output: { content: 'It begins', usage: taken, model, stop_reason: 'max_tokens' },
        error: 'max_tokens: The answer was cut off at max_tokens.',
        outcome: 'incomplete',
      },
      {
        task_id: 'json',
        success: true,
        output: { content: '{"n":1}', json: { n: 1 }, usage: taken, model, stop_reason: 'end_turn' },
        error: null,
        outcome: 'succeeded',
      },
      {
        task_id: 'wrong',
        success: false,
        output: null,
        error: 'invalid_request_error: max_tokens: "no"',
        outcome: 'errored',
      },
      {
        task_id: 'late',
        success: false,
        output: null,
        error: 'expired: The batch expired before this request was processed.',
        outcome: 'expired',
      },
    ]);
  });

  test('.jsonl has a line per task, with all that is known', async () => {
    const { text } = await written('.jsonl');
    expect(text.endsWith('}\n')).toBe(true);
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ task_id }) => task_id)).toEqual(tasks.map(({ task_id }) => task_id));
    expect(lines[0]).toEqual({
      task_id: 'b: ä, "1"',
      outcome: 'succeeded',
      text: 'One, "two",\nthree.',
      stop_reason: 'end_turn',
      custom_id: expect.stringMatching(/^task_1_/),
      attempt: 1,
      model: 'claude-sonnet-5-5',
      usage: expect.objectContaining(usage),
    });
    expect(lines[3]).toEqual({
      task_id: 'wrong',
      outcome: 'errored',
      error: { type: 'invalid_request_error', message: 'max_tokens: "no"', retryable: false },
      custom_id: 'wrong',
      attempt: 1,
    });
  });

  test('.csv has a row per task', async () => {
    const { text } = await written('.csv');
    expect(text).toBe(
      [
        'task_id,outcome,answer,error_type,error_message,model,input_tokens,output_tokens',
        '"b: ä, ""1""",succeeded,"One, ""two"",\nthree.",,,claude-sonnet-5-5,10,5',
        'cut,incomplete,It begins,max_tokens,The answer was cut off at max_tokens.,claude-sonnet-5-5,10,5',
        'json,succeeded,"{""n"":1}",,,claude-sonnet-5-5,10,5',
        'wrong,errored,,invalid_request_error,"max_tokens: ""no""",,,',
        'late,expired,,expired,The batch expired before this request was processed.,,,',
        '',
      ].join('\n'),
    );
  });

  test('.md can be read by a person', async () => {
    const { text } = await written('.md');
    expect(text).toBe(`# Five questions

## b: ä, "1"

One, "two",
three.

## cut

*incomplete: max_tokens: The answer was cut off at max_tokens.*

It begins

## json

\`\`\`json
{
  "n": 1
}
\`\`\`

## wrong

*errored: invalid_request_error: max_tokens: "no"*



## late

*expired: expired: The batch expired before this request was processed.*


`);
  });

  test('.md ends each answer before the next, one too that was cut off within a block of code', async () => {
    const { server, batch_id } = await endedBatch(prompts(['a', 'b']), (requests) =>
      requests.map((each) => succeeded(each, 'So:\n```ts\nlet a;', { stop_reason: 'max_tokens' })),
    );
    await server.ok('get_results', { batch_id, output_file: 'out.md' });
    const text = await readFile(path.join(server.work, 'out.md'), 'utf8');
    expect(text.split('let a;\n```\n\n')).toHaveLength(2);
    expect(text).toContain('## b\n');
  });

  test('.raw.jsonl is what the API sent, byte by byte', async () => {
    const { api, text } = await written('.raw.jsonl');
    expect(text).toBe(String(api.batches[0]?.results));
  });

  test('says so where the answers are made up', async () => {
    const server = await startCheckedServer();
    const { batch_id } = await server.ok('submit_batch', { requests: tasks, sandbox: true });
    await follow(server, batch_id);
    await server.ok('get_results', { batch_id, output_file: 'out.md' });
    expect(await readFile(path.join(server.work, 'out.md'), 'utf8')).toMatch(/answers are made up/);
  });
});

test('a .csv holds no formulas', async () => {
  const cells = [
    ['=1+1', "'=1+1"],
    ['=HYPERLINK("http://evil","x")', '\'=HYPERLINK("http://evil","x")'],
    ['+1+cmd', "'+1+cmd"],
    ['-2+3', "'-2+3"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\t=1', "'\t=1"],
    ['\r=1', "'\r=1"],
    ['\n=1', "'\n=1"],
    [' =1', "' =1"],
    ['＝1', "'＝1"],
    ['\u00a0=1', "'\u00a0=1"],
    ['\r\n@SUM(A1)', "'\r\n@SUM(A1)"],
    [' -3.5', ' -3.5'],
    ['\n2e5 ', '\n2e5 '],
    ['  indented', '  indented'],
    ['\nWhere can I get my PIN unblocked?', '\nWhere can I get my PIN unblocked?'],
    ['-3.5', '-3.5'],
    ['+17', '+17'],
    ['1=1', '1=1'],
    ['-1,5', '-1,5'],
    ['-1 234.50', '-1 234.50'],
    ['-12.5%', '-12.5%'],
    ['+49 171 123', '+49 171 123'],
    ['-', '-'],
    ['---', '---'],
    ['-1.234,50 €', '-1.234,50 €'],
    ['-$5.00', '-$5.00'],
    ['+49 (0)30 123-456', '+49 (0)30 123-456'],
    ['+1-555-0100', '+1-555-0100'],
    ['+1-2-3', "'+1-2-3"],
    ['- an item', "'- an item"],
    ['-1-1', "'-1-1"],
    ['+1(2)', "'+1(2)"],
    ['-1,A1', "'-1,A1"],
    ["it's -2", "it's -2"],
  ];
  const requests = cells.map(([text], index) => ({ task_id: `${text} ${index}`, prompt: 'Well?' }));
  const { server, batch_id } = await endedBatch(requests, (sent) => [
    ...sent.slice(0, -1).map((request, index) => succeeded(request, cells[index]?.[0] ?? '')),
    ...sent.slice(-1).map((request) => errored(request, '=type', '=message')),
  ]);
  await server.ok('get_results', { batch_id, output_file: 'out.csv' });
  const [, ...rows] = parseCsv(await readFile(path.join(server.work, 'out.csv'), 'utf8'));
  expect(rows.map((row) => row[2])).toEqual([...cells.slice(0, -1).map(([, safe]) => safe), '']);
  expect(rows.at(-1)?.slice(3, 5)).toEqual(['unknown_error', "'=message"]);
  for (const row of rows) expect(row.filter((cell) => /^[=@\t\r]/.test(cell))).toEqual([]);
});

describe('an output file asked for at submission', () => {
  test('is written when the batch has ended, and is told of', async () => {
    const api = await startApi();
    const server = await startCheckedServer({ api });
    const file = path.join(server.work, 'answers.jsonl');
    const { batch_id } = await server.ok('submit_batch', {
      requests: prompts(ids(3)),
      output_file: 'answers.jsonl',
    });
    expect((await server.ok('batch_status', { batch_id })).output_files).toEqual([]);
    expect(await readdir(server.work)).toEqual([]);
    api.endAll();
    expect((await server.ok('batch_status', { batch_id })).output_files).toEqual([file]);
    expect((await readFile(file, 'utf8')).trimEnd().split('\n')).toHaveLength(3);
  });

  test('is written once, whoever of several sees the end', async () => {
    const api = await startApi();
    const first = await startCheckedServer({ api });
    const { batch_id } = await first.ok('submit_batch', {
      requests: prompts(ids(40)),
      output_file: 'a.json',
    });
    const others = await Promise.all(
      Array.from({ length: 3 }, () => startCheckedServer({ api, folder: first.folder })),
    );
    api.endAll();
    await Promise.all([first, ...others].map((server) => server.ok('batch_status', { batch_id })));
    const status = await follow(first, batch_id);
    expect(status).toMatchObject({ warnings: [], output_files: [path.join(first.work, 'a.json')] });
    expect(JSON.parse(await readFile(path.join(first.work, 'a.json'), 'utf8'))).toHaveLength(40);
    expect(await readdir(first.work)).toEqual(['a.json']);
  });

  test('does not take the place of a file that came in between', async () => {
    const api = await startApi();
    const server = await startCheckedServer({ api });
    const { batch_id } = await server.ok('submit_batch', {
      requests: prompts(ids(2)),
      output_file: 'notes.md',
    });
    await writeFile(path.join(server.work, 'notes.md'), 'mine');
    api.endAll();
    const status = await server.ok('batch_status', { batch_id });
    expect(status).toMatchObject({ results_state: 'saved', output_files: [] });
    expect(status.warnings).toEqual([expect.stringMatching(/notes\.md was not written.*exists already/)]);
    expect(await readFile(path.join(server.work, 'notes.md'), 'utf8')).toBe('mine');
    expect(await server.ok('get_results', { batch_id, output_file: 'other.md' })).toMatchObject({
      output_files: [path.join(server.work, 'other.md')],
    });
  });
});

test('of fields beside a file it is said that the file has all', async () => {
  const { server, batch_id } = await endedBatch(prompts(ids(2)), undefined);
  const args = { batch_id, fields: ['text'] };
  expect((await server.ok('get_results', args)).warnings).toEqual([]);
  const { warnings } = await server.ok('get_results', { ...args, output_file: 'out.jsonl' });
  expect(warnings).toEqual([
    expect.stringMatching(/^fields chooses what this reply shows: the file has all/),
  ]);
  expect(await readFile(path.join(server.work, 'out.jsonl'), 'utf8')).toContain('"custom_id"');
});

describe('nothing is overwritten', () => {
  const batch = () => endedBatch(prompts(ids(2)), undefined);

  test('but, when asked to, a file that was written here and left as it was', async () => {
    const { server, batch_id } = await batch();
    const file = path.join(server.work, 'out.csv');
    await server.ok('get_results', { batch_id, output_file: 'out.csv' });
    const first = await readFile(file, 'utf8');

    expect(await server.fails('get_results', { batch_id, output_file: 'out.csv' })).toMatch(/exists already/);
    const again = await server.ok('get_results', { batch_id, output_file: 'out.csv', overwrite: true });
    expect(again.output_files).toEqual([file]);
    expect(await readFile(file, 'utf8')).toBe(first);

    await writeFile(file, `${first}edited by hand\n`);
    const refused = await server.fails('get_results', { batch_id, output_file: 'out.csv', overwrite: true });
    expect(refused).toMatch(/changed since/);
    expect(await readFile(file, 'utf8')).toBe(`${first}edited by hand\n`);
  });

  test("of the user's own", async () => {
    const { api, server, batch_id } = await batch();
    await writeFile(path.join(server.work, 'mine.json'), '{}');
    await symlink(path.join(server.work, 'mine.json'), path.join(server.work, 'link.json'));
    for (const overwrite of [false, true]) {
      for (const output_file of ['mine.json', 'link.json']) {
        await server.fails('get_results', { batch_id, output_file, overwrite });
      }
    }
    expect(await readFile(path.join(server.work, 'mine.json'), 'utf8')).toBe('{}');
    // The path is looked at first: nothing was downloaded for a file that can't be written.
    expect(api.requests.filter(({ path }) => path.endsWith('/results'))).toEqual([]);
  });
});

test('before the end no file is written, and the reply says so', async () => {
  const api = await startApi();
  const server = await startCheckedServer({ api });
  const { batch_id } = await server.ok('submit_batch', { requests: prompts(ids(2)) });
  const early = await server.ok('get_results', { batch_id, output_file: 'out.json' });
  expect(early).toMatchObject({ processing_status: 'in_progress', output_files: [] });
  expect(early.warnings).toEqual([expect.stringMatching(/not written/)]);
  expect(await readdir(server.work)).toEqual([]);
});

test('a submission repeated after its file was written gets its batch back', async () => {
  const server = await startServer({ argv: ['--sandbox'] });
  const work = { requests: [{ task_id: 'a', prompt: 'hi' }], output_file: 'all.json' };
  const { batch_id } = await server.ok('submit_batch', work);
  await follow(server, batch_id);
  expect(await server.ok('submit_batch', work)).toMatchObject({ batch_id, duplicate: true });
  const other = await server.ok('submit_batch', { ...work, output_file: 'other.json' });
  expect(other.warnings.join(' ')).toMatch(/other\.json is not written automatically/);
  const wrong = await server.ok('submit_batch', { ...work, output_file: 'all.exe' });
  expect(wrong.warnings.join(' ')).toMatch(/is not written\. .*output_file: unknown ending/s);
  const each = await server.ok('submit_batch', {
    requests: work.requests,
    output_pattern: 'each/{{task_id}}.md',
  });
  expect(each.warnings.join(' ')).toMatch(/No files are written by each/);
  const same = await server.ok('submit_batch', work);
  expect(same.warnings.join(' ')).not.toMatch(/written/);
});

test.each(['con.csv', 'NUL.jsonl', 'out/aux.json', 'com1.raw.jsonl', 'prn .md', 'LPT³.x.csv'])(
  'the name of a device, %s, is refused on every system',
  async (output_file) => {
    const api = await startApi();
    const server = await startCheckedServer({ api });
    const work = { requests: prompts(['a']), output_file };
    expect(await server.fails('submit_batch', work)).toMatch(
      /output_file: Windows takes it for a device.*Valid: another name/,
    );
    expect(api.creates).toEqual([]);
    const other = await server.ok('submit_batch', { ...work, output_file: 'console.csv' });
    expect(await server.fails('get_results', { batch_id: other.batch_id, output_file })).toContain('device');
  },
);

test.each(['x.pdf', 'x', 'x.xlsx'])('a wrong output, %s, is told once', async (output_file) => {
  const server = await startServer({ argv: ['--sandbox'] });
  const text = await server.fails('submit_batch', { requests: ['Hi'], output_file });
  expect(text.match(/output_file: /g)).toHaveLength(1);
});

test('a wrong output and wrong tasks are told together', async () => {
  const server = await startServer({ argv: ['--sandbox'] });
  const text = await server.fails('submit_batch', { requests: [{ task_id: 'a' }], output_file: 'all.exe' });
  expect(text.match(/output_file: unknown ending/g)).toHaveLength(1);
  expect(text).toMatch(/neither a task_type nor a prompt/);
});

test('an output_file with a place in its name is refused: one file for all would be called so', async () => {
  const api = await startApi();
  const server = await startCheckedServer({ api });
  const work = { requests: prompts(['a']), output_file: 'answers/{{task_id}}.json' };
  expect(await server.fails('submit_batch', work)).toContain('output_pattern for a file per answer');
  expect(api.creates).toEqual([]);
});
