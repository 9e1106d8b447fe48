import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config/config.ts';

/**
 * The command that ends when a batch has, by absolute paths: a shell need not find this program, nor the Node that runs
 * it, and its environment is another. Undefined where the terminal's program does not stand beside this one, and where a
 * database keeps the batches, whose password belongs into no command.
 */
export function waitCommand({
  dataDir,
  store,
}: Pick<Config, 'dataDir' | 'store'>): ((batchId: string) => string) | undefined {
  const program = fileURLToPath(new URL('./cli.js', import.meta.url));
  if (store !== null || !existsSync(program)) return undefined;
  return (batchId) =>
    [process.execPath, program, 'wait', batchId, '--data-dir', dataDir].map(quoted).join(' ');
}

/** As one word of a shell. */
function quoted(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  return process.platform === 'win32' ? `"${word}"` : `'${word.replaceAll("'", "'\\''")}'`;
}
