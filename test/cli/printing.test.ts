import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { commands } from '../../src/cli/commands/index.ts';
import { startApi } from '../api.ts';
import { settingsFor } from '../harness.ts';
import { eachNth, long } from '../long.ts';
import { scripted } from '../retry.ts';
import { builtCli, createDesk, type Desk, type Ended, run, start } from './run-binary.ts';

const tasks = ['a', 'b'].map((task_id) => ({ task_id, prompt: `The question of ${task_id}.` }));

async function deskWithTasks(env: Record<string, string> = {}): Promise<Desk> {
  const desk = await createDesk({ BATCH_MCP_PROVIDER: 'sandbox', ...env });
  await writeFile(path.join(desk.folder, 'tasks.json'), JSON.stringify(tasks));
  return desk;
}

/** The one document that stdout is; fails on anything around it, and on anything that belongs to a terminal. */
function documentOf({ stdout }: Ended): Record<string, unknown> {
  const document = JSON.parse(stdout);
  expect(stdout).toBe(`${JSON.stringify(document, null, 2)}\n`);
  return document;
}

describe('--json is one document and nothing else', () => {
  /** What each command is typed with, for a batch of which one task has failed, and one key of what it prints. */
  const typed: Record<string, [args: (batchId: string) => string[], key: string]> = {
    submit: [() => ['tasks.json'], 'batch_id'],
    estimate: [() => ['tasks.json'], 'work_id'],
    wait: [(id) => [id], 'totals'],
    run: [() => ['tasks.json', 'out.json'], 'totals'],
    status: [(id) => [id], 'processing_status'],
    results: [(id) => [id], 'results'],
    retry: [(id) => [id, '--dry-run'], 'retry'],
    cancel: [(id) => [id], 'error'],
    list: [() => [], 'batches'],
    collect: [() => [], 'batches'],
    models: [() => [], 'models'],
    templates: [() => [], 'task_types'],
    doctor: [() => [], 'findings'],
    prune: [() => ['--yes'], 'batches'],
    store: [() => ['undo'], 'undone'],
  };

  test('every command is tried', () => {
    expect(Object.keys(typed).sort()).toEqual(commands.map(({ name }) => name).sort());
  });

  async function expectDocuments(names: readonly string[]): Promise<void> {
    const api = await startApi({ endsAtOnce: true, results: scripted({ a: ['ok'], b: ['expired'] }) });
    const desk = await deskWithTasks({ BATCH_MCP_PROVIDER: 'anthropic', ...settingsFor(api) });
    const { batch_id } = documentOf(await run(desk, ['submit', 'tasks.json', '--json']));
    for (const [command, [args, key]] of Object.entries(typed)) {
      if (!names.includes(command)) continue;
      const document = documentOf(await run(desk, [command, ...args(String(batch_id)), '--json']));
      expect(Object.keys(document), command).toContain(key);
    }
  }

  test('of some', () => expectDocuments(['results']));
  test('of each', long, () => expectDocuments(Object.keys(typed)));

  eachNth<[what: string, args: string[], code: string]>(4, [
    ['wrong usage', ['status', 'nope'], 'invalid_input'],
    ['an option that there is not', ['list', '--fast'], 'invalid_input'],
    ['an argument that is missing', ['status'], 'invalid_input'],
    ['work that is missing', ['run'], 'invalid_input'],
    ['what is not there', ['status', 'batch_01ARZ3NDEKTSV4RRFFQ69G5FAV'], 'not_found'],
    ['what may not be spent', ['submit', 'tasks.json', '--max-cost-usd', '0'], 'cost_limit'],
  ])('and of a failure too: %s', async (_what, args, code) => {
    const desk = await deskWithTasks(
      args[0] === 'submit' ? { BATCH_MCP_PROVIDER: 'anthropic', ANTHROPIC_API_KEY: 'sk-ant-none' } : {},
    );
    expect(documentOf(await run(desk, [...args, '--json']))).toMatchObject({ error: { code } });
  });

  test('of what has not ended, and how to go on is said beside it', long, async () => {
    const desk = await deskWithTasks({ BATCH_MCP_SANDBOX_SECONDS: '3600' });
    const { batch_id } = documentOf(await run(desk, ['submit', 'tasks.json', '--json']));
    const ended = await run(desk, ['wait', String(batch_id), '--timeout', '0.5', '--json']);
    expect(documentOf(ended)).toMatchObject({ batch_id, processing_status: 'in_progress' });
  });
});

