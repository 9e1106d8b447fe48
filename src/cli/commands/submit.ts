import { counted } from '../../lib/numbers.ts';
import { submit } from '../../operations/submit.ts';
import { type Command, exitCode } from '../command.ts';
import { printReply, showBatch } from '../show.ts';
import { splitGiven } from '../source.ts';
import { declined, submitTyped, yesOption } from './spend.ts';

export const submitCommand: Command = {
  name: 'submit',
  summary: 'check tasks and send them as a batch',
  positional: ['[file]'],
  operation: submit,
  options: [yesOption()],
  examples: [
    'batch-mcp submit batch_requests.json',
    'batch-mcp submit tasks.jsonl --output-file answers.csv --model-tier cheap',
    'batch-mcp submit --work-id work_…',
    'generate-tasks | batch-mcp submit -',
  ],
  async run(call) {
    const { terminal, json } = call;
    const reply = await submitTyped(call, splitGiven(call).file, undefined);
    if (reply === null) return declined(call, 'Nothing was sent.');
    if (json) printReply(terminal, reply);
    else {
      const requests = 'request_count' in reply ? ` of ${counted(reply.request_count, 'request')}` : '';
      terminal.print(
        reply.duplicate
          ? 'This work has its batch already. Nothing is sent or paid again (--force-new would).'
          : `Submitted a batch${requests}.`,
      );
      showBatch(terminal, reply);
      const id = reply.batch_id;
      terminal.note(`Monitor status:   batch-mcp status ${id}`);
      terminal.note(`Retrieve results: batch-mcp results ${id} results.json`);
      terminal.note(`Or wait for them: batch-mcp wait ${id} results.json`);
    }
    return reply.processing_status === 'not_sent' ? exitCode.failed : exitCode.done;
  },
};
