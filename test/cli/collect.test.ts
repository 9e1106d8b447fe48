import { spawn } from 'node:child_process';
import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { unitsFor } from '../../src/cli/timer-units.ts';
import { pauseSeconds } from '../../src/operations/worker/watch-all.ts';
import { startApi } from '../api.ts';
import { apiError, json } from '../api-server.ts';
import { settingsFor, spawnServer, temporaryFolder } from '../harness.ts';
import { eachNth, eachNthOf, long } from '../long.ts';
import { startReceiver } from '../receiver.ts';
import { scripted } from '../retry.ts';
import { builtCli, createDesk, type Ended, run, start } from './run-binary.ts';

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

  it('needs nothing but PATH and the data folder where nothing is to be paid', long, async () => {
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

  it('is kept from no batch by one that it cannot look at', long, async () => {
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

describe('collect --watch', () => {
  it.each<['SIGINT' | 'SIGTERM', number]>([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])('prints a line for each batch when it has ended, until %s', long, async (signal, code) => {
    const api = await startApi();
    const server = await spawnServer({ api });
    const submit = async (name: string) => (await server.ok('submit_batch', { requests, name })).batch_id;
    const first = await submit('first');
    const desk = { folder: '/', env: { ...bare, ...settingsFor(api), BATCH_MCP_DATA_DIR: server.data } };
    const { child, output, ended } = start(desk, ['collect', '--watch', '0.05']);
    await expect.poll(() => api.asked('retrieve')).toBeGreaterThan(3);
    expect(output.stdout).toBe('');
    api.endAll();
    await expect.poll(() => output.stdout).toContain(`${first}  ended  2 of 2 succeeded`);
    const second = await server.ok('submit_batch', {
      requests: [{ task_id: 'c', prompt: 'A third question.' }],
    });
    api.endAll();
    await expect.poll(() => output.stdout).toContain(`${second.batch_id}  ended  1 of 1 succeeded`);
    child.kill(signal);
    const { stdout, stderr, ...how } = await ended;
    expect(how.code).toBe(code);
    expect(stdout.trimEnd().split('\n')).toHaveLength(2);
    expect(stderr).toContain('Ctrl-C');
  });

  it('goes on when nothing can be reached, says so once, and finishes when it can', long, async () => {
    const api = await startApi();
    const server = await spawnServer({ api });
    const { batch_id } = await server.ok('submit_batch', { requests });
    api.endAll();
    api.override('retrieve', json(503, apiError('api_error', 'down')), { times: 12 });
    const desk = { folder: '/', env: { ...bare, ...settingsFor(api), BATCH_MCP_DATA_DIR: server.data } };
    const { child, output, ended } = start(desk, ['collect', '--watch', '0.05', '--json']);
    await expect.poll(() => output.stderr).toContain(batch_id);
    await expect.poll(() => output.stdout).toContain('"saved"');
    child.kill('SIGINT');
    const { stdout, stderr } = await ended;
    expect(JSON.parse(stdout)).toMatchObject({ batch_id, results_state: 'saved' });
    expect(stderr.split(batch_id)).toHaveLength(2);
  });

  eachNthOf(4, ['0', '-1', 'soon', '1e9'])('takes no interval of %s', async (seconds) => {
    const { code, stderr } = await run(await createDesk(), ['collect', '--watch', seconds]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/--watch|unknown option/);
  });

  it.each([
    [60, 0, 60],
    [60, 1, 120],
    [60, 3, 480],
    [60, 9, 600],
    [3600, 9, 3600],
  ])(
    'every %i seconds, after %i looks of no use, waits %i seconds, or a little less',
    (every, failed, most) => {
      const pauses = Array.from({ length: 100 }, () => pauseSeconds(every, failed));
      expect(Math.max(...pauses)).toBeLessThanOrEqual(most);
      expect(Math.min(...pauses)).toBeGreaterThanOrEqual(most * 0.8);
      expect(new Set(pauses).size).toBeGreaterThan(50);
    },
  );
});

describe('collect --install', () => {
  eachNth<[timer: string, says: string]>(4, [
    ['launchd', '<string>collect</string>'],
    ['systemd', 'ExecStart='],
    ['cron', '*/10 * * * * '],
    ['task-scheduler', 'Register-ScheduledTask'],
  ])('prints what %s needs, and writes nothing', async (timer, says) => {
    const desk = await createDesk();
    const { code, stdout, stderr } = await run(desk, ['collect', '--install', timer]);
    expect(code).toBe(0);
    expect(stdout).toContain(says);
    expect(stdout).toContain(builtCli);
    expect(stderr).toContain('Nothing was written.');
    await expect(access(path.join(desk.folder, '.config'))).rejects.toThrow('ENOENT');
  });

  it('prints it whatever stands in its place', async () => {
    const desk = await createDesk();
    await writeFile(path.join(desk.folder, 'crontab'), 'mine');
    expect((await run(desk, ['collect', '--install', 'cron'])).stderr).toMatch(/^# crontab\n/);
    const units = path.join(desk.folder, '.config', 'systemd', 'user');
    await mkdir(path.join(units, 'batch-mcp-collect.timer'), { recursive: true });
    const { code, stderr } = await run(desk, ['collect', '--install', 'systemd']);
    expect(stderr).toMatch(/collect\.service\n.*collect\.timer \(holds something else now\)\n/);
    expect(code).toBe(0);
  });

  it.each(['a\nb', 'a\rb'])('refuses a crontab of two lines, as for %j', (name) => {
    const command = ['/usr/bin/node', 'collect', '--data-dir', `/home/${name}`];
    const job = { command, home: '/home/me', settings: '/home/me/env' };
    expect(() => unitsFor.cron(job)).toThrow(/--install systemd or launchd/);
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

  it.each([
    ['/usr/bin/node', "/home/it's 100% mine"],
    ["/home/o'hara/.nvm/node", '/home/a "quoted" $HOME\\share'],
    ['/home/$USER/node', '/home/a\tb\nc;d'],
  ])('gives systemd a service whose words arrive: %s, %s', (program, folder) => {
    const command = [program, 'collect', '--data-dir', folder];
    const { files } = unitsFor.systemd({ command, home: '/home/me', settings: '/home/me/env' });
    const [, line = ''] = /^ExecStart=(.+)$/m.exec(files[0]?.text ?? '') ?? [];
    const [first = '', ...words] = systemdWordsOf(line);
    // Nothing stands for anything in the name of the program itself, in which some signs are not taken at all.
    expect(first).not.toMatch(/["'$\\\p{Cc}]/u);
    const arrived = [first, ...words.map((word) => word.replaceAll('$$', '$'))];
    expect(arrived[0] === '/usr/bin/env' ? arrived.slice(1) : arrived).toEqual(command);
  });

  it.each([
    ['C:\\Program Files\\nodejs\\node.exe', 'C:\\Users\\Zoë O\u2019Hara\\data\\'],
    ["D:\\it's node.exe", 'a "quoted" \\\\share\\'],
    ['node.exe', ''],
  ])('gives Windows a task whose words arrive: %s, %s', (program, folder) => {
    const command = [program, 'collect', '--data-dir', folder];
    const { files } = unitsFor['task-scheduler']({ command, home: 'C:\\Users\\me', settings: 'C:\\env' });
    const [, execute = '', line = ''] =
      /-Execute '((?:[^'\u2019]|''|\u2019\u2019)*)' -Argument '((?:[^'\u2019]|''|\u2019\u2019)*)'\n/.exec(
        files[0]?.text ?? '',
      ) ?? [];
    const unquoted = (text: string) => text.replace(/(['\u2019])\1/g, '$1');
    expect(unquoted(execute)).toBe(program);
    expect(wordsOf(unquoted(line))).toEqual(command.slice(1));
  });
});

/** As systemd reads an ExecStart, before it fills in variables. */
function systemdWordsOf(line: string): string[] {
  const signs: Record<string, string> = { n: '\n', t: '\t' };
  return [...line.matchAll(/"((?:\\.|[^"\\])*)"|(\S+)/g)].map(([, quoted, bare = '']) =>
    (quoted?.replace(/\\(.)/g, (_, sign: string) => signs[sign] ?? sign) ?? bare).replaceAll('%%', '%'),
  );
}

/** As CommandLineToArgvW reads what follows the program's name. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/"((?:\\.|[^"\\])*)"|(\S+)/g)].map(([, quoted, bare = '']) =>
    quoted === undefined
      ? bare
      : quoted.replace(
          /(\\+)("|$)/g,
          (_, slashes: string, quote: string) =>
            slashes.slice(slashes.length / 2 + (quote && slashes.length % 2 ? 0.5 : 0)) + quote,
        ),
  );
}
