import * as z from 'zod';
import { batchIds } from '../provider/dialects.ts';
import { batchOutput } from './fields.ts';
import { findBatch } from './find-batch.ts';
import { defineOperation, type ReplyOf } from './operation.ts';
import { nextStep } from './replies/next-step.ts';
import { follow } from './status.ts';

/**
 * Adopts a batch that another program made, so that it has an id here and its status, results and cancel work. Every
 * operation that takes a `batch_id` adopts on its own; this one is for callers that want nothing else.
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
