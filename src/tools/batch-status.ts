import { status } from '../operations/status.ts';
import { defineTool } from './tool.ts';

export const batchStatus = defineTool({
  name: 'batch_status',
  title: 'Look at a batch',
  description:
    "Shows a batch's state: processing_status, outcomes per task, cost, and when to look again. Looking costs nothing, but " +
    'do not poll: real batches take minutes to hours, and the reply says when it is worth it. wait_seconds (to 20; more is ' +
    'followed as a task where your client does that) waits for the end. processing_status: in_progress, canceling, ended; submitting (still being sent), ' +
    'unconfirmed (not certain whether the API has it; nothing is sent twice), not_sent (refused, nothing paid). When it ' +
    'has ended, call get_results.',
  hints: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  searchHint: 'how far a batch is, wait for its end',
  isLook: true,
  scope: 'batch:read',
  operation: status,
});
