import { type Config, readConfig } from '../config/config.ts';
import { createContext } from '../config/create-context.ts';
import { currentFolder } from '../config/folders.ts';
import { BatchError, renderError } from '../errors.ts';
import { count } from '../lib/numbers.ts';
import { createLog, redact } from '../log.ts';
import type { Context } from '../state/context.ts';
import { endsWithin, type Progress } from '../state/jobs.ts';
import { type ExitCode, exitCode } from './command.ts';
import { dollars, duration } from './format.ts';
import { type Argument, readArguments } from './options.ts';
import type { Typed } from './program.ts';
import { inCommands, waitingFor } from './show.ts';
import type { Streams, Terminal } from './terminal.ts';

/** How long requests on their way to the API are waited for once a person has asked to stop. */
const LONGEST_END_MS = 1_500;
const MAYBE_SENT = 'if it was sent, it goes on: batch-mcp list shows it.';

/**
 * Runs what was typed and says how it ended. Ctrl-C ends the waiting, never a batch: what was begun is on disk, and whoever
 * looks next goes on with it. `keepOut` is told what must not be shown.
 */
export async function execute(
  typed: Typed,
  terminal: Terminal,
  streams: Streams,
  keepOut: (secrets: readonly string[]) => void,
): Promise<ExitCode> {
  let secrets: readonly string[] = [];
  try {
    // What a server would log is told in words here; a person can ask for more.
    const env = { BATCH_MCP_LOG_LEVEL: 'error', ...streams.env };
    const config = readConfig({ env, argv: typed.flags });
    secrets = config.secrets;
    keepOut(secrets);
    for (const notice of config.notices) terminal.note(`Note: ${notice}`);
    const write = (line: string) => terminal.note(line.trimEnd());
    const log = createLog({ level: config.logLevel, write, secrets });
    // What a person types is meant from where they are.
    const context = await createContext({ ...config, baseDir: currentFolder() ?? config.baseDir }, log, {
      caller: 'person',
    });
    return await runIn({ context, config }, typed, terminal, streams);
  } catch (error) {
    terminal.clear();
    const told = error instanceof BatchError ? inOptions(error, typed.arguments) : DEFECT;
    const { code, message, problems } = told;
    if (typed.json)
      terminal.print(redact(JSON.stringify({ error: { code, message, problems } }, null, 2), secrets));
    if (!(error instanceof BatchError)) throw error;
    const text = renderError(told);
    terminal.note(redact(`${terminal.style('red', 'Error')} (${error.code}): ${text}`, secrets));
    return error.code === 'invalid_input' ? exitCode.wrongUsage : exitCode.failed;
  }
}

/** A script gets its document of a defect too, whose details go to stderr. */
const DEFECT = new BatchError('internal', 'A defect of batch-mcp: stderr has the details.');

/** With a call's own arguments as they are typed, and the commands in place of the tools. */
function inOptions(error: BatchError, known: readonly Argument[]): BatchError {
  const { code, message, problemCount } = error;
  const problems = error.problems.map((problem) => {
    const option = problem.item === undefined && known.find(({ name }) => name === problem.field)?.option;
    return {
      ...problem,
      ...(option && { field: option.long ?? option.flags }),
      problem: inCommands(problem.problem),
      ...(problem.valid !== undefined && { valid: inCommands(problem.valid) }),
    };
  });
  return new BatchError(code, inCommands(message), { problems, problemCount });
}

