import { findBatch } from '../../operations/find-batch.ts';
import { readInput } from '../../operations/operation.ts';
import { DEFAULT_TIMEOUT_SECONDS, type WaitReply, wait } from '../../operations/wait.ts';
import type { OutputArguments } from '../../operations/work/requested-output.ts';
import { checkOutputs, inPlace } from '../../operations/written-outputs.ts';
import { type Call, type Command, type ExitCode, exitCode } from '../command.ts';
import { duration } from '../format.ts';
import { notSent, printReply, showBatch, waitingFor } from '../show.ts';
import { showAnswers } from '../show-answers.ts';
import { codeOfResults, readResults, refuseSecondBatch, showSaved } from './results.ts';

export const waitCommand: Command = {
  name: 'wait',
  summary: "wait for a batch's end and write its results",
  positional: ['<batch_id>', '[output_file]'],
  operation: wait,
  examples: [
    'batch-mcp wait batch_01… results.json',
    'batch-mcp wait batch_01… results.json --poll-interval 600 --timeout 43200',
  ],
  async run(call) {
    const { given, args, terminal } = call;
    refuseSecondBatch(given[1]);
    const announce = (batchId: string) => terminal.note(`Waiting for ${batchId}${paceText(args)}.`);
    // The submission may have named the file, with a key that it holds alone.
    return waitAndSave(call, given[0] ?? '', { output_file: given[1] }, { announce, isAsked: () => true });
  },
};

/** For example `, looking at least every 5 min, for 1 d at most`; anything below a second counts as one. */
function paceText({ poll_interval, timeout = DEFAULT_TIMEOUT_SECONDS }: Call['args']): string {
  const every =
    typeof poll_interval === 'number' ? `, looking at least every ${duration(Math.ceil(poll_interval))}` : '';
  return `${every}, for ${duration(Math.ceil(Number(timeout)))} at most`;
}

type Details = { announce?: (batchId: string) => void; isAsked: (key: string | undefined) => boolean };

/**
 * Waits for the end, writes the requested files and shows the outcome. A file that is there already, as it was written for
 * this batch, is left alone.
 */
export async function waitAndSave(
  call: Call,
  batchId: string,
  { output_file, ...others }: OutputArguments,
  { announce, isAsked }: Details,
): Promise<ExitCode> {
  const { context, args, terminal, json, waiting } = call;
  call.about(batchId, output_file);
  const known = Object.fromEntries(Object.entries(args).filter(([name]) => name in wait.input.shape));
  const input = readInput(wait.input, { ...known, batch_id: batchId }, 'batch-mcp wait');
  // By then the last batch, or the one of a name, may be another.
  const { batch_id: found } = await findBatch(context, batchId);
  call.about(found, output_file);
  const isThere = async () =>
    output_file === undefined ? null : inPlace(context, found, output_file, isAsked);
  /** What is to be written, the file being there or not. */
  const outputs = (there: string | null): OutputArguments => {
    if (output_file !== undefined && there === null) return { output_file, ...others };
    return others.output_pattern === undefined ? {} : others;
  };
  const before = await isThere();
  // A file that can't be written is reported now, not in a day.
  await checkOutputs(context, found, outputs(before), {});
  announce?.(found);
  const waited = await wait.run(context, input, waiting);
  // Then the interruption says how to go on.
  if (waiting.signal.aborted) return exitCode.notEnded;
  terminal.clear();
  if (waited.processing_status !== 'ended') return showUnfinished(call, waited, output_file);
  // The submission may have named the file, and the look that found the end wrote it then.
  const after = await isThere();
  const reply = await readResults({ ...call, args: outputs(after) }, waited.batch_id);
  if (waiting.signal.aborted) return exitCode.notEnded;
  if (json) printReply(terminal, reply);
  else {
    if (output_file === undefined) showAnswers(terminal, reply);
    await showSaved(call, reply, output_file, after !== null && after === before);
  }
  return codeOfResults(reply);
}

/** The batch goes on without whoever waited. */
function showUnfinished(
  { terminal, json }: Call,
  reply: WaitReply,
  outputFile: string | undefined,
): ExitCode {
  if (json) printReply(terminal, reply);
  else {
    showBatch(terminal, reply);
    terminal.note(
      reply.processing_status === 'not_sent'
        ? notSent(reply.batch_id)
        : `It has not ended yet. Go on with: ${waitingFor(reply.batch_id, outputFile)}`,
    );
  }
  return reply.processing_status === 'not_sent' ? exitCode.failed : exitCode.notEnded;
}
