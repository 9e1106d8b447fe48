import { cancel } from '../../operations/cancel.ts';
import { readInput } from '../../operations/operation.ts';
import { type Command, exitCode } from '../command.ts';
import { printReply, showBatch } from '../show.ts';

export const cancelCommand: Command = {
  name: 'cancel',
  summary: 'stop a batch: finished answers stay and are paid, the rest costs nothing',
  positional: ['<batch_id>'],
  operation: cancel,
  examples: ['batch-mcp cancel batch_01…'],
  async run({ context, terminal, given, args, json, waiting }) {
    const reply = await cancel.run(
      context,
      readInput(cancel.input, { ...args, batch_id: given[0] }, 'batch-mcp cancel'),
      waiting,
    );
    if (json) printReply(terminal, reply);
    else showBatch(terminal, reply);
    return exitCode.done;
  },
};
