import { list } from '../operations/list.ts';
import { defineTool } from './tool.ts';

export const listBatches = defineTool({
  name: 'list_batches',
  title: 'List batches',
  description:
    'Lists the batches submitted from this computer, newest first, as they were last seen, with totals of tasks and ' +
    'dollars over all matches. Use it to find a batch_id again, or with group_by for what was spent. Filter by processing_status, name_contains, since, until.',
  hints: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  searchHint: 'earlier batches, what was spent',
  isLook: true,
  scope: 'batch:read',
  operation: list,
});
