import * as z from 'zod';
import { cancel } from '../operations/cancel.ts';
import { short } from '../operations/replies/describe.ts';
import { reportOf } from '../operations/replies/report.ts';
import { batchId, batchOutput } from './fields.ts';
import { defineTool } from './tool.ts';

export const cancelBatch = defineTool({
  name: 'cancel_batch',
  title: 'Cancel a batch',
  description:
    'Cancels what of a batch has not been processed yet. What is finished stays, can be read with get_results, and is ' +
    "paid; the rest costs nothing. It takes a moment: the status is canceling, then ended. Can't be undone.",
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: true },
  input: z.strictObject({ batch_id: batchId }),
  output: batchOutput,
  async run({ batch_id }, context) {
    return short(await reportOf(context, await cancel(context, batch_id)));
  },
});
