import { BatchError } from '../errors.ts';
import { splitLines } from '../lib/lines.ts';
import type { Dialect } from '../provider/dialect.ts';
import { dialectOf } from '../provider/dialects.ts';
import type { ProviderBatch } from '../provider/provider.ts';
import type { Context } from '../state/context.ts';
import { countOf } from '../state/parts.ts';
import type { BatchRecord, Part } from '../store/record.ts';

/**
 * What the results of batches that have ended say of a part: which of them is it, which are proven not to be, and which the provider
 * no longer has the results of.
 */
export type MarkSearch = { found: ProviderBatch | null; disproved: string[]; gone: string[] };

/**
 * Looks for a part's mark in the results of those of these batches that have ended. Throws where results can't be read now: one of
 * them could be it.
 */
export async function findByMark(
  context: Context,
  { provider: name }: BatchRecord,
  { mark }: Part,
  candidates: readonly string[],
): Promise<MarkSearch> {
  const disproved: string[] = [];
  const gone: string[] = [];
  if (mark === undefined) return { found: null, disproved, gone };
  const provider = context.provider(name);
  for (const id of candidates) {
    const batch = await unlessGone(provider.retrieveBatch(id));
    if (batch !== null && batch.processing_status !== 'ended') continue;
    const searched =
      batch && (await unlessGone(searchResults(provider.streamResults(id), mark.sent, dialectOf(name))));
    if (batch === null || searched === null) gone.push(id);
    else if (searched.isMarked) return { found: batch, disproved, gone };
    else if (searched.whole === countOf(batch)) disproved.push(id);
  }
  return { found: null, disproved, gone };
}

/** Null for what the provider no longer has. */
async function unlessGone<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof BatchError && error.code === 'api_not_found') return null;
    throw error;
  }
}

/** Whether a mark is in results, read no further than to it; else how many lines they have, null where one can't be read. */
async function searchResults(
  chunks: AsyncIterable<Uint8Array>,
  mark: string,
  dialect: Dialect,
): Promise<{ isMarked: boolean; whole: number | null }> {
  let whole: number | null = 0;
  for await (const lines of splitLines(chunks)) {
    for (const { bytes } of lines) {
      if (bytes.includes(mark)) return { isMarked: true, whole };
      const isBlank = bytes.every((byte) => byte <= 0x20);
      if (isBlank || whole === null) continue;
      whole = dialect.results.count(bytes) === null ? null : whole + 1;
    }
  }
  return { isMarked: false, whole };
}
