import { counted } from '../../lib/numbers.ts';
import { readInput } from '../../operations/operation.ts';
import { retry } from '../../operations/retry.ts';
import { type Command, exitCode } from '../command.ts';
import { dollars } from '../format.ts';
import { printReply, showBatch } from '../show.ts';

export const retryCommand: Command = {
  name: 'retry',
  summary: 'send again what failed and can succeed, under the same id',
  positional: ['<batch_id>'],
  operation: retry,
  examples: [
    'batch-mcp retry batch_01… --dry-run',
    'batch-mcp retry batch_01… --outcomes incomplete --max-tokens 8000',
  ],
  async run({ context, terminal, given, args, json, waiting }) {
    const reply = await retry.run(
      context,
      readInput(retry.input, { ...args, batch_id: given[0] }, 'batch-mcp retry'),
      waiting,
    );
    if (json) {
      printReply(terminal, reply);
      return exitCode.done;
    }
    showBatch(terminal, reply);
    if (reply.retry !== undefined) {
      const { request_count, cost_usd } = reply.retry;
      const what = `${counted(request_count, 'request')}, ${dollars(cost_usd.expected)} expected, ${dollars(cost_usd.maximum)} at most`;
      terminal.print(reply.dry_run ? `Would be sent again: ${what}` : `Sent again: ${what}`);
    }
    if (!reply.dry_run) terminal.note(`Next: batch-mcp wait ${reply.batch_id} results.json`);
    return exitCode.done;
  },
};
