import { retry } from '../operations/retry.ts';
import { defineTool } from './tool.ts';

export const retryBatch = defineTool({
  name: 'retry_batch',
  title: 'Retry failed tasks',
  description:
    'Sends tasks of an ended batch again, under the same batch_id, as its next attempt; each task keeps its best ' +
    'answer. By default those that can succeed next time: expired, canceled, missing, overloaded and server errors, rate limits, ' +
    'and answers cut at max_tokens with it doubled. Choose others with outcomes, error_types (as in error_digest) or ' +
    'task_ids; fix them with requests, model, prompt, effort, max_tokens or remove_params. Finished answers are not paid again. Costs ' +
    'money: dry_run says what would be sent and its cost. Also sends parts that were never sent (not_sent).',
  hints: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
  searchHint: 'send failed tasks of a batch again',
  scope: 'batch:submit',
  operation: retry,
});
