import { BatchError } from '../errors.ts';
import { batchIds, isProviderBatchId } from '../provider/dialects.ts';
import type { Context } from '../state/context.ts';
import type { BatchRecord } from '../store/record.ts';
import { adoptBatch } from './remote-batches.ts';
import { preparingKey } from './sending-jobs.ts';

const ownId = /^batch_[0-9A-HJKMNP-TV-Z]{26}$/;

/** The id under which the store has a batch, for either form of id. */
export async function resolveBatchId(context: Context, id: string): Promise<string> {
  if (ownId.test(id)) return context.jobs.forwarded(id);
  if (!isProviderBatchId(id)) {
    throw new BatchError('invalid_input', 'There is no such batch id.', {
      problems: [
        {
          field: 'batch_id',
          problem: 'is not the id of a batch',
          valid: `batch_… as submit_batch gave it, or ${batchIds.example}; list_batches shows them`,
        },
      ],
    });
  }
  const claim = await context.store.claim(id).read();
  return claim?.owner ? claim.owner.batch_id : adoptBatch(context, id);
}

/** The record of a batch. Throws `not_found`, or what kept it from ever being made. */
export async function requireRecord(
  context: Pick<Context, 'store' | 'jobs'>,
  batchId: string,
): Promise<BatchRecord> {
  const record = await context.store.record(batchId).read();
  if (record !== null) return record;
  if (context.jobs.find(preparingKey(batchId))) {
    throw new BatchError(
      'wrong_state',
      `${batchId} is still being prepared; nothing was sent yet. Call batch_status.`,
    );
  }
  const failure = context.jobs.lastFailure(preparingKey(batchId));
  throw failure ?? unknownBatch(batchId);
}

function unknownBatch(id: string): BatchError {
  return new BatchError(
    'not_found',
    `No batch ${id} is known here. Nothing was changed. list_batches shows the batches there are; one that was ` +
      'still being prepared when its server ended was never sent, and can be submitted again.',
  );
}
