import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Command } from '../../src/cli/command.ts';
import { commands } from '../../src/cli/commands/index.ts';
import { completionScript } from '../../src/cli/completion.ts';
import { argumentsOf, optionOf, readArguments } from '../../src/cli/options.ts';
import { createProgram } from '../../src/cli/program.ts';
import { commandOf } from '../../src/cli/show.ts';
import { tools } from '../../src/tools/index.ts';
import { eachNth, long } from '../long.ts';
import { createDesk, type Desk, run } from './run-binary.ts';

const program = createProgram(commands, async () => {});

/** The ways in which an argument can be typed: by its place, as an option, or as the flag of the setting that means it. */
function waysOf(command: Command, name: string): string[] {
  const places = command.positional.filter((positional) => positional.slice(1, -1) === name);
  const options = program.commands.find((each) => each.name() === command.name)?.options ?? [];
  return [...places, ...options.flatMap(({ long }) => (long === optionOf(name) ? [long] : []))];
}

describe('every argument can be typed, in exactly one way', () => {
  const operated = commands.flatMap((command) =>
    command.operation === undefined ? [] : [{ name: command.name, command, operation: command.operation }],
  );

  test.each(operated)('at $name, of its operation', ({ command, operation }) => {
    const names = Object.keys(operation.input.shape);
    expect(names.map((name) => [name, waysOf(command, name).length])).toEqual(names.map((name) => [name, 1]));
  });

  test.each(tools)('of the tool $name, at its command', ({ name, inputSchema }) => {
    const command = commands.find((each) => `batch-mcp ${each.name}` === commandOf[name]);
    const told = Object.keys(
      z.object({ properties: z.record(z.string(), z.unknown()) }).parse(inputSchema).properties,
    );
    expect(told.filter((each) => command === undefined || waysOf(command, each).length !== 1)).toEqual([]);
  });
});

test.each<[words: string[], completed: string]>([
  [['st'], 'status store'],
  [['run', '--model'], '--model-tier --model'],
  [['--ver'], '--version'],
  [['help', 'st'], 'status store'],
  [['store', ''], 'copy undo'],
  [['store', 'u'], 'undo'],
  [['serve', '--read'], '--read-only'],
  // Files, then.
  [['run', ''], ''],
  [['run', 'ta'], ''],
])('bash completes %j by %j', async (words, completed) => {
  const all = ['batch-mcp', ...words].map((word) => `'${word}'`).join(' ');
  const asked = `COMP_WORDS=(${all}); COMP_CWORD=${words.length}; _batch_mcp; echo "\${COMPREPLY[*]}"`;
  const script = `${completionScript('bash', program)}\n${asked}`;
  expect((await promisify(execFile)('bash', ['-c', script])).stdout).toBe(`${completed}\n`);
});

describe('a field that an operation gets becomes an option by itself', () => {
  const input = z.strictObject({
    some_text: z.string(),
    some_number: z.number(),
    some_choice: z.boolean(),
    some_texts: z.array(z.string()),
    some_object: z.record(z.string(), z.unknown()),
    some_items: z.array(z.unknown()),
    list_or_path: z.union([z.array(z.string()), z.string()]),
  });
  const known = argumentsOf(input, []);

  test.each<[typed: Record<string, unknown>, meant: Record<string, unknown>]>([
    [{ someText: '5' }, { some_text: '5' }],
    [{ someNumber: '5' }, { some_number: 5 }],
    [{ someChoice: true }, { some_choice: true }],
    [{ someTexts: ['a', 'b'] }, { some_texts: ['a', 'b'] }],
    [{ someObject: '{"a":1}' }, { some_object: { a: 1 } }],
    [{ someObject: 'label=category' }, { some_object: { label: 'category' } }],
    [
      { someObject: 'json.label=x, row.city = Ulm am See' },
      { some_object: { 'json.label': 'x', 'row.city': 'Ulm am See' } },
    ],
    [{ someObject: 'sum=a=b' }, { some_object: { sum: 'a=b' } }],
    [{ someItems: '[1]' }, { some_items: [1] }],
    [{ listOrPath: '["a","b"]' }, { list_or_path: ['a', 'b'] }],
    [{ listOrPath: 'labels.txt' }, { list_or_path: 'labels.txt' }],
  ])('%j means %j', async (typed, meant) => {
    expect(await readArguments(known, typed)).toEqual(meant);
  });

  test.each(['label', '=category', 'label=category,tone', 'of=nowhere.json', '{label=category}'])(
    '%s is neither an object nor a file',
    async (someObject) => {
      const error = await readArguments(known, { someObject }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'invalid_input', problems: [{ field: '--some-object' }] });
    },
  );
});

