import { submit } from '../operations/submit.ts';
import { batchShare } from '../provider/dialects.ts';
import { defineTool } from './tool.ts';

export const submitBatch = defineTool({
  name: 'submit_batch',
  title: 'Submit a batch',
  description:
    `Sends many tasks to Claude in one batch at ${batchShare} the price; results come within minutes to 24 hours. Use it for bulk ` +
    'work that nobody is waiting for; for a single question ask directly. Give tasks inline (requests) or as a file ' +
    '(requests_file), with shared defaults beside them. Costs money: for more than a few tasks call estimate_cost ' +
    'first, then give its work_id alone. Everything is checked before anything is sent. Returns a batch_id: tell it to the user, ' +
    'end your turn, and look again later with batch_status. The same work within 24 hours returns the existing batch. ' +
    'sandbox: true tries it out with made-up answers, free and without a key.',
  hints: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  searchHint: `bulk work with Claude: many rows, files or prompts at ${batchShare} price`,
  scope: 'batch:submit',
  // An idempotency key is only useful to a program that keeps it.
  operation: { ...submit, input: submit.input.omit({ idempotency_key: true }) },
});
