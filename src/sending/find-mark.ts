import { BatchError } from '../errors.ts';
import type { ProviderBatch } from '../provider/provider.ts';
import type { Context } from '../state/context.ts';
import type { BatchRecord, Part } from '../store/record.ts';

/**
 * The batch whose results carry a part's mark, among those of these that have ended; null where none does. Throws where
 * results can't be read: one of them could be it.
 */
export async function findByMark(
  context: Context,
  { provider: name }: BatchRecord,
  { mark }: Part,
  candidates: readonly string[],
): Promise<ProviderBatch | null> {
  if (mark === undefined) return null;
  const provider = context.provider(name);
  for (const id of candidates) {
    const batch = await knownBatch(provider.retrieveBatch(id));
    if (batch?.processing_status !== 'ended') continue;
    if (await holds(provider.streamResults(id), Buffer.from(mark.sent))) return batch;
  }
  return null;
}

/** Null for one that the provider no longer knows. */
async function knownBatch(asked: Promise<ProviderBatch>): Promise<ProviderBatch | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof BatchError && error.code === 'api_not_found') return null;
    throw error;
  }
}

/** Whether a text is in what comes; read no further than to it. */
async function holds(chunks: AsyncIterable<Uint8Array>, text: Buffer): Promise<boolean> {
  let end = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const bytes = Buffer.concat([end, chunk]);
    if (bytes.includes(text)) return true;
    end = bytes.subarray(Math.max(0, bytes.length - text.length + 1));
  }
  return false;
}
