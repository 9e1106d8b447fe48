import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { builtServer, temporaryFolder } from './harness.ts';
import { eachNthOf, long } from './long.ts';

const builtCli = path.join(path.dirname(builtServer), 'cli.js');

type Run = { input?: string; env?: Record<string, string>; program?: string };

/** Runs the built command in a folder of its own, writes `input` to it and closes its stdin. */
async function run(args: string[], { input = '', env, program = builtCli }: Run = {}) {
  const folder = await temporaryFolder();
  const child = spawn(process.execPath, [program, ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder, BATCH_MCP_DATA_DIR: path.join(folder, 'data'), ...env },
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    output.stdout += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    output.stderr += String(chunk);
  });
  child.stdin.end(input);
  const code = await new Promise((resolve) => child.on('close', resolve));
  return { code, ...output, left: await readdir(folder) };
}

const initialize = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
});

describe.each([
  ['batch-mcp', builtCli],
  ['node dist/server.js', builtServer],
])('%s', (_, program) => {
  eachNthOf(2, ['--help', '-h'])('%s tells how the server is used', async (flag) => {
    const { code, stdout, stderr } = await run(program === builtCli ? ['serve', flag] : [flag], { program });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const name of ['--sandbox', '--allow-dir', '--max-cost-usd', 'ANTHROPIC_API_KEY']) {
      expect(stdout).toContain(name);
    }
  });

  it('--version gives the version and nothing else', async () => {
    const { code, stdout, stderr } = await run(['--version'], { program });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('without arguments and without a terminal it is the server', async () => {
    const { code, stdout } = await run([], { program, input: `${initialize}\n` });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ id: 1, result: { serverInfo: { name: 'batch-mcp' } } });
  });

  it('with flags it is the server too', async () => {
    const { code, stdout, stderr } = await run(['--sandbox', '--log-level', 'info'], {
      program,
      input: `${initialize}\n`,
    });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ id: 1, result: {} });
    expect(stderr).toContain('sandbox');
  });
});

describe('the command line', () => {
  const rows: [what: string, args: string[], env: Record<string, string>, ...says: string[]][] = [
    ['an unknown flag', ['--sandbx'], {}, '"--sandbx": unknown flag', 'did you mean "--sandbox"?', '--help'],
    ['a flag without its value', ['--data-dir'], {}, '--data-dir: has no value'],
    ['a stray word', ['stats'], {}, 'stats'],
    ['a wrong value', ['--provider', 'openai'], {}, '--provider', '"openai"', 'anthropic, sandbox'],
    ['a wrong variable', ['--sandbox'], { BATCH_MCP_READ_ONLY: 'perhaps' }, 'BATCH_MCP_READ_ONLY', 'true'],
    [
      'a tier without a price',
      ['--sandbox'],
      { BATCH_MCP_MODEL_CHEAP: 'gpt' },
      'BATCH_MCP_MODEL_CHEAP',
      'no price',
    ],
    ['a price file that is not there', ['--sandbox'], { BATCH_MCP_PRICES: 'none.json' }, 'none.json'],
  ];
  it.each(rows)('%s ends it with code 2 and a word of help', long, async (_, args, env, ...says) => {
    const { code, stdout, stderr, left } = await run(args, { input: `${initialize}\n`, env });
    expect({ code, stdout, left }).toEqual({ code: 2, stdout: '', left: [] });
    for (const part of says) expect(stderr).toContain(part);
    expect(stderr).not.toContain('    at ');
  });
});