describe('whoever reads goes away', () => {
  test('at the first line: what was asked for is done all the same', async () => {
    const desk = await deskWithTasks();
    const line = `"${process.execPath}" "${builtCli}" run tasks.json out.json | head -1; echo "\${PIPESTATUS[0]}"`;
    const { stdout } = await promisify(execFile)('bash', ['-c', line], { cwd: desk.folder, env: desk.env });
    expect(stdout).toBe(`Results saved to ${path.join(desk.folder, 'out.json')}\n0\n`);
    expect(await readFile(path.join(desk.folder, 'out.json'), 'utf8')).toContain('"b"');
  });

  test.each(['stdout', 'stderr'] as const)('before anything is said: %s', long, async (stream) => {
    const desk = await deskWithTasks();
    const { child, ended } = start(desk, ['run', 'tasks.json', 'out.json']);
    child[stream].destroy();
    child.stdin.end();
    expect((await ended).code).toBe(0);
    expect(await readFile(path.join(desk.folder, 'out.json'), 'utf8')).toContain('"b"');
  });

  test('in the middle of a long document', long, async () => {
    const desk = await deskWithTasks();
    const many = Array.from({ length: 3_000 }, (_, index) => ({
      task_id: `t${index}`,
      prompt: 'Say something.',
    }));
    await writeFile(path.join(desk.folder, 'tasks.json'), JSON.stringify(many));
    await run(desk, ['run', 'tasks.json', '--name', 'many']);
    const line = `"${process.execPath}" "${builtCli}" results many --limit 200 --detail full --json | head -c 10; echo "\${PIPESTATUS[0]}"`;
    const { stdout } = await promisify(execFile)('bash', ['-c', line], { cwd: desk.folder, env: desk.env });
    expect(stdout).toBe('{\n  "batch0\n');
  });
});

/** Takes no byte, as a full disk. */
const FULL = '/dev/full';
describe.skipIf(!existsSync(FULL))(
  `stdout that can't be written is a failure${existsSync(FULL) ? '' : ` (skipped: there is no ${FULL} here)`}`,
  () => {
    eachNth<[args: string[]]>(3, [
      [['models', '--json']],
      [['run', 'tasks.json', 'out.json']],
      [['completion', 'bash']],
      [['--help']],
    ])('of %j', async (args) => {
      const desk = await deskWithTasks();
      const line = `"${process.execPath}" "${builtCli}" ${args.join(' ')} 2>&1 >${FULL}; echo "code $?"`;
      const { stdout } = await promisify(execFile)('sh', ['-c', line], { cwd: desk.folder, env: desk.env });
      expect(stdout).toMatch(/^Error: stdout could not be written \(ENOSPC\)/m);
      expect(stdout).toMatch(/^code 1$/m);
    });
  },
);

