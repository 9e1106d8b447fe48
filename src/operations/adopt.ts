import * as z from 'zod';
import { batchIds } from '../provider/dialects.ts';
import { batchOutput } from './fields.ts';
import { findBatch } from './find-batch.ts';
import { defineOperation, type ReplyOf } from './operation.ts';
import { nextStep } from './replies/next-step.ts';
import { follow } from './status.ts';

/**
 * Takes a batch that another program made, so that it has an id here and its status, results and cancel work. All
 * operations that take a `batch_id` do so by themselves; this one is for whoever wants no more than that.
 */
export const adopt = defineOperation({
  name: 'adopt',
  input: z.strictObject({
    provider_batch_id: z
      .string()
      .regex(batchIds.pattern, { error: batchIds.example })
      .describe(`The provider's id: ${batchIds.example}`),
  }),
  output: batchOutput,
  async run(context, { provider_batch_id }, waiting) {
    const { batch_id } = await findBatch(context, provider_batch_id);
    return follow(context, batch_id, waiting);
  },
  nextStep: (batch) => nextStep(batch),
});

export type AdoptReply = ReplyOf<typeof adopt>;
