import * as z from 'zod';
import { batchIds } from '../provider/dialects.ts';
import { processingStatuses } from '../state/status.ts';
import { outcomes } from '../store/saved-results.ts';

/** Arguments and parts of replies that several operations share. */

export const batchId = z.string().describe(`batch_… or ${batchIds.example}`);

const outcomeName = z.enum([...outcomes, 'pending']);
export const outcomeFilter = z
  .array(z.enum([...outcomeName.options, 'failed']))
  .nonempty()
  .optional()
  .describe('failed = all but succeeded');

const usd = z.number();
export const costUsd = z
  .looseObject({ expected: usd, maximum: usd, actual: usd.nullable(), basis: z.string() })
  .nullable();

export const processingStatus = z.enum(processingStatuses);

/** What is told of a batch at least. */
export const batchOutput = z.looseObject({
  batch_id: z.string(),
  provider: z.string(),
  processing_status: processingStatus,
  request_count: z.number().optional(),
  cost_usd: costUsd.optional(),
  check_again_in_seconds: z.number(),
});
