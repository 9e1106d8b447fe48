import { mkdtemp, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { startApi } from '../api.ts';
import type { ApiServer } from '../api-server.ts';
import { settingsFor } from '../harness.ts';
import { eachNth, long } from '../long.ts';
import { hasSignals } from '../programs.ts';
import { type Fate, scripted } from '../retry.ts';
import { createDesk, type Desk, run, start } from './run-binary.ts';

const tasks = ['a', 'b'].map((task_id) => ({ task_id, prompt: `The question of ${task_id}.` }));

type Scene = { api: ApiServer; desk: Desk };

/** A desk with two tasks, before a stand-in for the API. Where nothing is said of the second task, no batch ends. */
async function scene(second?: Fate): Promise<Scene> {
  const api = await startApi({
    endsAtOnce: second !== undefined,
    results: scripted({ a: ['ok'], b: [second ?? 'ok'] }),
  });
  const desk = await createDesk({ ...settingsFor(api), BATCH_MCP_SETTLE_SECONDS: '0.2' });
  await writeFile(path.join(desk.folder, 'tasks.json'), JSON.stringify(tasks));
  return { api, desk };
}

async function submitted({ desk }: Scene): Promise<string> {
  return JSON.parse((await run(desk, ['submit', 'tasks.json', '--json'])).stdout).batch_id;
}

/** What is typed, for the id of a batch that was submitted before; a path where none is. */
type Typed = (id: string) => string[];

describe.each<[name: string, second: Fate | undefined, rows: [typed: Typed, code: number][]]>([
  [
    'all tasks succeeded',
    'ok',
    [
      [(id) => ['wait', id], 0],
      [(id) => ['results', id, 'out.json'], 0],
      [(id) => ['status', id], 0],
      [() => ['run', 'tasks.json', 'again.json'], 0],
      [() => ['collect'], 0],
      [(id) => ['cancel', id], 1],
      [(id) => ['retry', id], 1],
    ],
  ],
  [
    'a task failed',
    'expired',
    [
      [(id) => ['wait', id], 4],
      [(id) => ['results', id, 'out.json'], 4],
      [(id) => ['status', id], 0],
      [() => ['run', 'tasks.json', 'again.json'], 4],
      [(id) => ['retry', id, '--dry-run'], 0],
    ],
  ],
  ['a task was cut off', 'cut', [[(id) => ['wait', id], 4]]],
  [
    'the batch has not ended',
    undefined,
    [
      [(id) => ['wait', id, '--timeout', '0.3'], 3],
      [(id) => ['results', id, 'out.json'], 3],
      [(id) => ['status', id], 0],
      [() => ['collect'], 3],
      [(id) => ['retry', id], 1],
      [(id) => ['cancel', id], 0],
    ],
  ],
])('where %s', (_name, second, rows) => {
  async function expectCodes(nth: number): Promise<void> {
    const all = await scene(second);
    const id = await submitted(all);
    const codes: [string[], number | null][] = [];
    const chosen = rows.filter((_, index) => index % nth === 0);
    for (const [typed] of chosen) codes.push([typed(id), (await run(all.desk, typed(id))).code]);
    expect(codes).toEqual(chosen.map(([typed, code]) => [typed(id), code]));
  }

  test('some commands have their exit codes', second === 'cut' || second === 'ok' ? long : {}, () =>
    expectCodes(6),
  );
  test('each command has its exit code', long, () => expectCodes(1));
});

describe('where nothing was sent', () => {
  eachNth<[what: string, env: Record<string, string>, args: string[], code: number]>(10, [
    ['no key', { ANTHROPIC_API_KEY: '' }, ['submit', 'tasks.json'], 1],
    ['no API', { ANTHROPIC_BASE_URL: 'http://127.0.0.1:9' }, ['submit', 'tasks.json'], 1],
    ['a limit of the owner', { BATCH_MCP_MAX_COST_USD: '0' }, ['run', 'tasks.json', 'out.json'], 1],
    ['a data folder that is only looked at', { BATCH_MCP_READ_ONLY: '1' }, ['submit', 'tasks.json'], 1],
    ['an output that is there already', {}, ['run', 'tasks.json', 'tasks.json'], 1],
    ['tasks that are none', {}, ['submit', 'wrong.json'], 2],
    ['a file that is not there', {}, ['submit', 'none.json'], 1],
    ['two batches', {}, ['wait', 'batch_01ARZ3NDEKTSV4RRFFQ69G5FAV', 'batch_01ARZ3NDEKTSV4RRFFQ69G5FAW'], 2],
    ['a batch that is not there', {}, ['status', 'batch_01ARZ3NDEKTSV4RRFFQ69G5FAV'], 1],
    ['an unknown option', {}, ['submit', 'tasks.json', '--fast'], 2],
  ])('%s ends it', async (_what, env, args, code) => {
    const { api, desk } = await scene('ok');
    await writeFile(path.join(desk.folder, 'wrong.json'), '[{"task_id":"a"}]');
    const ended = await run({ ...desk, env: { ...desk.env, ...env } }, args);
    expect({ code: ended.code, stdout: ended.stdout }, ended.stderr).toEqual({ code, stdout: '' });
    expect(api.creates).toEqual([]);
  });
});

describe.runIf(hasSignals)('who is interrupted', () => {
  eachNth<['SIGINT' | 'SIGTERM', number]>(2, [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])('by %s while the batch is sent ends with %i and says its id; it is paid once', async (signal, code) => {
    const all = await scene('ok');
    const { api, desk } = all;
    const TMPDIR = await mkdtemp(path.join(desk.folder, 'tmp-'));
    const answer = api.hold('create');
    const { child, ended } = start({ ...desk, env: { ...desk.env, TMPDIR } }, ['run', '-', 'my out.json']);
    child.stdin.end(JSON.stringify(tasks));
    await vi.waitFor(() => expect(api.creates).toHaveLength(1), 20_000);
    child.kill(signal);
    const { stderr, ...interrupted } = await ended;
    expect(interrupted).toMatchObject({ code, signal: null });
    const [, id = ''] =
      /the batch goes on\. Follow it with: batch-mcp wait (batch_[0-9A-Z]{26}) 'my out\.json'$/m.exec(
        stderr,
      ) ?? [];
    expect((await readdir(TMPDIR)).filter((name) => name.startsWith('batch-mcp-'))).toEqual([]);
    answer();
    expect((await run(desk, ['wait', id, 'out.json'])).code).toBe(0);
    expect(api.creates).toHaveLength(1);
  });

  test('by the loss of a terminal that it never had goes on, as nohup means it', async () => {
    const { api, desk } = await scene('ok');
    const answer = api.hold('create');
    const { child, ended } = start(desk, ['run', 'tasks.json', 'out.json']);
    await vi.waitFor(() => expect(api.creates).toHaveLength(1), 20_000);
    child.kill('SIGHUP');
    answer();
    expect(await ended).toMatchObject({ code: 0, signal: null });
  });
});
