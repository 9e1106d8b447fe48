import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { builtServer, temporaryFolder } from '../harness.ts';

export const builtCli = path.join(path.dirname(builtServer), 'cli.js');

/** A folder to work in, with a home and a data folder of its own, as a person's computer has them. */
export type Desk = {
  folder: string;
  env: Record<string, string>;
  /** A program in place of the built one. */
  program?: string;
};

export async function createDesk(env: Record<string, string> = {}): Promise<Desk> {
  const folder = await temporaryFolder();
  const own = {
    HOME: folder,
    BATCH_MCP_DATA_DIR: path.join(folder, 'data'),
    BATCH_MCP_SANDBOX_SECONDS: '0.3',
  };
  return { folder, env: { PATH: process.env.PATH ?? '', ...own, ...env } };
}

export type Ended = { code: number | null; signal: string | null; stdout: string; stderr: string };

export type Running = {
  child: ChildProcessWithoutNullStreams;
  output: { stdout: string; stderr: string };
  ended: Promise<Ended>;
};

/** Starts the built command at a desk. */
export function start({ folder, env, program = builtCli }: Desk, args: readonly string[]): Running {
  const child = spawn(process.execPath, [program, ...args], { cwd: folder, env });
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
  const ended = new Promise<Ended>((resolve) =>
    child.on('close', (code, signal) => resolve({ code, signal, ...output })),
  );
  return { child, output, ended };
}

/** Runs it to its end, with `input` on stdin. */
export function run(desk: Desk, args: readonly string[], input: string | Buffer = ''): Promise<Ended> {
  const { child, ended } = start(desk, args);
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  return ended;
}
