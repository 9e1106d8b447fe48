import { CommanderError } from 'commander';
import { BatchError, renderError } from '../errors.ts';
import { secretsOfVariables } from '../lib/http/secret-headers.ts';
import { tellCrashes } from '../log.ts';
import { exitCode } from './command.ts';
import { commands } from './commands/index.ts';
import { completionScript, shells } from './completion.ts';
import { createProgram } from './program.ts';
import { runCommand } from './run-command.ts';
import { createTerminal } from './terminal.ts';

const ends: ReadonlySet<number> = new Set([exitCode.hungUp, exitCode.interrupted, exitCode.terminated]);

/** Runs one command line on the process's own streams, and sets the exit code. */
export async function runCli(args: readonly string[]): Promise<void> {
  tellCrashes(secretsOfVariables(process.env));
  const streams = { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, env: process.env };
  const terminal = createTerminal(streams);
  const program = createProgram(commands, async (typed) => {
    const code = await runCommand(typed, terminal, streams);
    process.exitCode = code;
    // What does not come to an end by itself, such as a call to a disk that hangs, is not waited for.
    if (ends.has(code)) process.exit();
  });
  program
    .command('completion <shell>')
    .description(`print a completion script for ${shells.join(', ')}`)
    .helpOption('-h, --help', 'print this text')
    .action((shell: string) => terminal.print(completionScript(shell, program)));
  for (const command of [program, ...program.commands]) command.exitOverride();
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? exitCode.done : exitCode.wrongUsage;
      if (error.exitCode !== 0 && args.includes('--json')) {
        const message = error.message.replace(/^error: /, '');
        terminal.print(JSON.stringify({ error: { code: 'invalid_input', message, problems: [] } }, null, 2));
      }
    } else if (error instanceof BatchError) {
      terminal.note(renderError(error));
      process.exitCode = exitCode.wrongUsage;
    } else throw error;
  }
}
