import { Argument, CommanderError } from 'commander';
import { BatchError, hasErrorCode, renderError } from '../errors.ts';
import { systemErrorCode } from '../lib/files/file-failure.ts';
import { hostsOnly } from '../lib/hosts-only.ts';
import { secretsOfVariables } from '../lib/http/secret-headers.ts';
import { tellCrashes } from '../log.ts';
import { exitCode } from './command.ts';
import { commands } from './commands/index.ts';
import { completionScript, shells } from './completion.ts';
import { execute } from './execute.ts';
import { createProgram } from './program.ts';
import { createTerminal } from './terminal.ts';

const READER_LEFT = ['EPIPE', 'ECONNRESET', 'ERR_STREAM_DESTROYED'];
const ends: ReadonlySet<number> = new Set([exitCode.hungUp, exitCode.interrupted, exitCode.terminated]);

/** Runs one command line on the process's own streams, and sets the exit code. */
export async function runCli(args: readonly string[]): Promise<void> {
  const keepOut = tellCrashes(secretsOfVariables(process.env));
  const streams = { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, env: process.env };
  const terminal = createTerminal(streams);
  let isLost = false;
  // Not if the reader has left, as `| head -1` does, or the terminal is gone: nobody misses anything then.
  process.stdout.on('error', (error) => {
    if (isLost || process.stdout.isTTY || hasErrorCode(error, ...READER_LEFT)) return;
    isLost = true;
    terminal.note(
      `Error: stdout could not be written (${systemErrorCode(error) ?? 'unknown cause'}), so its content is incomplete. ` +
        'Make room there, then run this again: nothing is paid twice.',
    );
    process.exitCode = exitCode.failed;
  });
  const program = createProgram(commands, async (typed) => {
    const code = await execute(typed, terminal, streams, keepOut);
    process.exitCode = isLost ? exitCode.failed : code;
    // What does not come to an end by itself, such as a call to a disk that hangs, is not waited for.
    if (ends.has(code)) process.exit();
  });
  program
    .command('completion')
    .addArgument(new Argument('<shell>').choices(shells))
    .description(`print a completion script for ${shells.join(', ')}`)
    .helpOption('-h, --help', 'print this text')
    .action((shell: string) => terminal.print(completionScript(shell, program)));
  for (const command of [program, ...program.commands]) command.exitOverride();
  try {
    await program.parseAsync(withOutputLast(args), { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? exitCode.done : exitCode.wrongUsage;
      if (error.exitCode !== 0 && args.includes('--json')) {
        const message = hostsOnly(error.message.replace(/^error: /, ''));
        terminal.print(JSON.stringify({ error: { code: 'invalid_input', message, problems: [] } }, null, 2));
      }
    } else if (error instanceof BatchError) {
      terminal.note(renderError(error));
      process.exitCode = exitCode.wrongUsage;
    } else throw error;
  }
}

const OUTPUT = '--output-file';

/** What names the output at `submit` is meant by whoever types it at a command that takes it by its place, which is the last. */
function withOutputLast(args: readonly string[]): readonly string[] {
  const isMeant = commands.some(
    ({ name, positional }) => name === args[0] && positional.at(-1) === '[output_file]',
  );
  const at = args.findIndex((arg) => arg === OUTPUT || arg === '--' || arg.startsWith(`${OUTPUT}=`));
  const typed = args[at];
  if (!isMeant || typed === undefined || typed === '--') return args;
  const output = typed === OUTPUT ? args[at + 1] : typed.slice(OUTPUT.length + 1);
  if (output === undefined) return args;
  const rest = args.toSpliced(at, typed === OUTPUT ? 2 : 1);
  return rest.includes('--') ? [...rest, output] : [...rest, '--', output];
}