async function deskWithRows(): Promise<Desk> {
  const desk = await createDesk({ BATCH_MCP_PROVIDER: 'sandbox' });
  await writeFile(path.join(desk.folder, 'rows.json'), JSON.stringify([{ text: 'one' }, { text: 'two' }]));
  await writeFile(path.join(desk.folder, 'labels.txt'), 'good\nbad\n');
  return desk;
}

const asRows = ['--rows-file', 'rows.json', '--prompt', 'Judge: {{text}}'];

describe('work that an option names', () => {
  test('is sent by the id that estimate gave, with the answers where they are wanted', long, async () => {
    const desk = await deskWithRows();
    const estimated = await run(desk, ['estimate', ...asRows, '--labels', 'labels.txt']);
    const [, workId = ''] = /batch-mcp submit --work-id (work_[0-9a-f]{32})$/m.exec(estimated.stderr) ?? [];
    const { code, stdout, stderr } = await run(desk, ['run', 'out.json', '--work-id', workId, '--json']);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(JSON.parse(stdout).totals).toMatchObject({ total: 2, succeeded: 2 });
    const answers = JSON.parse(await readFile(path.join(desk.folder, 'out.json'), 'utf8'));
    expect(answers.map(({ task_id }: { task_id: string }) => task_id)).toEqual(['row_1', 'row_2']);
  });

  test('is submitted with the file that its answers go to', long, async () => {
    const desk = await deskWithRows();
    const { stdout } = await run(desk, ['submit', ...asRows, '--output-file', 'later.csv', '--json']);
    expect((await run(desk, ['wait', JSON.parse(stdout).batch_id])).code).toBe(0);
    expect(await readFile(path.join(desk.folder, 'later.csv'), 'utf8')).toContain('row_2');
  });

  eachNth<[typed: string[]]>(2, [
    [['--output-file', 'named.csv', ...asRows]],
    [[...asRows, '--output-file=named.csv']],
  ])('has its answers where run is told as submit is: %j', async (typed) => {
    const desk = await deskWithRows();
    expect(await run(desk, ['run', ...typed])).toMatchObject({ code: 0 });
    expect(await readFile(path.join(desk.folder, 'named.csv'), 'utf8')).toContain('row_2');
  });

  test('as files leaves out what .gitignore does, as for an agent', async () => {
    const desk = await deskWithRows();
    await mkdir(path.join(desk.folder, 'src', 'made'), { recursive: true });
    await writeFile(path.join(desk.folder, '.gitignore'), 'made/\n');
    for (const name of ['a.ts', 'made/b.ts']) await writeFile(path.join(desk.folder, 'src', name), 'x');
    const { stdout } = await run(desk, ['estimate', 'src/**/*.ts', '--prompt', 'x']);
    expect(stdout).toContain('1 file; skipped: 1 left out by .gitignore');
  });

  eachNth<[name: string, args: string[]]>(3, [
    ['submit', ['submit', 'rows.json', ...asRows]],
    ['estimate', ['estimate', 'rows.json', 'out.json', ...asRows]],
    ['run', ['run', 'rows.json', 'out.json', ...asRows]],
  ])('is refused by %s beside a file', async (_name, args) => {
    const { code, stderr } = await run(await deskWithRows(), args);
    expect(code).toBe(2);
    expect(stderr).toContain('--rows-file: is given together with rows.json. Valid: one of the two');
  });

  test('leaves a file alone that would be taken for the output', async () => {
    const desk = await deskWithRows();
    const { code } = await run(desk, ['run', 'rows.json', ...asRows]);
    expect(code).toBe(1);
    expect(JSON.parse(await readFile(path.join(desk.folder, 'rows.json'), 'utf8'))).toHaveLength(2);
  });
});

