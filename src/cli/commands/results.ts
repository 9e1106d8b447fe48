import { existsSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { BatchError, hasErrorCode } from '../../errors.ts';
import { findBatch } from '../../operations/find-batch.ts';
import { readInput } from '../../operations/operation.ts';
import { type ResultsReply, results } from '../../operations/results.ts';
import { inPlace } from '../../operations/written-outputs.ts';
import { type Call, type Command, type ExitCode, exitCode } from '../command.ts';
import { notSent, printReply, showTotals, waitingFor } from '../show.ts';
import { showAnswers } from '../show-answers.ts';

export const resultsCommand: Command = {
  name: 'results',
  summary: "write a batch's results to a file, or show them",
  positional: ['<batch_id>', '[output_file]'],
  operation: results,
  examples: [
    'batch-mcp results batch_01… results.json',
    'batch-mcp results batch_01… --outcomes failed',
    'batch-mcp results batch_01… answers.csv --overwrite',
  ],
  async run(call) {
    const { context, terminal, given, args, json, waiting } = call;
    const [asked = '', output] = given;
    refuseSecondBatch(output);
    let isThere = false;
    // Waiting would write all answers, not the chosen ones.
    if (Object.keys(args).length === 0) {
      const { batch_id } = await findBatch(context, asked);
      call.about(batch_id, output);
      isThere =
        output !== undefined &&
        (await inPlace(context, batch_id, output, (key) => key === undefined)) !== null;
    }
    const reply = await readResults(
      isThere ? call : { ...call, args: { ...args, output_file: output } },
      asked,
    );
    // A partly written file disappears with the process.
    if (waiting.signal.aborted) return exitCode.notEnded;
    if (json) printReply(terminal, reply);
    else {
      if (output === undefined) {
        showAnswers(terminal, reply);
        const hasNone = reply.results.length === 0 && reply.groups === undefined;
        if (hasNone && reply.results_state === 'saved')
          terminal.note('No answer matches what was asked for.');
      }
      await showSaved(call, reply, output, isThere);
    }
    return codeOfResults(reply);
  },
};

export async function readResults(
  { context, args, waiting }: Pick<Call, 'context' | 'args' | 'waiting'>,
  batch_id: string,
): Promise<ResultsReply> {
  const input = { ...args, batch_id };
  return results.run(context, readInput(results.input, input, 'batch-mcp results'), waiting);
}

/** Says what has arrived, where it is (the requested file first) and what to do about the rest. */
export async function showSaved(
  { terminal }: Pick<Call, 'terminal'>,
  reply: ResultsReply,
  outputFile: string | undefined,
  wasThere: boolean,
): Promise<void> {
  if (reply.results_state !== 'saved') {
    showTotals(terminal, reply);
    const isLost = reply.processing_status === 'ended' && reply.check_again_in_seconds === 0;
    terminal.note(
      reply.processing_status === 'not_sent'
        ? notSent(reply.batch_id)
        : isLost
          ? 'The API has dropped the results that are not saved here.'
          : `Not all results are in (${reply.processing_status}). Next: ${waitingFor(reply.batch_id, outputFile)}`,
    );
    return;
  }
  const asked = outputFile === undefined ? null : await realPath(outputFile);
  // What was written once may have been removed or moved since.
  const files = reply.output_files.filter((file) => existsSync(file));
  const [first = [], others = []] =
    asked !== null && files.includes(asked) ? [[asked], files.filter((file) => file !== asked)] : [files];
  if (first.length > 0)
    terminal.print(`Results ${wasThere ? 'are already in' : 'saved to'} ${first.join(', ')}`);
  if (others.length > 0) terminal.note(`They are in ${others.join(', ')} too.`);
  showTotals(terminal, reply);
  if (reply.error_digest.some(({ retryable }) => retryable)) {
    terminal.note(`Next: batch-mcp retry ${reply.batch_id} sends again what can succeed.`);
  } else if (reply.next_cursor !== null) {
    terminal.note(`There are more: batch-mcp results ${reply.batch_id} results.json writes all of them.`);
  }
}

export function codeOfResults({ processing_status, results_state, totals }: ResultsReply): ExitCode {
  if (processing_status === 'not_sent') return exitCode.failed;
  if (results_state !== 'saved') return exitCode.notEnded;
  return totals.succeeded === totals.total ? exitCode.done : exitCode.someTasksFailed;
}

/** What a person types after a batch where another output would stand: one is read at a time. Throws `invalid_input`. */
export function refuseSecondBatch(output: string | undefined): void {
  if (output === undefined || !/^(?:msg)?batch_\w+$|^last$/i.test(output)) return;
  throw new BatchError('invalid_input', 'Several batches are named; nothing was done.', {
    problems: [
      {
        field: 'output_file',
        problem: `is given a batch, ${output}`,
        valid:
          'one batch at a time and a file for its results; batch-mcp collect looks at all that are unfinished',
      },
    ],
  });
}

/** The path as replies give it, though its folder may not exist. */
export async function realPath(file: string): Promise<string> {
  const absolute = path.resolve(file);
  const folder = await realpath(path.dirname(absolute)).catch((error: unknown) => {
    if (hasErrorCode(error, 'ENOENT', 'ENOTDIR')) return path.dirname(absolute);
    throw error;
  });
  return path.join(folder, path.basename(absolute));
}
