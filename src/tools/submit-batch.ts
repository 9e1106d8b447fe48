import * as z from 'zod';
import { describeSubmission } from '../operations/replies/describe.ts';
import { submit } from '../operations/submit.ts';
import { batchOutput, toWork, workFields } from './fields.ts';
import { defineTool, waitingOf } from './tool.ts';

export const submitBatch = defineTool({
  name: 'submit_batch',
  title: 'Submit a batch',
  description:
    'Sends many tasks to Claude in one batch at half the price; results come within minutes to 24 hours. Use it for bulk ' +
    'work that nobody is waiting for; for a single question ask directly. Give tasks inline (requests) or as a file ' +
    '(requests_file), with shared defaults beside them. Costs money: for more than a few tasks call estimate_cost with ' +
    'the same arguments first. Everything is checked before anything is sent. Returns a batch_id: tell it to the user, ' +
    'end your turn, and look again later with batch_status. The same work within 24 hours returns the existing batch. ' +
    'sandbox: true tries it out with made-up answers, free and without a key.',
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  input: z.strictObject({
    ...workFields,
    name: z.string().min(1).max(100).optional().describe('To find the batch by'),
    output_file: z
      .string()
      .min(1)
      .optional()
      .describe('Written when the batch has ended: .json, .jsonl, .csv, .md or .raw.jsonl'),
    max_cost_usd: z
      .number()
      .nonnegative()
      .optional()
      .describe("Refuse above this; can only lower the owner's limit"),
    force_new: z.boolean().optional().describe('Send again what was submitted within 24 hours: pays twice'),
    sandbox: z.boolean().optional().describe('Made-up answers, no key, no cost'),
  }),
  output: batchOutput.extend({ duplicate: z.boolean() }),
  async run({ name, output_file, max_cost_usd, force_new, sandbox, ...work }, context, call) {
    const options = { name, output_file, max_cost_usd, force_new, sandbox };
    const submitted = await submit(
      context,
      toWork(work, context.limits.inlineBytes),
      options,
      waitingOf(call),
    );
    return describeSubmission(context, submitted);
  },
});
