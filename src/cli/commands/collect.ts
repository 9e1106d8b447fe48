import { InvalidArgumentError, Option } from 'commander';
import { count, isDecimal } from '../../lib/numbers.ts';
import { type CollectedBatch, type CollectReply, collect } from '../../operations/collect.ts';
import { startWorker } from '../../operations/worker/worker.ts';
import { type Call, type Command, type ExitCode, exitCode } from '../command.ts';
import { dollars } from '../format.ts';
import { inCommands, warn } from '../show.ts';
import { printable, type Terminal } from '../terminal.ts';
import { timers } from '../timer-units.ts';
import { installTimer } from './install-timer.ts';

const DEFAULT_WATCH_SECONDS = 60;
const LONGEST_WATCH_SECONDS = 24 * 3600;

export const collectCommand: Command = {
  name: 'collect',
  summary: 'look once at every unfinished batch: download results, send retries, write files, notify',
  positional: [],
  operation: collect,
  options: [
    new Option(
      '--watch [seconds]',
      `look again every so many seconds (default: ${DEFAULT_WATCH_SECONDS}), and print a line for each batch that has ended, until interrupted`,
    )
      .argParser(secondsOf)
      .preset(DEFAULT_WATCH_SECONDS)
      .conflicts('install'),
    new Option(
      '--install [timer]',
      'only print what a timer needs to do this every ten minutes; at a terminal, write it after asking',
    ).choices(timers),
  ],
  examples: [
    'batch-mcp collect',
    'batch-mcp collect --watch',
    'batch-mcp collect --install',
    'batch-mcp collect --install cron',
  ],
  async run(call) {
    const { context, terminal, options, json, waiting } = call;
    if (options.install !== undefined) return installTimer(call);
    if (typeof options.watch === 'number') return watch(call, options.watch);
    // A timer's stderr becomes a mail, or a log that grows: how far it is, is of use to a person alone.
    const watched = terminal.canAsk ? waiting : { signal: waiting.signal };
    const reply = await collect.run(context, {}, watched);
    if (json) terminal.print(JSON.stringify(reply, null, 2));
    else show(terminal, reply);
    return codeOf(reply);
  },
};

function secondsOf(typed: string | number): number {
  const seconds = typeof typed === 'string' && isDecimal(typed.trim()) ? Number(typed) : typed;
  if (typeof seconds === 'number' && seconds > 0 && seconds <= LONGEST_WATCH_SECONDS) return seconds;
  throw new InvalidArgumentError(`Valid: seconds, above 0 and at most ${LONGEST_WATCH_SECONDS}.`);
}

/** Prints each batch when it has ended, and each trouble when it is new. */
async function watch({ context, terminal, json, waiting }: Call, everySeconds: number): Promise<ExitCode> {
  const printed = new Map<string, string>();
  const troubles = new Map<string, string>();
  /** Reported again if it came back after it was gone. */
  const note = (about: string, trouble: string | null) => {
    if (trouble !== null && troubles.get(about) !== trouble) terminal.note(trouble);
    if (trouble === null) troubles.delete(about);
    else troubles.set(about, trouble);
  };
  terminal.note(`Looks every ${count(everySeconds)} seconds. Ctrl-C ends this, never a batch.`);
  const worker = startWorker(context, {
    everySeconds,
    onLook({ batches, failed, warnings }) {
      for (const batch of batches.filter(isAtRest)) {
        const line = json ? JSON.stringify(batch) : lineOf(batch);
        if (printed.get(batch.batch_id) !== line) terminal.print(line);
        printed.set(batch.batch_id, line);
      }
      for (const { batch_id, problem } of [...failed, ...batches])
        note(batch_id, problem === null ? null : `${batch_id}: ${inCommands(problem)}`);
      for (const warning of warnings) note(warning, inCommands(warning));
      note('all', null);
    },
    onFailure: ({ message }) => note('all', inCommands(message)),
  });
  await interrupted(waiting.signal);
  await worker.stop();
  return exitCode.interrupted;
}

function interrupted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** Whether a later look would bring nothing new. */
const isAtRest = (batch: CollectedBatch) => isFinished(batch) || batch.processing_status === 'not_sent';

function show(terminal: Terminal, { batches, failed, warnings }: CollectReply): void {
  if (batches.length + failed.length === 0) terminal.print('Nothing is unfinished.');
  for (const { batch_id, problem } of failed) terminal.note(`${batch_id}: ${inCommands(problem)}`);
  for (const batch of batches) {
    terminal.print(lineOf(batch));
    if (batch.problem !== null) terminal.note(`${batch.batch_id}: ${inCommands(batch.problem)}`);
  }
  warn(terminal, warnings);
}

/** What became of one batch, on one line. */
function lineOf({ batch_id, name, provider, request_count, ...batch }: CollectedBatch): string {
  const state = isFinished(batch)
    ? 'ended'
    : batch.processing_status === 'ended'
      ? 'downloading'
      : batch.processing_status;
  const far = `${count(batch.outcomes.succeeded)} of ${count(request_count)} succeeded`;
  return [
    batch_id,
    state,
    ...(isFinished(batch) ? [far] : []),
    ...(batch.actual_usd === null ? [] : [dollars(batch.actual_usd)]),
    printable(provider === 'sandbox' ? `${name} (sandbox)` : name).replaceAll('\n', ' '),
    ...batch.output_files.map(printable),
  ].join('  ');
}

const isFinished = ({
  processing_status,
  results_state,
}: Pick<CollectedBatch, 'processing_status' | 'results_state'>) =>
  processing_status === 'ended' && results_state === 'saved';

/** The most urgent first, over all batches: what failed, what goes on, tasks without an answer. */
function codeOf({ batches, failed }: CollectReply): ExitCode {
  const isFailed = ({ problem, processing_status }: CollectedBatch) =>
    problem !== null || processing_status === 'not_sent';
  if (failed.length > 0 || batches.some(isFailed)) return exitCode.failed;
  if (!batches.every(isFinished)) return exitCode.notEnded;
  const isWhole = ({ outcomes, request_count }: CollectedBatch) => outcomes.succeeded === request_count;
  return batches.every(isWhole) ? exitCode.done : exitCode.someTasksFailed;
}
