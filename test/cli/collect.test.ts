import { spawn } from 'node:child_process';
import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startApi } from '../api.ts';
import { settingsFor, spawnServer, temporaryFolder } from '../harness.ts';
import { startReceiver } from '../receiver.ts';
import { scripted } from '../retry.ts';
import { builtCli, createDesk, type Ended, run } from './run-binary.ts';

/** What a timer's process has: no home, no terminal, the root as its folder. */
const bare = { PATH: process.env.PATH ?? '' };

function runBare(
  command: string,
  args: readonly string[],
  env: Record<string, string> = bare,
): Promise<Ended> {
  const child = spawn(command, args, { cwd: '/', env, stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    output.stdout += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    output.stderr += String(chunk);
  });
  return new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, ...output })));
}

const requests = ['a', 'b'].map((task_id) => ({ task_id, prompt: `The question of ${task_id}.` }));

describe('collect', () => {
  it('does all that is left to do when every process is gone: fetches, sends retries, writes, tells once', async () => {
    const api = await startApi({ results: scripted({ a: ['ok'], b: ['expired', 'invalid'] }) });
    const receiver = await startReceiver();
    onTestFinished(() => receiver.close());
    const server = await spawnServer({ api });
    const output_file = 'all.jsonl';
    const { batch_id } = await server.ok('submit_batch', { requests, retries: 1, output_file, name: 'two' });
    await server.kill();
    const settings = path.join(server.folder, 'settings');
    const variables = { ...settingsFor(api), BATCH_MCP_NOTIFY: receiver.url };
    const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}\n`);
    await writeFile(settings, lines.join(''));
    const collect = () =>
      runBare(process.execPath, [`--env-file=${settings}`, builtCli, 'collect', '--data-dir', server.data]);

    expect(await collect()).toMatchObject({
      code: 3,
      stdout: expect.stringMatching(new RegExp(`^${batch_id}  in_progress  two\n$`)),
      stderr: '',
    });
    api.endAll();
    expect(await collect()).toMatchObject({ code: 3, stdout: expect.stringContaining('in_progress') });
    expect(api.creates).toHaveLength(2);
    expect(receiver.received).toEqual([]);
    api.endAll();
    const file = path.join(server.work, output_file);
    expect(await collect()).toMatchObject({
      code: 4,
      stdout: expect.stringMatching(
        new RegExp(`^${batch_id}  ended  1 of 2 succeeded  \\$[\\d.]+  two  ${file}\n$`),
      ),
      stderr: '',
    });
    expect((await readFile(file, 'utf8')).trimEnd().split('\n')).toHaveLength(2);
    expect(receiver.received.map(({ body }) => body.batch_id)).toEqual([batch_id]);
    expect(await collect()).toMatchObject({ code: 0, stdout: 'Nothing is unfinished.\n' });
    expect(receiver.received).toHaveLength(1);
  });

  it('needs nothing but PATH and the data folder where nothing is to be paid', async () => {
    const server = await spawnServer({ argv: ['--sandbox'] });
    const { batch_id } = await server.ok('submit_batch', { requests });
    await server.kill();
    const env = { ...bare, BATCH_MCP_DATA_DIR: server.data };
    const look = async (...args: string[]) => {
      const { code, stdout } = await runBare(process.execPath, [builtCli, 'collect', '--json', ...args], env);
      return { code, ...JSON.parse(stdout) };
    };
    let seen = await look();
    while (seen.code === 3) seen = await look();
    expect(seen).toMatchObject({
      code: 0,
      batches: [{ batch_id, results_state: 'saved', outcomes: { succeeded: 2 }, actual_usd: null }],
    });
    // Nobody was told of that end; whoever is to be told now still is, and once.
    expect((await look()).batches).toEqual([]);
    const receiver = await startReceiver();
    onTestFinished(() => receiver.close());
    expect((await look('--notify', receiver.url)).batches).toMatchObject([{ batch_id }]);
    expect((await look('--notify', receiver.url)).batches).toEqual([]);
    expect(receiver.received).toHaveLength(1);
  });

  it('is kept from no batch by one that it can not look at', async () => {
    const api = await startApi();
    const server = await spawnServer({ api });
    const real = await server.ok('submit_batch', { requests });
    const sandbox = await server.ok('submit_batch', { requests, sandbox: true });
    await server.kill();
    api.endAll();
    const env = { ...bare, BATCH_MCP_DATA_DIR: server.data };
    const ended = await runBare(process.execPath, [builtCli, 'collect'], env);
    expect(ended.code).toBe(1);
    expect(ended.stdout).toContain(`${sandbox.batch_id}  ended  2 of 2 succeeded`);
    expect(ended.stderr).toContain(real.batch_id);
    expect(ended.stderr).toContain('ANTHROPIC_API_KEY');
  });
});

describe('collect --install', () => {
  it.each([
    ['launchd', '<string>collect</string>'],
    ['systemd', 'ExecStart='],
    ['cron', '*/10 * * * * '],
  ])('prints what %s needs, and writes nothing', async (timer, says) => {
    const desk = await createDesk();
    const { code, stdout, stderr } = await run(desk, ['collect', '--install', timer]);
    expect(code).toBe(0);
    expect(stdout).toContain(says);
    expect(stdout).toContain(builtCli);
    expect(stderr).toContain('Nothing was written.');
    await expect(access(path.join(desk.folder, '.config'))).rejects.toThrow('ENOENT');
  });

  it('gives cron a line that runs, whatever the folders are called', async () => {
    const folder = path.join(await temporaryFolder(), "it's 100% mine");
    const desk = await createDesk({ HOME: folder, BATCH_MCP_DATA_DIR: path.join(folder, 'data') });
    await mkdir(path.join(folder, '.config', 'batch-mcp'), { recursive: true });
    await writeFile(path.join(folder, '.config', 'batch-mcp', 'env'), '');
    const { stdout } = await run(desk, ['collect', '--install', 'cron']);
    // As crond does: the five fields, then the command, in which it takes \% for %.
    const command = stdout.trimEnd().split(' ').slice(5).join(' ').replaceAll('\\%', '%');
    const shown = command.replace(/ >\/dev\/null$/, '');
    expect(await runBare('/bin/sh', ['-c', shown])).toMatchObject({
      code: 0,
      stdout: 'Nothing is unfinished.\n',
      stderr: '',
    });
  });
});
