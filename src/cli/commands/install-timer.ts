import { mkdir, realpath, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { BatchError, hasErrorCode } from '../../errors.ts';
import { fileFailure } from '../../lib/files/file-failure.ts';
import { readRegularFile } from '../../lib/files/regular-file.ts';
import { type Call, type ExitCode, exitCode } from '../command.ts';
import { timers, type UnitFile, unitsFor, usualTimer } from '../timer-units.ts';

/**
 * Prints what a timer needs to run `batch-mcp collect`; where it goes and what to do then stands beside it, on stderr.
 * Whoever can be asked may have it written. Nothing is switched on here.
 */
export async function installTimer({ config, terminal, options, json, waiting }: Call): Promise<ExitCode> {
  const { home, dataDir, store } = config;
  if (home === undefined) {
    throw new BatchError(
      'invalid_input',
      'There is no home folder, and so no user timers. Call batch-mcp collect from a timer of your own.',
    );
  }
  const timer = timers.find((each) => each === options.install) ?? usualTimer;
  const settings = path.join(home, '.config', 'batch-mcp', 'env');
  const program = await realpath(process.argv[1] ?? '');
  const command = [process.execPath, `--env-file=${settings}`, program, 'collect', '--data-dir', dataDir];
  const { files, steps } = unitsFor[timer]({ command, home, settings });
  if (json) {
    terminal.print(JSON.stringify({ timer, command, settings, files, steps }, null, 2));
    return exitCode.done;
  }
  for (const file of files) {
    terminal.note(`# ${file.path}${(await holdsAnother(file)) ? ' (holds something else now)' : ''}`);
    terminal.print(file.text);
  }
  const [file, it] = files.length === 1 ? ['this file', 'it'] : ['these files', 'them'];
  // A crontab is not a file of its own that could be written.
  const canWrite = files.every(({ path: place }) => path.isAbsolute(place));
  const isAgreed = canWrite && (await terminal.confirm(`Write ${file}?`, waiting.signal));
  if (waiting.signal.aborted) return exitCode.interrupted;
  if (isAgreed) for (const each of files) await write(each);
  const variables = ['ANTHROPIC_API_KEY', ...(store === null ? [] : ['BATCH_MCP_STORE']), 'BATCH_MCP_NOTIFY'];
  terminal.note(`${isAgreed ? 'Written. Put' : `Nothing was written. Put ${it} there,`} the key and other settings (${variables.map((name) => `${name}=…`).join(', ')}) into
${settings}, a line each, and run:
${steps.map((step) => `  ${step}`).join('\n')}`);
  return exitCode.done;
}

/** A file that can't be read counts as different: that is no reason not to print. */
async function holdsAnother({ path: place, text }: UnitFile): Promise<boolean> {
  // A crontab is not a file, even if there is one of that name here.
  if (!path.isAbsolute(place)) return false;
  try {
    return (await readRegularFile(place)) !== text;
  } catch (error) {
    return !hasErrorCode(error, 'ENOENT');
  }
}

async function write({ path: place, text }: UnitFile): Promise<void> {
  try {
    await mkdir(path.dirname(place), { recursive: true });
    await writeFile(place, text);
  } catch (error) {
    throw fileFailure(`write ${JSON.stringify(place)}`, error);
  }
}
