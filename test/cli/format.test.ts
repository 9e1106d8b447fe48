import { PassThrough } from 'node:stream';
import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';
import { diskSize, dollars, duration, table } from '../../src/cli/format.ts';
import { inCommands } from '../../src/cli/show.ts';
import { createTerminal, fit, printable } from '../../src/cli/terminal.ts';
import { count } from '../../src/lib/numbers.ts';

type Screen = { isTTY?: boolean; columns?: number };

function terminalOf(screen: Screen = {}, env: Record<string, string> = {}) {
  const stdout = Object.assign(new PassThrough(), screen);
  const stderr = Object.assign(new PassThrough(), screen);
  const terminal = createTerminal({ stdin: Object.assign(new PassThrough(), screen), stdout, stderr, env });
  const textOf = (stream: PassThrough) => String(stream.read() ?? '');
  return { terminal, printed: () => textOf(stdout), noted: () => textOf(stderr) };
}

test.each([
  [0, '$0'],
  [0.00000042, '$0.000000'],
  [0.0052, '$0.0052'],
  [0.022, '$0.022'],
  [0.5, '$0.50'],
  [1, '$1.00'],
  [1234.567, '$1234.57'],
])('%d dollars read %s', (usd, text) => expect(dollars(usd)).toBe(text));

test.each([
  [0, '0 s'],
  [0.4, '0 s'],
  [59, '59 s'],
  [60, '1 min'],
  [3_720, '1 h 2 min'],
  [86_400, '1 d'],
  [90_061, '1 d 1 h'],
])('%d seconds read %s', (seconds, text) => expect(duration(seconds)).toBe(text));

test.each([
  [0, '0 kB'],
  [1, '1 kB'],
  [999_001, '1,000 kB'],
  [1_234_567, '1.2 MB'],
  [2e9, '2.0 GB'],
])('%d bytes read %s', (bytes, text) => expect(diskSize(bytes)).toBe(text));

test('numbers have their thousands apart', () => expect(count(1234567)).toBe('1,234,567'));

test.each([
  ['short', 10, 'short'],
  ['exactly', 7, 'exactly'],
  ['too long', 5, 'too …'],
  ['日本語テキスト', 7, '日本語…'],
  ['👩‍👩‍👧 family', 4, '👩‍👩‍👧 …'],
])('%s in %d columns is %s', (text, columns, fitted) => {
  expect(fit(text, columns)).toBe(fitted);
  expect(stringWidth(fit(text, columns))).toBeLessThanOrEqual(columns);
});

test('control characters of others do not reach the terminal', () => {
  expect(printable('a\u001b[31mred\u001b[0m\u0007\u009b2Kb\rc\nd')).toBe('aredb c\nd');
});

describe('a table', () => {
  const columns = [{ title: 'id' }, { title: 'n', right: true }, { title: 'name', flexible: true }];
  const rows = [
    ['one', '1', 'a name that is long'],
    ['three', '1,000', '日本語の名前です'],
  ];

  test('is aligned, wide characters counted as two', () => {
    expect(table(columns, rows, terminalOf().terminal)).toBe(
      ['id         n  name', 'one        1  a name that is long', 'three  1,000  日本語の名前です'].join(
        '\n',
      ),
    );
  });

  test.each([
    [36, 'id         n  name              when', 'one        1  a name that is …  now'],
    [34, 'id         n  name', 'one        1  a name that is long'],
    [20, 'id         n  name', 'one        1  a nam…'],
  ])('leaves out in %d columns what can be done without', (width, ...begin) => {
    const { terminal } = terminalOf({ isTTY: true, columns: width }, { NO_COLOR: '1' });
    const dated = rows.map((row) => [...row, 'now']);
    const lines = table([...columns, { title: 'when', dispensable: true }], dated, terminal).split('\n');
    expect(lines.slice(0, 2)).toEqual(begin);
  });

  test('stays aligned where a cell holds a tab', () => {
    const { terminal } = terminalOf({ isTTY: true, columns: 80 }, { NO_COLOR: '1' });
    const titled = [{ title: 'id' }, { title: 'n' }];
    expect(
      table(
        titled,
        [
          ['a\tb', '1'],
          ['a b', '2'],
        ],
        terminal,
      ),
    ).toBe('id   n\na b  1\na b  2');
  });

  test('has lines for each row under wide titles too', () => {
    const { terminal } = terminalOf({ isTTY: true, columns: 20 }, { NO_COLOR: '1' });
    const titled = [{ title: '分類' }, { title: 'n' }];
    expect(table(titled, [['batch_1234567890', '12345']], terminal)).toBe(
      '分類  batch_1234567890\nn     12345',
    );
  });

  test('has lines for each row where it is too wide for the terminal', () => {
    const { terminal } = terminalOf({ isTTY: true, columns: 20 }, { NO_COLOR: '1' });
    const ids = [
      ['batch_1234', '1', '日本語の名前です'],
      ['batch_5678', '1,000', ''],
    ];
    expect(table(columns, ids, terminal)).toBe(
      'id    batch_1234\nn     1\nname  日本語の名前です\n\nid    batch_5678\nn     1,000',
    );
  });

  test.each([24, 30, 40])('fits a terminal of %d columns', (width) => {
    const lines = table(
      columns,
      rows,
      terminalOf({ isTTY: true, columns: width }, { NO_COLOR: '1' }).terminal,
    ).split('\n');
    for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(width);
  });
});

