import { estimate } from '../operations/estimate.ts';
import { workFields } from '../operations/work/work-fields.ts';
import { batchShare } from '../provider/dialects.ts';
import { defineTool } from './tool.ts';

export const estimateCost = defineTool({
  name: 'estimate_cost',
  title: 'Estimate the cost',
  description:
    'The dry run of submit_batch, with the same work arguments: checks every task and says what it would cost in ' +
    `batch (${batchShare} price) and at standard price, expected and at most, what other tiers would cost, and how the first ` +
    'request looks. Submits nothing, costs nothing; with a key the API counts a sample of the requests. Or give request_count, input_tokens_per_request and ' +
    'output_tokens_per_request (with model or model_tier) for a calculation without tasks.',
  hints: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  searchHint: 'what bulk work would cost, dry run',
  isLook: true,
  scope: 'batch:read',
  operation: estimate,
  toldElsewhere: workFields,
});