describe('what a reply says, a person sees', () => {
  async function deskWithAnswers(): Promise<Desk> {
    const desk = await createDesk({ BATCH_MCP_PROVIDER: 'sandbox' });
    const rows = ['id,text,kind', '1,Where is my card?,card', '2,Send it back.,refund'].join('\n');
    await writeFile(path.join(desk.folder, 'rows.csv'), rows);
    await writeFile(path.join(desk.folder, 'a.txt'), 'A text.');
    await writeFile(path.join(desk.folder, 'empty.txt'), '');
    const call = { name: 'look_up', input_schema: { type: 'object', properties: { q: { type: 'string' } } } };
    const tool_choice = { type: 'tool', name: 'look_up' };
    const messages = [{ role: 'user', content: 'Look it up.' }];
    const params = { model: 'claude-haiku-4-5', max_tokens: 100, messages, tools: [call], tool_choice };
    await writeFile(path.join(desk.folder, 'native.json'), JSON.stringify([{ custom_id: 'n', params }]));
    return desk;
  }

  const labelled = ['rows.csv', '--id-column', 'id', '--prompt', '{{text}}', '--labels', '["card","refund"]'];
  const compared = [
    '--expect',
    '{"label":"kind"}',
    '--variants',
    '{"A":{"effort":"low"},"B":{"system":"Be brief."}}',
  ];

  test('of each reply with figures or answers', long, async () => {
    const desk = await deskWithAnswers();
    const shown = async (...args: string[]) => {
      const { stdout, stderr } = await run(desk, args);
      return stdout + stderr;
    };
    expect(await shown('estimate', ...labelled, ...compared)).toMatch(
      /^Source: +2 rows, columns id, text, kind$[\s\S]*^variant +tasks +expected +at most\nA +2 [\s\S]*^B +2 [\s\S]*^The first request:\n\{"custom_id":/m,
    );
    expect(await shown('estimate', '*.txt', '--prompt', '{{text}}')).toMatch(
      /^Source: +1 file; skipped: 1 empty: "[^"]+"$/m,
    );
    await run(desk, [
      'run',
      ...labelled.slice(0, 1),
      'out.csv',
      ...labelled.slice(1),
      ...compared,
      '--name',
      'kinds',
    ]);
    expect(await shown('results', 'kinds', '--group-by', 'variant')).toMatch(
      /^value +answers +succeeded +cost +as expected\nA +2 +2 +\$\S+ +\d of 2 \(\S+ %\)\nB +2 [\s\S]*^A and B agree in label: \d of 2 \(\S+ %\)/m,
    );
    expect(await shown('results', 'kinds', '--fields', 'row.kind', '--task-ids', '1@A')).toMatch(
      /^1@A {2}succeeded\nrow\.kind: card$/m,
    );
    await run(desk, ['run', 'native.json', '--name', 'calls']);
    expect(await shown('results', 'calls')).toMatch(/^n {2}succeeded\ncalls look_up\(\{/m);
    expect(await shown('results', 'calls', '--detail', 'full')).toMatch(/^model: claude-haiku-4-5$/m);
    await run(desk, [
      'run',
      'a.txt',
      '--prompt',
      '{{text}}',
      '--output-pattern',
      '{{stem}}.md',
      '--name',
      'files',
    ]);
    expect(await shown('status', 'files')).toMatch(/^Answer files: +1 written by \{\{stem\}\}\.md$/m);
  });

  test('of batches: those that failed, those made elsewhere, and none', long, async () => {
    const api = await startApi({ endsAtOnce: true, results: scripted({ a: ['ok'], b: ['expired'] }) });
    const desk = await deskWithTasks({ BATCH_MCP_PROVIDER: 'anthropic', ...settingsFor(api) });
    expect((await run(desk, ['list'])).stderr).toMatch(/^There are no batches yet\./);
    await run(desk, ['run', 'tasks.json', '--name', 'two']);
    const status = await run(desk, ['status', 'two']);
    expect(status.stdout).toMatch(/^1 × expired$/m);
    expect(status.stderr).toMatch(/^Send again what can succeed: batch-mcp retry batch_\S+$/m);
    const grouped = await run(desk, ['list', '--group-by', 'name']);
    expect(grouped.stdout).toMatch(/^group +batches +requests +spent\ntwo +1 +2 +\$/m);
    expect(grouped.stderr).not.toMatch(/no batch/i);
    expect((await run(desk, ['list', '--name-contains', 'nothing'])).stderr).toMatch(/^No batch matches\./);

    const elsewhere = await createDesk({ BATCH_MCP_PROVIDER: 'anthropic', ...settingsFor(api) });
    expect((await run(elsewhere, ['list', '--include-remote'])).stdout).toMatch(
      /^Made elsewhere, 1 of 1 that the API lists:\nbatch_id +status +tasks +created\nmsgbatch_\S+ +ended +2 /m,
    );
    const keyless = { ...desk, env: { ...desk.env, ANTHROPIC_API_KEY: '' } };
    const { code, stdout, stderr } = await run(keyless, ['list', '--include-remote']);
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: expect.stringMatching(/^batch_\S+ +ended +2 .*\n1 batch, 2 requests, \$\S+ spent$/m),
      stderr: expect.stringMatching(
        /^Note: These are .*Set ANTHROPIC_API_KEY .*batch-mcp submit with `--sandbox`\.$/m,
      ),
    });
  });
});
