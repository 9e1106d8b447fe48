import * as z from 'zod';
import { counted } from '../../lib/numbers.ts';
import { readInput } from '../../operations/operation.ts';
import { submit } from '../../operations/submit.ts';
import { patience } from '../../operations/wait.ts';
import { answerFileFields } from '../../operations/work/requested-output.ts';
import type { Command } from '../command.ts';
import { splitGiven } from '../source.ts';
import { declined, submitTyped, yesOption } from './spend.ts';
import { waitAndSave } from './wait.ts';

const files = z.object(answerFileFields);

export const runCommand: Command = {
  name: 'run',
  summary: 'submit, wait, and write the results: the whole job in one line',
  positional: ['[file]', '[output_file]'],
  operation: { input: submit.input.extend(patience.shape) },
  options: [yesOption()],
  examples: [
    'batch-mcp run tasks.jsonl answers.csv',
    "batch-mcp run tasks.jsonl answers.json --prompt 'Translate into French: {{text}}'",
  ],
  async run(call) {
    const { terminal, json } = call;
    const { poll_interval, timeout, ...work } = call.args;
    // A wrong one is reported before anything is sent, not after it has been paid for.
    readInput(patience, { poll_interval, timeout }, 'batch-mcp run');
    const { file, rest } = splitGiven(call);
    const output = rest[0];
    const reply = await submitTyped({ ...call, args: work }, file, output);
    if (reply === null) return declined(call, 'Nothing was sent.');
    if (!json) {
      const requests = 'request_count' in reply ? ` of ${counted(reply.request_count, 'request')}` : '';
      terminal.note(
        reply.duplicate
          ? `This work has its batch already: ${reply.batch_id}. Nothing is sent or paid again (--force-new would).`
          : `Submitted ${reply.batch_id}${requests}.`,
      );
    }
    const { output_pattern, output_key } = files.parse(work);
    const outputs = {
      output_file: output,
      output_key,
      // A batch that was there already writes the files that its own submission asked for.
      ...(reply.duplicate && { output_pattern }),
    };
    return waitAndSave({ ...call, args: { poll_interval, timeout } }, reply.batch_id, outputs, {
      isAsked: (key) => key === (output_pattern === undefined ? output_key : undefined),
    });
  },
};
