import { BatchError } from '../../errors.ts';
import { sha256OfText } from '../../lib/files/file-hash.ts';
import { counted } from '../../lib/numbers.ts';
import { providerOfBatchId } from '../../provider/dialects.ts';
import type { ProviderBatch, ProviderName } from '../../provider/provider.ts';
import { readClaim } from '../../sending/claims.ts';
import { lookForWork, recordsOf } from '../../sending/same-work.ts';
import { findUncertain } from '../../sending/settle.ts';
import type { Context } from '../../state/context.ts';
import { countOf, createdState } from '../../state/parts.ts';
import { isOwner, ownershipOf } from '../../state/subject.ts';
import type { BatchRecord } from '../../store/record.ts';

/** A batch that the provider knows and the store does not. */
export type RemoteBatch = {
  batch_id: string;
  processing_status: string;
  request_count: number;
  created_at: string;
};

const NEWEST = 100;

/**
 * The newest of the provider's batches that were neither made nor adopted here; looking at one by its id adopts it.
 * Throws `not_allowed` where the owner keeps such batches out.
 */
export async function listRemote(context: Context): Promise<RemoteBatch[]> {
  if (!isOwner(context)) return [];
  if (context.remote === 'off') {
    throw new BatchError('not_allowed', 'The owner keeps them out (BATCH_MCP_REMOTE is off).');
  }
  const { batches } = await context.provider(context.defaultProvider).listBatches({ limit: NEWEST });
  const claimed = await Promise.all(batches.map((batch) => readClaim(context, batch.id)));
  return batches
    .filter((_batch, index) => claimed[index] === null)
    .map((batch) => ({
      batch_id: batch.id,
      processing_status: batch.processing_status,
      request_count: countOf(batch),
      created_at: batch.created_at,
    }));
}

/**
 * Adopts a provider's batch that another program made, so that status, results and cancel work on it. Returns its id
 * here. Its tasks are known once its results are in.
 *
 * Throws `not_found` where the provider does not know it, `not_allowed` where the owner keeps such batches out, and
 * `wrong_state` where it could be an uncertain part of ours: a person has to decide that.
 */
export async function adoptBatch(context: Context, providerBatchId: string): Promise<string> {
  // Batches that other programs made with the key are the owner's.
  if (!isOwner(context)) throw unknownToAll(providerBatchId);
  if (context.remote === 'off') {
    throw new BatchError(
      'not_allowed',
      `${providerBatchId} was not made by this program, and the owner keeps such batches out (BATCH_MCP_REMOTE is off).`,
    );
  }
  const providerName = providerOfBatchId(providerBatchId, context.defaultProvider);
  const provider = context.provider(providerName);
  await provider.requireCredentials();
  const batch = await provider.retrieveBatch(providerBatchId).catch((error: unknown) => {
    if (error instanceof BatchError && error.code === 'api_not_found')
      throw unknownToAll(providerBatchId, error);
    throw error;
  });
  const uncertain = await findUncertain(context, providerName, countOf(batch));
  if (uncertain !== null) {
    throw new BatchError(
      'wrong_state',
      `${providerBatchId} could be a part of ${uncertain.batchId}, of which it is not certain whether the API has it. Call ` +
        `batch_status with ${uncertain.batchId}; a person who knows can settle it with retry_batch and resolve.`,
    );
  }
  const left = await leftAdoption(context, batch.id);
  if (left !== null) return claimAdopted(context, batch.id, left);
  const staging = await context.store.stage();
  await staging.commit(await adoptedRecord(context, providerName, staging.batchId, batch));
  const holder = await claimAdopted(context, batch.id, staging.batchId);
  if (holder !== staging.batchId) await context.store.removeBatch(staging.batchId);
  return holder;
}

/** Makes an adopted batch the owner of the provider's, unless another one is by now; returns the owner. */
async function claimAdopted({ store }: Context, providerBatchId: string, batchId: string): Promise<string> {
  const owner = { batch_id: batchId, part: 1 };
  const held = await store
    .claim(providerBatchId)
    .update((current) => (current?.owner ? current : { owner, tentative: false }));
  return held?.owner?.batch_id ?? batchId;
}

/** A batch left by an adoption whose process ended before it could claim the provider's batch. */
async function leftAdoption({ store }: Context, providerBatchId: string): Promise<string | null> {
  const hash = sha256OfText(providerBatchId);
  for await (const record of recordsOf(store, await lookForWork(store, hash, 0))) {
    if (record.adopted) return record.batch_id;
  }
  return null;
}

/** The error for a batch that does not exist, or that the caller may not know of. */
export function unknownToAll(id: string, cause?: BatchError): BatchError {
  return new BatchError(
    'not_found',
    `Neither this computer nor the API knows a batch ${id}. Check the id (list_batches shows what there is), and ` +
      'whether the key belongs to the workspace that it was made in.',
    { ...(cause && { cause }) },
  );
}

async function adoptedRecord(
  context: Context,
  provider: ProviderName,
  batchId: string,
  batch: ProviderBatch,
): Promise<BatchRecord> {
  const { base_url, workspace } = await context.provider(provider).account();
  const request_count = countOf(batch);
  return {
    schema: 1,
    batch_id: batchId,
    name: `made elsewhere: ${counted(request_count, 'request')}`,
    project: null,
    ...ownershipOf(context),
    provider,
    base_url,
    workspace,
    created_at: batch.created_at,
    // Nobody submits this work here: the hash only has to be its own.
    content_hash: sha256OfText(batch.id),
    idempotency_key: null,
    request_count,
    owner: context.store.presence.self(),
    force_new: false,
    estimate: null,
    outputs: [],
    warnings: [
      'Another program made this batch. Its tasks are known by their custom_id, once its results are in.',
    ],
    adopted: true,
    parts: [
      {
        number: 1,
        attempt: 1,
        tasks: 'run',
        request_count,
        first_task: 0,
        body_bytes: 0,
        body_sha256: sha256OfText(''),
        progress: createdState(null, batch),
      },
    ],
  };
}
