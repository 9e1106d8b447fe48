import { cancel } from '../operations/cancel.ts';
import { defineTool } from './tool.ts';

export const cancelBatch = defineTool({
  name: 'cancel_batch',
  title: 'Cancel a batch',
  description:
    'Cancels what of a batch has not been processed yet. What is finished stays, can be read with get_results, and is ' +
    "paid; the rest costs nothing. It takes a moment: the status is canceling, then ended. Can't be undone.",
  hints: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: true },
  searchHint: 'stop a batch',
  scope: 'batch:cancel',
  operation: cancel,
});