async function runIn(
  { context, config }: { context: Context & { close(): Promise<void> }; config: Config },
  typed: Typed,
  terminal: Terminal,
  { stdin, env }: Streams,
): Promise<ExitCode> {
  const farewell = createFarewell(terminal);
  const interruption = listenForInterruption((code) => {
    farewell.tell();
    process.exit(code);
  });
  const started = performance.now();
  try {
    const work = typed.command.run({
      context,
      config,
      env,
      terminal,
      stdin,
      given: typed.given,
      args: await readArguments(typed.arguments, typed.options),
      options: typed.options,
      json: typed.json,
      waiting: {
        signal: interruption.signal,
        onProgress(progress) {
          if (!interruption.signal.aborted)
            showProgress(terminal, progress, (performance.now() - started) / 1000);
        },
      },
      about: (batchId, outputFile) => farewell.about(batchId, outputFile),
    });
    const code = await Promise.race([work, interruption.happened]);
    if (interruption.signal.aborted) {
      await endInterrupted(work, context, farewell);
      return code;
    }
    terminal.clear();
    await context.jobs.idle();
    return code;
  } finally {
    interruption.stop();
    await context.close();
  }
}

type Farewell = ReturnType<typeof createFarewell>;

/** Says how to go on, once, and before anything that takes time: somebody in a hurry interrupts again. */
function createFarewell(terminal: Terminal) {
  let goOn: string | undefined;
  let isTold = false;
  return {
    /** What is under way; null where no batch is known yet. */
    about(batchId: string | null, outputFile?: string) {
      goOn =
        batchId === null
          ? MAYBE_SENT
          : `the batch goes on. Follow it with: ${waitingFor(batchId, outputFile)}`;
    },
    /** What is refused or given up was not sent. */
    failed() {
      if (goOn === MAYBE_SENT) goOn = undefined;
    },
    tell() {
      if (isTold) return;
      isTold = true;
      terminal.clear();
      terminal.note(goOn === undefined ? 'Interrupted.' : `Interrupted; ${goOn}`);
    },
  };
}

/** Lets what is on its way to the API end. The next command tells how it ended: this one only says how to go on. */
async function endInterrupted(work: Promise<unknown>, { jobs }: Context, farewell: Farewell): Promise<void> {
  const end = performance.now() + LONGEST_END_MS;
  const settled = work.then(
    () => {},
    () => farewell.failed(),
  );
  await endsWithin(settled, LONGEST_END_MS);
  farewell.tell();
  await endsWithin(jobs.idle(), end - performance.now());
}

/** The first Ctrl-C, SIGTERM or loss of the terminal. `onSecond` must end the process at once. */
function listenForInterruption(onSecond: (code: ExitCode) => void) {
  const controller = new AbortController();
  let resolve: (code: ExitCode) => void = () => {};
  const happened = new Promise<ExitCode>((whenItHappens) => {
    resolve = whenItHappens;
  });
  const end = (code: ExitCode) => () => {
    if (controller.signal.aborted) return onSecond(code);
    controller.abort();
    resolve(code);
  };
  const ends: [NodeJS.Signals, () => void][] = [
    ['SIGINT', end(exitCode.interrupted)],
    ['SIGTERM', end(exitCode.terminated)],
    ['SIGHUP', isAtTerminal() ? end(exitCode.hungUp) : () => {}],
  ];
  const stop = () => {
    for (const [signal, listener] of ends) process.off(signal, listener);
  };
  for (const [signal, listener] of ends) process.on(signal, listener);
  return { signal: controller.signal, happened, stop };
}

/** Node undoes what `nohup` does. A process without a terminal can't lose one. */
const isAtTerminal = () => [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY);

const stages: Record<Progress['stage'], string> = {
  preparing: 'checking tasks',
  asking: 'asking',
  sending: 'sending',
  waiting: 'running',
  downloading: 'downloading',
  writing: 'writing',
};

function showProgress(terminal: Terminal, progress: Progress, seconds: number): void {
  const { stage, done, total, failed = 0, cost } = progress;
  const far = total === null ? (done === 0 ? '' : count(done)) : `${count(done)} of ${count(total)}`;
  const told = [
    duration(seconds),
    stages[stage],
    far,
    failed > 0 ? `${count(failed)} failed` : '',
    cost ? `${cost.is_expected ? 'about ' : ''}${dollars(cost.usd)}` : '',
  ];
  terminal.progress(told.filter((part) => part !== '').join('  '), `${stages[stage]} …`);
}
