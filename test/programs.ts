import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';

/** A signal that one process sends another ends that at once on Windows: no program there hears of it. */
export const hasSignals = process.platform !== 'win32';

const installed = path.resolve(import.meta.dirname, '../node_modules');
const manifest = z.object({ bin: z.union([z.string(), z.record(z.string(), z.string())]) });

/**
 * The script behind a package's command, to be run by Node: what stands in `node_modules/.bin` on Windows is a `.cmd`, which
 * no program starts without a shell.
 */
export async function scriptOf(name: string, command = name): Promise<string> {
  const { bin } = manifest.parse(
    JSON.parse(await readFile(path.join(installed, name, 'package.json'), 'utf8')),
  );
  const script = typeof bin === 'string' ? bin : bin[command];
  if (script === undefined) throw new Error(`${name} has no command ${command}`);
  return path.join(installed, name, script);
}

/** Runs a package's command to its end. */
export async function runScript(
  [name, command]: readonly [string, string?],
  args: readonly string[],
  cwd: string,
) {
  return promisify(execFile)(process.execPath, [await scriptOf(name, command), ...args], { cwd });
}

/** Runs npm, which on Windows is a `.cmd`; a shell takes the arguments apart at spaces, so paths in them have to be without. */
export function npm(args: readonly string[], cwd: string) {
  return promisify(execFile)('npm', [...args], { cwd, shell: process.platform === 'win32' });
}
