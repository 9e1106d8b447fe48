import { readInput } from '../../operations/operation.ts';
import { status } from '../../operations/status.ts';
import { batchIds } from '../../provider/dialects.ts';
import { type Command, exitCode } from '../command.ts';
import { duration } from '../format.ts';
import { printReply, showBatch } from '../show.ts';

export const statusCommand: Command = {
  name: 'status',
  summary: "show a batch's status",
  positional: ['<batch_id>'],
  operation: status,
  examples: ['batch-mcp status batch_01…', `batch-mcp status ${batchIds.example} --json`],
  async run({ context, terminal, given, args, json, waiting }) {
    const reply = await status.run(
      context,
      readInput(status.input, { ...args, batch_id: given[0] }, 'batch-mcp status'),
      waiting,
    );
    if (json) {
      printReply(terminal, reply);
      return exitCode.done;
    }
    showBatch(terminal, reply);
    if (reply.processing_status === 'ended') {
      const again = 'failures' in reply && reply.failures?.some(({ retryable }) => retryable);
      if (again) terminal.note(`Send again what can succeed: batch-mcp retry ${reply.batch_id}`);
      terminal.note(`Next: batch-mcp results ${reply.batch_id} results.json`);
    } else if (reply.check_again_in_seconds > 0) {
      const again = duration(reply.check_again_in_seconds);
      terminal.note(`Look again in ${again}, or: batch-mcp wait ${reply.batch_id} results.json`);
    }
    return exitCode.done;
  },
};
