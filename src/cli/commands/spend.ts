import { Option } from 'commander';
import { counted } from '../../lib/numbers.ts';
import { estimateSubmission } from '../../operations/estimate.ts';
import { readInput } from '../../operations/operation.ts';
import { type SubmitReply, submit } from '../../operations/submit.ts';
import { type Call, type ExitCode, exitCode } from '../command.ts';
import { dollars } from '../format.ts';
import { openSource, requireWork } from '../source.ts';

/** Above this a person is asked before it is spent. */
const ASK_ABOVE_USD = 1;

export const yesOption = (help = 'spend without asking') => new Option('-y, --yes', help);

/** The error when a person declined, or nobody was there to agree: nothing was done. */
export function declined({ terminal, json }: Call, message: string): ExitCode {
  terminal.note(message);
  const error = { code: 'not_allowed', message, problems: [] };
  if (json) terminal.print(JSON.stringify({ error }, null, 2));
  return exitCode.failed;
}

/**
 * Submits the work that was typed; null where the person declined. Whoever can be asked is asked before more than a dollar
 * is spent; the owner's limits hold in any case.
 */
export async function submitTyped(
  call: Call,
  file: string | null,
  outputFile: string | undefined,
): Promise<SubmitReply | null> {
  const { context, args, waiting } = call;
  requireWork(file, args);
  const source = await openSource(file, call);
  try {
    const work = { ...args, ...source.args };
    const input = readInput(submit.input, { output_file: outputFile, ...work }, 'batch-mcp submit');
    if (!(await isAgreed(call, work))) return null;
    call.about(null, outputFile);
    const reply = await submit.run(context, input, waiting);
    call.about(reply.batch_id, outputFile);
    // What goes on in this process reads the source: it is removed only then.
    if (source.isKept) await context.jobs.idle();
    return reply;
  } finally {
    await source.discard();
  }
}

async function isAgreed(call: Call, work: Record<string, unknown>): Promise<boolean> {
  const { context, terminal, options, waiting } = call;
  if (options.yes === true || !terminal.canAsk || context.defaultProvider === 'sandbox') return true;
  const { cost_usd, request_count } = await estimateSubmission.run(
    context,
    readInput(estimateSubmission.input, work, 'batch-mcp submit'),
    waiting,
  );
  if (cost_usd.maximum <= ASK_ABOVE_USD) return true;
  return terminal.confirm(
    `${counted(request_count, 'request')}: ${dollars(cost_usd.expected)} expected, ${dollars(cost_usd.maximum)} at most. Send ${request_count === 1 ? 'it' : 'them'}?`,
    waiting.signal,
  );
}