describe('a terminal', () => {
  test('colours only where somebody sees it', () => {
    expect(terminalOf({ isTTY: true }).terminal.style('red', 'x')).toBe('\u001b[31mx\u001b[39m');
    expect(terminalOf({ isTTY: true }, { NO_COLOR: '1' }).terminal.style('red', 'x')).toBe('x');
    expect(terminalOf({ isTTY: true }, { TERM: 'dumb' }).terminal.style('red', 'x')).toBe('x');
    expect(terminalOf().terminal.style('red', 'x')).toBe('x');
  });

  test('leaves colours out of what is said beside it where that goes to a file', () => {
    const screen = { stdin: new PassThrough(), stdout: Object.assign(new PassThrough(), { isTTY: true }) };
    const stderr = new PassThrough();
    const terminal = createTerminal({ ...screen, stderr, env: {} });
    terminal.note(`${terminal.style('red', 'Error')}: gone`);
    expect(String(stderr.read())).toBe('Error: gone\n');
  });

  test('replaces its progress line, and takes it away before anything else is said', () => {
    const { terminal, noted } = terminalOf({ isTTY: true, columns: 40 });
    terminal.progress('1 s  running', 'running …');
    terminal.progress('2 s  running', 'running …');
    terminal.note('done');
    expect(noted()).toBe('\r\u001b[2K1 s  running\r\u001b[2K2 s  running\r\u001b[2Kdone\n');
  });

  test('without one a stage is said once', () => {
    const { terminal, noted } = terminalOf();
    terminal.progress('1 s  running', 'running …');
    terminal.progress('2 s  running', 'running …');
    terminal.progress('3 s  writing', 'writing …');
    expect(noted()).toBe('running …\nwriting …\n');
  });

  test.each([
    ['y\n', true],
    ['YES\n', true],
    ['n\n', false],
    ['\n', false],
    ['yeah\n', false],
    ['', false],
    ['y\n', false, { isTTY: false }],
  ])('takes %j for %s', async (input, yes, screen = { isTTY: true }) => {
    const stdin = Object.assign(new PassThrough(), screen);
    const stream = () => Object.assign(new PassThrough(), screen);
    const terminal = createTerminal({ stdin, stdout: stream(), stderr: stream(), env: {} });
    const answer = terminal.confirm('Send?');
    stdin.end(input);
    expect(await answer).toBe(yes);
  });
});

test.each<[reply: string, atTerminal: string]>([
  [
    'Call get_results with batch_id b, or repeat with sandbox: true and force_new: true.',
    'Run batch-mcp results b, or repeat with --sandbox and --force-new.',
  ],
  [
    'Call batch_status with batch_id batch_1 and wait_seconds 20, or look again in 2 seconds.',
    'Run batch-mcp status batch_1 --wait-seconds 20, or look again in 2 seconds.',
  ],
  ['All are in. Call get_results with batch_id batch_1.', 'All are in. Run batch-mcp results batch_1.'],
  [
    'Call retry_batch with batch_id batch_1, error_types ["refusal"] and model claude-opus-4-8.',
    'Run batch-mcp retry batch_1 --error-types refusal and model claude-opus-4-8.',
  ],
  [
    'if so, call retry_batch with resolve: "msgbatch_1" and pay',
    'if so, call batch-mcp retry with --resolve msgbatch_1 and pay',
  ],
  ['requests_file or input_files', '--requests-file or --input-files'],
  ['its max_tokens and its task_id', 'its max_tokens and its task_id'],
])('%j reads %j at a terminal', (reply, atTerminal) => expect(inCommands(reply)).toBe(atTerminal));
