import { cancel } from '../operations/cancel.ts';
import { defineTool } from './tool.ts';

export const cancelBatch = defineTool({
  name: 'cancel_batch',
  title: 'Cancel a batch',
  description:
    'Cancels the requests of a batch that have not been processed. Finished answers stay (get_results) and are paid; the ' +
    "rest costs nothing. It takes a moment: the status is canceling, then ended. Can't be undone.",
  hints: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: true },
  searchHint: 'stop a batch',
  scope: 'batch:cancel',
  operation: cancel,
});
