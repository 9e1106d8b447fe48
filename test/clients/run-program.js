import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

const modules = path.join(import.meta.dirname, 'node_modules');

/** Runs a package's program on this Node; gives what a tool's result looks like: all that was printed, and whether it failed. */
export async function runProgram(name, bin, args, { cwd, signal }) {
  const folder = path.join(modules, name);
  const manifest = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8'));
  const child = spawn(process.execPath, [path.join(folder, manifest.bin[bin]), ...args], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, HOME: cwd },
  });
  signal?.addEventListener('abort', () => child.kill('SIGINT'));
  const printed = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'])
    child[stream].on('data', (chunk) => {
      printed[stream] += String(chunk);
    });
  const code = await new Promise((resolve) => child.on('close', resolve));
  return {
    isError: code !== 0,
    content: [{ type: 'text', text: printed.stdout + printed.stderr }],
    code,
    ...printed,
  };
}
