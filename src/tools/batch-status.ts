import * as z from 'zod';
import { describeStatus } from '../operations/replies/describe.ts';
import { batchId, batchOutput } from './fields.ts';
import { defineTool, waitingOf } from './tool.ts';

export const batchStatus = defineTool({
  name: 'batch_status',
  title: 'Look at a batch',
  description:
    'Says how a batch is: processing_status, outcomes per task, cost, and when to look again. Looking costs nothing, but ' +
    'do not poll: real batches take minutes to hours, and the reply says when it is worth it. wait_seconds (0 to 20) ' +
    'waits within the call for the end. processing_status: in_progress, canceling, ended; submitting (still being sent), ' +
    'unconfirmed (not certain whether the API has it; nothing is sent twice), not_sent (refused, nothing paid). When it ' +
    'has ended, call get_results.',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  input: z.strictObject({
    batch_id: batchId,
    wait_seconds: z.number().min(0).max(20).optional(),
  }),
  output: batchOutput.extend({
    outcomes: z.record(z.string(), z.number()).optional(),
    results_state: z.enum(['none', 'downloading', 'saved']).optional(),
    output_files: z.array(z.string()).optional(),
  }),
  run: ({ batch_id, wait_seconds }, context, call) =>
    describeStatus(context, batch_id, { waitSeconds: wait_seconds, ...waitingOf(call) }),
});
