import * as z from 'zod';
import { describeRetry } from '../operations/replies/describe-retry.ts';
import { retry } from '../operations/retry.ts';
import { outcomes } from '../store/record.ts';
import { taskSettings } from '../tasks/task.ts';
import { batchId, batchOutput } from './fields.ts';
import { defineTool, waitingOf } from './tool.ts';

export const retryBatch = defineTool({
  name: 'retry_batch',
  title: 'Retry failed tasks',
  description:
    'Sends tasks of an ended batch again, under the same batch_id, as its next attempt; one answer per task stays, the ' +
    'best. By default what can succeed next time: expired, canceled, missing, overloaded and server errors, rate limits, ' +
    'and answers cut at max_tokens with it doubled. Choose others with outcomes, error_types (as in error_digest) or ' +
    'task_ids; mend them with requests, model, max_tokens or remove_params. Finished answers are never paid again. Costs ' +
    'money: dry_run says what would be sent and its cost. Also sends parts that were never sent (not_sent).',
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
  input: z.strictObject({
    batch_id: batchId,
    outcomes: z
      .array(z.enum([...outcomes.filter((outcome) => outcome !== 'succeeded'), 'failed']))
      .nonempty()
      .optional()
      .describe('failed = all of them'),
    error_types: z.array(z.string().min(1).max(100)).nonempty().max(50).optional(),
    task_ids: z.array(z.string().min(1).max(256)).nonempty().max(1000).optional(),
    requests: z
      .array(z.unknown())
      .nonempty()
      .meta({ items: { type: 'object' } })
      .optional()
      .describe('Corrected whole tasks under their old ids, as in submit_batch; alone, only these are sent'),
    model: taskSettings.model.describe('For all that is sent again'),
    model_tier: taskSettings.model_tier,
    max_tokens: taskSettings.max_tokens,
    remove_params: z
      .array(z.string().min(1).max(100))
      .nonempty()
      .max(20)
      .optional()
      .describe('Params to leave out, as thinking.budget_tokens'),
    max_cost_usd: z.number().nonnegative().optional().describe('Refuse above this'),
    dry_run: z.boolean().optional(),
    resolve: z
      .string()
      .regex(/^(send_again|msgbatch_[A-Za-z0-9_-]{1,120})$/, { error: 'send_again, or msgbatch_…' })
      .optional()
      .describe(
        "A person's decision on an unconfirmed part: the msgbatch_… that it is, or send_again (can pay twice)",
      ),
  }),
  output: batchOutput.extend({
    retry: z.looseObject({ attempt: z.number(), request_count: z.number() }).optional(),
    dry_run: z.boolean().optional(),
  }),
  async run({ batch_id, ...options }, context, call) {
    const retried = await retry(context, batch_id, options, waitingOf(call));
    return describeRetry(context, retried, options.dry_run ?? false);
  },
});
