import * as z from 'zod';
import { batchId } from './fields.ts';
import { defineOperation, type ReplyOf } from './operation.ts';
import { nextStep } from './replies/next-step.ts';
import { follow, status } from './status.ts';

/** Waits for a batch's end, for hours if need be, and for its results and files to be here: for a program or a person. */
export const wait = defineOperation({
  name: 'wait',
  input: z.strictObject({
    batch_id: batchId,
    timeout_seconds: z.number().positive().optional().describe('Gives up waiting after this; default: never'),
  }),
  output: status.output,
  run: (context, { batch_id, timeout_seconds = Number.POSITIVE_INFINITY }, waiting) =>
    follow(context, batch_id, { ...waiting, waitSeconds: timeout_seconds }),
  nextStep,
});

export type WaitReply = ReplyOf<typeof wait>;
