import { BatchError } from '../errors.ts';
import type { Context } from '../state/context.ts';
import type { BatchRecord } from '../store/record.ts';
import { adopt } from './adopt.ts';

const ownId = /^batch_[0-9A-HJKMNP-TV-Z]{26}$/;
const providerId = /^msgbatch_[A-Za-z0-9_-]{1,120}$/;

/** The id under which the store has a batch, for either form of id. */
export async function resolveBatchId(context: Context, id: string): Promise<string> {
  if (ownId.test(id)) return context.jobs.forwarded(id);
  if (!providerId.test(id)) {
    throw new BatchError('invalid_input', 'batch_id is not an id of a batch.', {
      problems: [
        {
          field: 'batch_id',
          problem: 'has not the form of one',
          valid: 'batch_… as submit_batch gave it, or msgbatch_…; list_batches shows them',
        },
      ],
    });
  }
  const claim = await context.store.claim(id).read();
  return claim?.owner ? claim.owner.batch_id : adopt(context, id);
}

/** The record of a batch. Throws `not_found`, or what kept it from ever being made. */
export async function requireRecord(context: Context, batchId: string): Promise<BatchRecord> {
  const record = await context.store.record(batchId).read();
  if (record !== null) return record;
  if (context.jobs.find(batchId)) {
    throw new BatchError(
      'wrong_state',
      `${batchId} is still being prepared; nothing was sent yet. Call batch_status.`,
    );
  }
  const failure = context.jobs.lastFailure(batchId);
  throw failure ?? unknownBatch(batchId);
}

function unknownBatch(id: string): BatchError {
  return new BatchError(
    'not_found',
    `No batch ${id} is known here. Nothing was changed. list_batches shows the batches there are; one that was ` +
      'still being prepared when its server ended was never sent, and can be submitted again.',
  );
}
