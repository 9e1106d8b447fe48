import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { commands } from '../../src/cli/commands/index.ts';
import { startApi } from '../api.ts';
import { settingsFor } from '../harness.ts';
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

  test('of each', async () => {
    const api = await startApi({ endsAtOnce: true, results: scripted({ a: ['ok'], b: ['expired'] }) });
    const desk = await deskWithTasks({ BATCH_MCP_PROVIDER: 'anthropic', ...settingsFor(api) });
    const { batch_id } = documentOf(await run(desk, ['submit', 'tasks.json', '--json']));
    for (const [command, [args, key]] of Object.entries(typed)) {
      const document = documentOf(await run(desk, [command, ...args(String(batch_id)), '--json']));
      expect(Object.keys(document), command).toContain(key);
    }
  });

  test.each<[what: string, args: string[], code: string]>([
    ['wrong usage', ['status', 'nope'], 'invalid_input'],
    ['work that is missing', ['run'], 'invalid_input'],
    ['what is not there', ['status', 'batch_01ARZ3NDEKTSV4RRFFQ69G5FAV'], 'not_found'],
    ['what may not be spent', ['submit', 'tasks.json', '--max-cost-usd', '0'], 'cost_limit'],
  ])('and of a failure too: %s', async (_what, args, code) => {
    const desk = await deskWithTasks(
      args[0] === 'submit' ? { BATCH_MCP_PROVIDER: 'anthropic', ANTHROPIC_API_KEY: 'sk-ant-none' } : {},
    );
    expect(documentOf(await run(desk, [...args, '--json']))).toMatchObject({ error: { code } });
  });

  test('of what has not ended, and how to go on is said beside it', async () => {
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

  test.each(['stdout', 'stderr'] as const)('before anything is said: %s', async (stream) => {
    const desk = await deskWithTasks();
    const { child, ended } = start(desk, ['run', 'tasks.json', 'out.json']);
    child[stream].destroy();
    child.stdin.end();
    expect((await ended).code).toBe(0);
    expect(await readFile(path.join(desk.folder, 'out.json'), 'utf8')).toContain('"b"');
  });

  test('in the middle of a long document', async () => {
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
