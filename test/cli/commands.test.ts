import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test, vi } from 'vitest';
import { eachNth, eachNthOf, long } from '../long.ts';
import { hasSignals } from '../programs.ts';
import { builtCli, createDesk, type Desk, run, start } from './run-binary.ts';

const tasks = [
  { task_id: 'first', prompt: 'Say one.' },
  { task_id: 'second', prompt: 'Say two.' },
];

async function deskWithTasks(env: Record<string, string> = {}): Promise<Desk> {
  const desk = await createDesk({ BATCH_MCP_PROVIDER: 'sandbox', ...env });
  await writeFile(path.join(desk.folder, 'tasks.json'), JSON.stringify(tasks));
  return desk;
}

async function submitted(desk: Desk): Promise<string> {
  const { stdout } = await run(desk, ['submit', 'tasks.json', '--json']);
  return JSON.parse(stdout).batch_id;
}

describe("the guide's commands, as typed there", () => {
  test('submit tells the id and how to go on', async () => {
    const desk = await deskWithTasks();
    const { code, stdout, stderr } = await run(desk, ['submit', 'tasks.json']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Submitted a batch of 2 requests\.\nBatch ID: +batch_[0-9A-Z]{26}$/m);
    expect(stderr).toMatch(/batch-mcp status batch_[0-9A-Z]{26}$/m);
    expect(stderr).toMatch(/batch-mcp wait batch_[0-9A-Z]{26} results\.json$/m);
    expect(stderr).toContain('made up');
  });

  test('status shows what the guide shows', long, async () => {
    const desk = await deskWithTasks({ BATCH_MCP_SANDBOX_SECONDS: '3600' });
    const id = await submitted(desk);
    const { code, stdout } = await run(desk, ['status', id]);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^Batch ID: +${id}$`, 'm'));
    expect(stdout).toMatch(/^Processing status: +in_progress$/m);
    expect(stdout).toMatch(/^Created: +2\d{3}-\d\d-\d\dT/m);
    expect(stdout).toMatch(/^Request counts: +processing 2, succeeded 0, errored 0, canceled 0, expired 0$/m);
  });

  test('wait writes the results and counts them', long, async () => {
    const desk = await deskWithTasks();
    const id = await submitted(desk);
    const waited = await run(desk, ['wait', id, 'results.json', '--poll-interval', '0.2', '--timeout', '60']);
    expect(waited.code).toBe(0);
    expect(waited.stdout).toMatch(
      /^Results saved to .*results\.json\nTotal: +2\nSucceeded: +2\nErrored: +0$/m,
    );
    const written = JSON.parse(await readFile(path.join(desk.folder, 'results.json'), 'utf8'));
    expect(written.map(({ task_id, success }: Record<string, unknown>) => [task_id, success])).toEqual([
      ['first', true],
      ['second', true],
    ]);
    expect(await run(desk, ['results', id, 'again.csv'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Results saved to \S+\/again\.csv\nTotal:/),
      stderr: expect.stringMatching(/^They are in \S+\/results\.json too\.$/m),
    });
  });

  test('results writes a file of an ended batch, and says 3 for one that runs', long, async () => {
    const desk = await deskWithTasks();
    const id = await submitted(desk);
    await run(desk, ['wait', id]);
    expect((await run(desk, ['results', id, 'results.csv'])).code).toBe(0);
    expect(await readFile(path.join(desk.folder, 'results.csv'), 'utf8')).toContain('first');

    const slow = await deskWithTasks({ BATCH_MCP_SANDBOX_SECONDS: '3600' });
    const running = await run(slow, ['results', await submitted(slow), 'results.json']);
    expect(running.code).toBe(3);
    expect(running.stderr).toContain('batch-mcp wait');
  });
});

describe('run', () => {
  test('submits, waits and writes; a second time it pays nothing and writes again', async () => {
    const desk = await deskWithTasks();
    const first = await run(desk, ['run', 'tasks.json', 'one.jsonl']);
    expect(first.code).toBe(0);
    const second = await run(desk, ['run', 'tasks.json', 'two.jsonl']);
    expect(second.code).toBe(0);
    expect(second.stderr).toContain('Nothing is sent or paid again');
    const read = (name: string) => readFile(path.join(desk.folder, name), 'utf8');
    expect(await read('two.jsonl')).toBe(await read('one.jsonl'));
  });

  test('without an output shows the answers', long, async () => {
    const { code, stdout } = await run(await deskWithTasks(), ['run', 'tasks.json']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^first {2}succeeded\n\S/m);
    expect(stdout).toMatch(/^second {2}succeeded\n\S/m);
  });

  test.each<[name: string, input: string]>([
    ['an array', JSON.stringify(tasks)],
    ['lines', tasks.map((task) => JSON.stringify(task)).join('\n')],
    ['a byte order mark and blanks first', `\uFEFF\n ${JSON.stringify(tasks)}`],
  ])('takes tasks from stdin: %s', long, async (_name, input) => {
    const desk = await deskWithTasks();
    const { code, stdout } = await run(desk, ['run', '-', 'out.json', '--json'], input);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).totals).toMatchObject({ total: 2, succeeded: 2 });
  });
});

const utf16 = (text: string) => Buffer.from(text, 'utf16le');
const inUtf16 = (text: string) => utf16(`\uFEFF${text}`);

describe('run takes what is there to be worked on', () => {
  const TWO = ['row_1', 'row_2'];
  const piped: [what: string, input: string | Buffer, args: string[], ids: string[]][] = [
    ['an object with a list of rows', '{"rows": [{"q":"x"},{"q":"y"}]}', ['--prompt', 'On {{q}}'], TWO],
    [
      'a table',
      'id,review\r\n7,"Good, really"\r\n',
      ['--prompt', 'Judge: {{review}}', '--id-column', 'id'],
      ['7'],
    ],
    ['lines', 'one\ntwo\n', ['--prompt', 'Say {{line}}.'], TWO],
    [
      'such an object over several lines',
      '\n{\n  "count": 2,\n  "page": {"rows": [\n    {"q":"x"},\n    {"q":"y"}\n  ]}\n}\n',
      ['--prompt', 'On {{q}}'],
      TWO,
    ],
    ['an array of rows', '[{"q":"x"},{"q":"y"}]', ['--prompt', 'On {{q}}'], TWO],
    ['rows on lines', '{"q":"x","of":[{"n":1}]}\n{"q":"y"}\n', ['--prompt', 'On {{q}}'], TWO],
    ['what an option says are rows', '[{"q":"x"},{"q":"y"}]', ['--rows-file', '-', '--prompt', 'On'], TWO],
    ['tasks in UTF-16, as PowerShell writes them', inUtf16(JSON.stringify(tasks)), [], ['first', 'second']],
    [
      'such lines without a mark',
      utf16(tasks.map((task) => JSON.stringify(task)).join('\n')),
      [],
      ['first', 'second'],
    ],
    [
      'an object of rows in UTF-16',
      inUtf16('{"rows": [{"q":"ü"},{"q":"y"}]}'),
      ['--prompt', 'On {{q}}'],
      TWO,
    ],
    ['a table in UTF-16', inUtf16('id,q\n7,ü\n'), ['--prompt', 'On {{q}}', '--id-column', 'id'], ['7']],
    ['what an option says are tasks', JSON.stringify(tasks), ['--requests-file', '-'], ['first', 'second']],
  ];
  const idsIn = async (desk: Desk) =>
    JSON.parse(await readFile(path.join(desk.folder, 'out.json'), 'utf8')).map(
      ({ task_id }: { task_id: string }) => task_id,
    );

  eachNth(4, piped)('%s on stdin', async (_what, input, args, ids) => {
    const desk = await createDesk({ BATCH_MCP_PROVIDER: 'sandbox' });
    const typed = args.includes('-')
      ? ['run', ...args, '--output-file', 'out.json']
      : ['run', '-', 'out.json', ...args];
    const { code, stderr } = await run(desk, typed, input);
    expect(code, stderr).toBe(0);
    expect(await idsIn(desk)).toEqual(ids);
  });

  test.runIf(hasSignals)('a pipe by its name, as <(…) gives it', async () => {
    const desk = await createDesk({ BATCH_MCP_PROVIDER: 'sandbox' });
    const pipe = path.join(desk.folder, 'pipe');
    await promisify(execFile)('mkfifo', [pipe]);
    const ended = run(desk, ['run', 'pipe', 'out.json', '--prompt', 'Judge: {{review}}']);
    await writeFile(pipe, 'review\nGood\n');
    const { code, stderr } = await ended;
    expect(code, stderr).toBe(0);
    expect(await idsIn(desk)).toEqual(['row_1']);
  });

  test('the rows of a table, with their columns beside the answers', long, async () => {
    const desk = await createDesk({ BATCH_MCP_PROVIDER: 'sandbox' });
    await writeFile(path.join(desk.folder, 'reviews.csv'), 'id,review\r\n7,"Good, really"\r\n8,Bad\r\n');
    const args = ['run', 'reviews.csv', 'out.csv', '--prompt', 'Judge: {{review}}', '--id-column', 'id'];
    const { code, stderr } = await run(desk, args);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const lines = (await readFile(path.join(desk.folder, 'out.csv'), 'utf8')).split(/\r?\n/);
    expect(lines[0]).toContain('review');
    expect(lines[1]).toContain('Good, really');
  });

  eachNth<[merge: string, ids: string[]]>(2, [
    ['2', ['merge_2_1']],
    ['topic', ['a', 'b']],
  ])('rows merged by %s, and again where that is done', async (merge, ids) => {
    const desk = await deskWithTasks();
    await writeFile(path.join(desk.folder, 'rows.csv'), 'text,topic\none,a\ntwo,b\nthree,a\n');
    const args = ['run', 'rows.csv', 'out.json', '--prompt', 'Sum up: {{items}}', '--merge', merge];
    const { code, stderr } = await run(desk, args);
    expect(code, stderr).toBe(0);
    const written = JSON.parse(await readFile(path.join(desk.folder, 'out.json'), 'utf8'));
    expect(written.map(({ task_id }: Record<string, unknown>) => task_id)).toEqual(ids);
    expect(await run(desk, args)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Results are already in'),
    });
  });

  test('files by a pattern', long, async () => {
    const desk = await createDesk({ BATCH_MCP_PROVIDER: 'sandbox' });
    for (const name of ['a.txt', 'b.txt']) await writeFile(path.join(desk.folder, name), `Text of ${name}`);
    const { code } = await run(desk, ['run', '*.txt', 'out.json', '--prompt', 'Shorten: {{text}}']);
    expect(code).toBe(0);
    const ids = JSON.parse(await readFile(path.join(desk.folder, 'out.json'), 'utf8')).map(
      ({ task_id }: { task_id: string }) => task_id,
    );
    expect(ids).toEqual(['a.txt', 'b.txt']);
  });
});

describe('wrong usage ends with 2, and nothing is sent', () => {
  eachNth<[name: string, args: string[], message: RegExp]>(4, [
    ['an unknown command', ['sumbit', 'tasks.json'], /unknown command 'sumbit'.*Did you mean submit/s],
    ['an unknown option', ['submit', 'tasks.json', '--foo'], /unknown option '--foo'/],
    [
      'no file',
      ['submit'],
      /file: is missing: there is no work. Valid: a file, - for tasks on stdin, or one of --requests/,
    ],
    ['a packed table', ['estimate', 'rows.csv.gz', '--prompt', 'x'], /compressed with gzip.*gunzip/s],
    ['a workbook', ['submit', 'rows.xlsx', '--prompt', 'x'], /is an Excel workbook.*saved as CSV/s],
    ['an id that is none', ['status', 'nope'], /is not the id or the name of a batch/],
    ['the newest where there is none', ['status', 'last'], /there is none yet: batch-mcp submit makes one/],
    ...['many', '0x10', ' ', 'Infinity', 'NaN'].map((text): [string, string[], RegExp] => [
      `a number that is none: ${text}`,
      ['submit', 'tasks.json', '--max-tokens', text],
      /--max-tokens.*a number/s,
    ]),
    [
      'a choice that is none',
      ['submit', 'tasks.json', '--model-tier', 'huge'],
      /Allowed choices are cheap, capable, premium/,
    ],
    [
      'a timeout that is none',
      ['run', 'tasks.json', 'out.json', '--timeout', '0'],
      /--timeout: is too small/,
    ],
    ['a pace that is none', ['run', 'tasks.json', '--poll-interval', '-1'], /--poll-interval: is too small/],
    [
      'options before their command',
      ['--sandbox', 'run', 'tasks.json'],
      /"run": belongs to no flag; a command goes first/,
    ],
    ['an empty text for JSON', ['submit', 'tasks.json', '--output-schema', ''], /--output-schema: is empty/],
    [
      'JSON that is none',
      ['submit', 'tasks.json', '--output-schema', '{"type":'],
      /--output-schema: is not valid JSON/,
    ],
    ['a setting that is not valid', ['list', '--max-cost-usd', '0x10'], /0x10/],
    ['an empty stdin', ['submit', '-'], /Stdin holds no tasks/],
    [
      'a list as several words',
      ['submit', 'tasks.json', '--labels', 'good', 'bad'],
      /only \[file\] without an option; left over: "bad"\. A list for --labels is one word, JSON or the path/,
    ],
    [
      'files as a shell names them',
      ['submit', 'a.md', 'b.md', 'c.md', 'd.md', 'e.md'],
      /left over: "b\.md", "c\.md", "d\.md" and 1 more\. Several files: --input-files a\.md b\.md\./,
    ],
    ['a text without its quotes', ['list', 'of', 'mine'], /list takes no argument.*"of", "mine"\. .*quotes/],
    ['an action that there is not', ['store', 'move'], /Allowed choices are copy, undo/],
    ['a shell without completion', ['completion', 'csh'], /bash, zsh, fish/],
  ])('%s', async (_name, args, message) => {
    const desk = await deskWithTasks();
    const { code, stdout, stderr } = await run(desk, args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^ +at /m);
    expect(existsSync(path.join(desk.folder, 'data', 'batches'))).toBe(false);
  });
});

describe('waiting', () => {
  test.each(['wait', 'run'])(
    '%s ends with 3 at the timeout, and says how to go on',
    long,
    async (command) => {
      const desk = await deskWithTasks({ BATCH_MCP_SANDBOX_SECONDS: '3600' });
      const id = await submitted(desk);
      const what = command === 'run' ? 'tasks.json' : id;
      const { code, stderr } = await run(desk, [command, what, '--timeout', '0.5', '--poll-interval', '0.2']);
      expect(code).toBe(3);
      expect(stderr).toContain(`batch-mcp wait ${id}`);
    },
  );
});

describe.runIf(hasSignals)('whoever waits is interrupted:', () => {
  test.each<['SIGINT' | 'SIGTERM', number]>([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])('%s ends it with %i, and the batch lives', long, async (signal, expected) => {
    const desk = await deskWithTasks({ BATCH_MCP_SANDBOX_SECONDS: '3600' });
    const id = await submitted(desk);
    const { child, output, ended } = start(desk, ['wait', id]);
    await vi.waitFor(() => expect(output.stderr).toContain('running'), 20_000);
    child.kill(signal);
    const { code, stderr } = await ended;
    expect(code).toBe(expected);
    expect(stderr).toContain(`batch-mcp wait ${id}`);
    expect(JSON.parse((await run(desk, ['status', id, '--json'])).stdout).processing_status).toBe(
      'in_progress',
    );
  });
});

describe('what can not be written', () => {
  test.each<[output: string, code: number, says: RegExp]>([
    ['out.xyz', 2, /unknown ending\. Valid: \.json/],
    ['mine.json', 1, /exists already and was left as it is/],
    ['tasks.json', 1, /a reserved name/],
    ['folder.csv', 2, /is a folder\. Give the path of a file/],
    ['not/there.csv', 1, /There is no folder at/],
    ['-', 2, /unknown ending/],
  ])('is told before the waiting: %s', long, async (output, code, says) => {
    const desk = await deskWithTasks({ BATCH_MCP_SANDBOX_SECONDS: '3600' });
    await mkdir(path.join(desk.folder, 'folder.csv'));
    await writeFile(path.join(desk.folder, 'mine.json'), 'mine');
    const id = await submitted(desk);
    const ended = await run(desk, ['wait', id, output, '--timeout', '60']);
    expect(ended).toMatchObject({ code, stderr: expect.stringMatching(says) });
    expect(ended.stderr).not.toContain('running');
  });
});

describe('tasks on stdin', () => {
  test('are refused in a document too where there is no place to keep them', async () => {
    const desk = await deskWithTasks({ TMPDIR: '/not/there' });
    const { code, stdout } = await run(desk, ['estimate', '-', '--json'], JSON.stringify(tasks));
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({
      code: 1,
      error: { code: 'not_found', message: expect.stringContaining('TMPDIR') },
    });
  });

  test('leave nothing behind of a process that was killed, once the next one has begun', async () => {
    const desk = await deskWithTasks();
    const temporary = path.join(desk.folder, 'temporary');
    await mkdir(temporary);
    const here = { ...desk, env: { ...desk.env, TMPDIR: temporary } };
    const { child, ended } = start(here, ['submit', '-']);
    child.stdin.write(JSON.stringify(tasks).slice(0, 30));
    const left = async () => (await readdir(temporary, { recursive: true })).sort();
    await vi.waitFor(
      async () => expect(await left()).toContainEqual(expect.stringMatching(/stdin\.json$/)),
      20_000,
    );
    child.kill('SIGKILL');
    await ended;
    expect((await run(here, ['submit', '-'], JSON.stringify(tasks))).code).toBe(0);
    expect(await left()).toEqual([]);
  });
});

test.runIf(hasSignals)('a working folder that is gone keeps nobody from a batch', async () => {
  const desk = await createDesk({ BATCH_MCP_PROVIDER: 'sandbox' });
  const script = 'mkdir gone && cd gone && rmdir ../gone && exec "$0" "$1" list';
  const env = { ...desk.env, PATH: process.env.PATH };
  const { stderr } = await promisify(execFile)('sh', ['-c', script, process.execPath, builtCli], {
    cwd: desk.folder,
    env,
  });
  expect(stderr).toContain('There are no batches yet');
});

describe('what is printed', () => {
  test('without a terminal nothing is coloured and no line is replaced', long, async () => {
    const { stdout, stderr } = await run(await deskWithTasks(), ['run', 'tasks.json']);
    expect(stdout + stderr).not.toContain('\u001b');
    expect(stdout + stderr).not.toContain('\r');
  });

  eachNth<[what: string, args: string[], says: string]>(3, [
    ['a key', ['submit', 'tasks.json'], 'batch-mcp submit with `--sandbox`'],
    ['a file', ['estimate', '--rows-file', 'gone.xlsx'], '--rows-file'],
    ['a problem', ['estimate', '*.none'], 'each task of --input-files'],
  ])('the document of a failure speaks of commands and options too: %s', async (_what, args, says) => {
    const desk = await createDesk();
    await writeFile(path.join(desk.folder, 'tasks.json'), JSON.stringify(tasks));
    const { stdout } = await run(desk, [...args, '--json']);
    const { message, problems } = JSON.parse(stdout).error;
    const told = [message, ...problems.flatMap(Object.values)].join('\n');
    expect(told).toContain(says);
    expect(told).not.toMatch(/\b(?:submit_batch|estimate_cost|rows_file|input_files)\b|sandbox: true/);
  });

  test('the document of a reply advises commands', async () => {
    const { next_step } = JSON.parse(
      (await run(await deskWithTasks(), ['submit', 'tasks.json', '--json'])).stdout,
    );
    expect(next_step).toMatch(/^Run batch-mcp status batch_\w+ --wait-seconds 20, or look again/);
  });

  test('messages speak of commands, not of tools', async () => {
    const desk = await createDesk();
    await writeFile(path.join(desk.folder, 'tasks.json'), JSON.stringify(tasks));
    const { code, stderr } = await run(desk, ['submit', 'tasks.json']);
    expect(code).toBe(1);
    expect(stderr).toContain('no_credentials');
    expect(stderr).not.toMatch(/submit_batch|get_results|batch_status|sandbox: true/);
  });

  eachNth<[args: string[], says: RegExp]>(2, [
    [['help', 'wait'], /^Usage: batch-mcp wait \[options\] <batch_id>/],
    [['help'], /^Usage: batch-mcp \[options\] \[command\]/],
  ])('%j prints what --help does', async (args, says) => {
    const { code, stdout } = await run(await createDesk(), args);
    expect([code, says.test(stdout)]).toEqual([0, true]);
  });

  eachNthOf(3, ['bash', 'zsh', 'fish'])(
    'a completion script for %s names every command and its options',
    async (shell) => {
      const { code, stdout } = await run(await createDesk(), ['completion', shell]);
      expect(code).toBe(0);
      for (const word of [
        'submit',
        'wait',
        'poll-interval',
        'output-schema',
        'cheap capable premium',
        'bash zsh fish',
      ])
        expect(stdout).toContain(word);
    },
  );
});