describe('estimate takes the line that submit will be given', () => {
  const sends = 'Send it as it is: batch-mcp submit --work-id work_';
  eachNth<[typed: string, code: number, says: string]>(5, [
    ['--force-new --yes', 0, ', with --force-new as here'],
    ['--name n --retries 2 --output-file o.csv', 0, ', with --name, --output-file, --retries as here'],
    ['--output-pattern {{stem}}/{{id}}.md', 2, '--output-pattern: the place {{stem}} names no column'],
    ['--output-file o.xlsx', 0, 'Note: batch-mcp submit would refuse it. output_file has an unknown ending'],
    [
      '--labels labels.txt --output-file o.csv --output-key b',
      2,
      '--output-key: "b" is not a key of the answers. Valid: label',
    ],
    ['--retries 9', 2, '--retries: is too large. Valid: at most 3'],
    [
      '--work-id work_00000000000000000000000000000000 out.csv',
      2,
      '--work-id: is given together with rows.json',
    ],
    ['out.csv --output-file o.csv', 2, '--output-file: is given together with out.csv'],
  ])('%s', async (typed, code, says) => {
    const desk = await deskWithRows();
    const work = typed.includes('--work-id') ? ['rows.json'] : asRows;
    const estimated = await run(desk, ['estimate', ...work, ...typed.split(' ')]);
    expect(estimated).toMatchObject({ code, stderr: expect.stringContaining(says) });
    if (code === 0) expect(estimated.stderr).toContain(sends);
  });

  test('and that which run will be given, and says what it does not do', long, async () => {
    const desk = await deskWithRows();
    const line = [...asRows, 'out file.csv', '--retries', '1', '--poll-interval', '5', '--timeout', '60'];
    const { code, stderr } = await run(desk, ['estimate', ...line]);
    expect(code).toBe(0);
    expect(stderr).toContain('Nothing is sent, waited for or written here');
    const sent =
      /run (--work-id work_\w+) 'out file\.csv', with --retries, --poll-interval, --timeout as here$/m;
    const [, workId = ''] = sent.exec(stderr) ?? [];
    const rest = ['out file.csv', '--retries', '1', '--poll-interval', '5', '--timeout', '60'];
    expect(await run(desk, ['run', ...workId.split(' '), ...rest])).toMatchObject({ code: 0 });
    expect(await readFile(path.join(desk.folder, 'out file.csv'), 'utf8')).toContain('row_2');
  });

  test('and counts what a pilot has answered, unless all is sent anew', long, async () => {
    const desk = await deskWithRows();
    await run(desk, ['run', ...asRows, '--max-tasks', '1']);
    const work = ['estimate', ...asRows, '--json'];
    const whole = JSON.parse((await run(desk, [...work, '--force-new'])).stdout);
    const rest = JSON.parse((await run(desk, work)).stdout);
    expect(rest.reused).toMatchObject({ count: 1 });
    expect(whole.reused).toBeUndefined();
    expect(whole.cost_usd.maximum).toBeGreaterThan(rest.cost_usd.maximum);
    const again = JSON.parse((await run(desk, ['estimate', '--work-id', rest.work_id, '--json'])).stdout);
    expect(again).toEqual(rest);
  });
});
