import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import stringWidth from 'string-width';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { startApiServer } from '../api-server.ts';
import { eachNth, long } from '../long.ts';
import { builtCli, createDesk, type Desk, run } from './run-binary.ts';

/** util-linux's `script` gives a program a terminal of its own; other systems' takes other arguments. */
const hasScript =
  spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux') === true;
const describeOnTerminal = hasScript ? describe : describe.skip;

const CLEAR_LINE = '\r\u001b[2K';
const PATIENCE_MS = 25_000;
const NOTICE = 'skipped: there is no util-linux script(1) here to give a program a terminal';

/** Runs a command line on a pseudo-terminal of so many columns. */
function onTerminal({ folder, env }: Desk, args: readonly string[], columns = 80) {
  const line = [process.execPath, builtCli, ...args].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['-qefc', `stty cols ${columns}; echo $$ > pid; exec ${line}`, '/dev/null'], {
    cwd: folder,
    env: { TERM: 'xterm-256color', SHELL: '/bin/sh', ...env },
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const screen = { text: '' };
  child.stdout.on('data', (chunk) => {
    screen.text += String(chunk);
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  const shows = (text: string | RegExp) => vi.waitFor(() => expect(screen.text).toMatch(text), PATIENCE_MS);
  return { screen, ended, shows, type: (text: string) => child.stdin.write(text) };
}

async function deskWith(tasks: readonly object[], env: Record<string, string>): Promise<Desk> {
  const desk = await createDesk(env);
  await writeFile(path.join(desk.folder, 'tasks.json'), JSON.stringify(tasks));
  return desk;
}

const small = [{ task_id: 'a', prompt: 'Hello' }];
/** At 128,000 output tokens each, far more than a dollar at the most. */
const dear = [1, 2, 3].map((number) => ({ task_id: `t${number}`, prompt: 'Hello', max_tokens: 128_000 }));

describeOnTerminal(`on a terminal${hasScript ? '' : ` (${NOTICE})`}`, () => {
  test('one line of progress is replaced, and what succeeded is coloured', async () => {
    const desk = await deskWith(small, { BATCH_MCP_PROVIDER: 'sandbox' });
    const { screen, ended } = onTerminal(desk, ['run', 'tasks.json', 'out.json']);
    expect(await ended).toBe(0);
    expect(screen.text).toContain(CLEAR_LINE);
    expect(screen.text).toMatch(/\d+ s {2}(?:running|downloading)/);
    expect(screen.text).toContain('\u001b[2mTotal:');
    expect(await readFile(path.join(desk.folder, 'out.json'), 'utf8')).toContain('"a"');
  });

  eachNth<[answer: string, says: RegExp, code: number, creates: number]>(4, [
    ['y\r', /Results saved/, 0, 1],
    ['n\r', /Nothing was sent\.\r\n$/, 1, 0],
    ['\u0003', /\[y\/N\][^\n]*\nNothing was sent\.\r\nInterrupted\.\r\n$/, 130, 0],
    ['\u0004', /\[y\/N\][^\n]*\nNothing was sent\.\r\n$/, 1, 0],
  ])('more than a dollar is asked about: %j', async (answer, says, code, creates) => {
    const api = await startApiServer({ endsAtOnce: true });
    onTestFinished(() => api.close());
    const desk = await deskWith(dear, { ANTHROPIC_API_KEY: api.key, ANTHROPIC_BASE_URL: api.url });
    const { screen, ended, shows, type } = onTerminal(desk, ['run', 'tasks.json', 'out.json']);
    await shows(/3 requests: .* at most\. Send them\? \[y\/N\]/);
    expect(api.creates).toHaveLength(0);
    type(answer);
    expect(await ended).toBe(code);
    expect(screen.text).toMatch(says);
    expect(api.creates).toHaveLength(creates);
  });

  eachNth<[signal: NodeJS.Signals, code: number]>(2, [
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ])('%s at the question ends its line first, with %i', async (signal, code) => {
    const api = await startApiServer({ endsAtOnce: true });
    onTestFinished(() => api.close());
    const desk = await deskWith(dear, { ANTHROPIC_API_KEY: api.key, ANTHROPIC_BASE_URL: api.url });
    const { screen, ended, shows } = onTerminal(desk, ['run', 'tasks.json', 'out.json']);
    await shows(/\[y\/N\]/);
    process.kill(Number(await readFile(path.join(desk.folder, 'pid'), 'utf8')), signal);
    expect(await ended).toBe(code);
    expect(screen.text).toMatch(/\[y\/N\][^\n]*\nNothing was sent\.\r\nInterrupted\.\r\n$/);
    expect(api.creates).toHaveLength(0);
  });

  eachNth<[timer: string, answer: string, says: RegExp, written: number]>(2, [
    ['systemd', 'y\r', /Written\. Put the key/, 2],
    ['systemd', 'n\r', /Nothing was written\. Put them there/, 0],
    ['launchd', 'y\r', /Written\. Put the key/, 1],
    ['launchd', '\u0004', /Nothing was written\. Put it there/, 0],
  ])('the files of a timer for %s are written after a yes: %j', async (timer, answer, says, written) => {
    const desk = await createDesk();
    const { screen, ended, shows, type } = onTerminal(desk, ['collect', '--install', timer], 300);
    await shows(/Write (?:these files|this file)\? \[y\/N\]/);
    type(answer);
    expect(await ended).toBe(0);
    expect(screen.text).toMatch(says);
    const places = [...screen.text.matchAll(/^# (\/.+?)\r$/gm)].map(([, place = '']) => place);
    expect(places.length).toBeGreaterThan(0);
    const found = places.filter((place) => existsSync(place));
    expect(found).toHaveLength(written);
    for (const place of found)
      expect(screen.text.replaceAll('\r', '')).toContain(await readFile(place, 'utf8'));
  });

  test('what stands in the place of a timer is told before it is replaced', async () => {
    const desk = await createDesk();
    const folder = path.join(desk.folder, '.config', 'systemd', 'user');
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, 'batch-mcp-collect.timer'), 'mine');
    const { screen, ended, shows, type } = onTerminal(desk, ['collect', '--install', 'systemd'], 300);
    await shows(/\[y\/N\]/);
    type('n\r');
    expect(await ended).toBe(0);
    expect(screen.text).toMatch(/collect\.timer \(holds something else now\)\r\n/);
    expect(screen.text).toMatch(/collect\.service\r\n/);
    expect(await readFile(path.join(folder, 'batch-mcp-collect.timer'), 'utf8')).toBe('mine');
  });

  test('--yes does not ask', long, async () => {
    const api = await startApiServer({ endsAtOnce: true });
    onTestFinished(() => api.close());
    const desk = await deskWith(dear, { ANTHROPIC_API_KEY: api.key, ANTHROPIC_BASE_URL: api.url });
    const { screen, ended } = onTerminal(desk, ['run', 'tasks.json', 'out.json', '--yes']);
    expect(await ended).toBe(0);
    expect(screen.text).not.toContain('[y/N]');
  });

  test('Ctrl-C ends the waiting with 130 and says how to go on', async () => {
    const desk = await deskWith(small, { BATCH_MCP_PROVIDER: 'sandbox', BATCH_MCP_SANDBOX_SECONDS: '3600' });
    const { screen, ended, shows, type } = onTerminal(desk, ['run', 'tasks.json', 'out.json']);
    await shows(/running/);
    type('\u0003');
    expect(await ended).toBe(130);
    expect(screen.text).toMatch(/the batch goes on\. Follow it with: batch-mcp wait batch_/);
  });

  test('a second Ctrl-C, while what was begun comes to its end, finds all said', async () => {
    const api = await startApiServer({ endsAtOnce: true });
    onTestFinished(() => api.close());
    const desk = await deskWith(small, { ANTHROPIC_API_KEY: api.key, ANTHROPIC_BASE_URL: api.url });
    const answer = api.hold('results');
    const { screen, ended, shows, type } = onTerminal(desk, ['run', 'tasks.json', 'out.json', '--yes']);
    await shows(/downloading/);
    type('\u0003');
    await shows(/Follow it with/);
    type('\u0003');
    expect(await ended).toBe(130);
    expect(screen.text).toMatch(
      /Interrupted; the batch goes on\. Follow it with: batch-mcp wait batch_\w+ out\.json\r\n(?:\^C)?$/,
    );
    answer();
  });

  eachNth<[command: string, output: string]>(2, [
    ['results', 'out.json'],
    ['wait', 'out.csv'],
  ])('%s, interrupted while it writes, leaves no part of the file behind', async (command, output) => {
    const many = Array.from({ length: 20_000 }, (_, index) => ({ task_id: `t${index}`, prompt: 'Hello' }));
    const desk = await deskWith(many, { BATCH_MCP_PROVIDER: 'sandbox' });
    await run(desk, ['run', 'tasks.json', '--json']);
    const before = await readdir(desk.folder);
    const { ended, type } = onTerminal(desk, [command, 'last', output]);
    await vi.waitFor(async () => expect((await readdir(desk.folder)).join()).toContain(`.${output}.`), {
      timeout: PATIENCE_MS,
      interval: 2,
    });
    type('\u0003\u0003');
    expect(await ended).toBe(130);
    const left = (await readdir(desk.folder)).filter((name) => name !== 'pid');
    // Whoever is quick has written it whole by then.
    expect(left.filter((name) => name !== output).sort()).toEqual(before.sort());
    if (left.includes(output)) {
      expect(await readFile(path.join(desk.folder, output), 'utf8')).toContain(`t${many.length - 1}`);
    }
  });

  test('the line of progress says what it is expected to cost', long, async () => {
    const api = await startApiServer();
    onTestFinished(() => api.close());
    const desk = await deskWith(small, { ANTHROPIC_API_KEY: api.key, ANTHROPIC_BASE_URL: api.url });
    const { screen, ended, shows, type } = onTerminal(desk, ['run', 'tasks.json', 'out.json', '--yes']);
    await shows(/running {2}0 of \d+ {2}about \$0\.\d+/);
    expect(screen.text).not.toContain('failed');
    type('\u0003');
    expect(await ended).toBe(130);
  });

  test('NO_COLOR takes the colours away, and a narrow terminal cuts names', long, async () => {
    const desk = await deskWith(small, { BATCH_MCP_PROVIDER: 'sandbox', NO_COLOR: '1' });
    await onTerminal(desk, ['submit', 'tasks.json', '--name', '日本語の長い名前'.repeat(5)]).ended;
    const { screen, ended } = onTerminal(desk, ['list'], 90);
    expect(await ended).toBe(0);
    expect(screen.text).not.toContain('\u001b[2m');
    expect(screen.text).toMatch(/日本語.*…\r?\n/);
  });

  eachNth<[columns: number]>(2, [[24], [40]])(
    '%i columns hold each line of progress, so that it can be replaced',
    async (columns) => {
      const desk = await deskWith(small, { BATCH_MCP_PROVIDER: 'sandbox' });
      const { screen, ended } = onTerminal(desk, ['run', 'tasks.json', 'out.json'], columns);
      expect(await ended).toBe(0);
      const lines = screen.text.split(CLEAR_LINE).slice(1);
      const shown = lines.map((line) => line.split('\r\n')[0] ?? '').filter((line) => /^\d+ s/.test(line));
      expect(shown.length).toBeGreaterThanOrEqual(1);
      for (const line of shown) expect(stringWidth(line)).toBeLessThan(columns);
    },
  );

  test('columns stand under each other, whatever the width of what is in them', long, async () => {
    const api = await startApiServer({ endsAtOnce: true });
    onTestFinished(() => api.close());
    const desk = await createDesk({ ANTHROPIC_API_KEY: api.key, ANTHROPIC_BASE_URL: api.url });
    const names = ['日本語の名前', 'é👩‍👩‍👧', 'plain'];
    for (const name of names) {
      const requests = JSON.stringify([{ task_id: 'a', prompt: name }]);
      await run(desk, ['submit', '--requests', requests, '--name', name]);
    }
    const { screen, ended } = onTerminal(desk, ['list', '--group-by', 'name'], 120);
    expect(await ended).toBe(0);
    const table = screen.text.split('\r\n').map((line) => stripVTControlCharacters(line));
    const groups = names.map((name) => table.find((line) => line.startsWith(name)) ?? '');
    const head = table.find((line) => line.startsWith('group')) ?? '';
    expect(groups.map((line) => stringWidth(line))).toEqual(names.map(() => stringWidth(head)));
  });

  test.each<[signal: NodeJS.Signals, code: number]>([
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ])('%s ends it as Ctrl-C does, with %i, and leaves no half a line', long, async (signal, code) => {
    const desk = await deskWith(small, { BATCH_MCP_PROVIDER: 'sandbox', BATCH_MCP_SANDBOX_SECONDS: '3600' });
    const { screen, ended, shows } = onTerminal(desk, ['run', 'tasks.json', 'out.json']);
    await shows(/running/);
    const pid = Number(await readFile(path.join(desk.folder, 'pid'), 'utf8'));
    process.kill(pid, signal);
    expect(await ended).toBe(code);
    const last = screen.text.split(CLEAR_LINE).at(-1);
    expect(last).toMatch(
      /^Interrupted; the batch goes on\. Follow it with: batch-mcp wait batch_\w+ out\.json\r\n$/,
    );
  });
});
