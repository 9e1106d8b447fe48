import { BatchError } from '../errors.ts';
import { splitLines } from '../lib/lines.ts';
import type { Dialect } from '../provider/dialect.ts';
import { dialectOf } from '../provider/dialects.ts';
import type { ProviderBatch } from '../provider/provider.ts';
import type { Context } from '../state/context.ts';
import { countOf } from '../state/parts.ts';
import type { BatchRecord, Part } from '../store/record.ts';

/** What the results of batches that have ended say of a part. */
export type MarkSearch = {
  /** Which of them is it. */
  found: ProviderBatch | null;
  /** Which are proven not to be. */
  disproved: string[];
  /** Of which the provider no longer has the results. */
  gone: string[];
  /** Why results of others could not be read now: one of them could be it. */
  failure: BatchError | null;
};

/** Looks for a part's mark in the results of those of these batches that have ended. One that can't be read now keeps none of the others from it. */
export async function findByMark(
  context: Pick<Context, 'provider'>,
  { provider: name }: BatchRecord,
  { mark }: Part,
  candidates: readonly string[],
): Promise<MarkSearch> {
  const search: MarkSearch = { found: null, disproved: [], gone: [], failure: null };
  if (mark === undefined) return search;
  const provider = context.provider(name);
  for (const id of candidates) {
    try {
      const batch = await unlessGone(provider.retrieveBatch(id));
      if (batch !== null && batch.processing_status !== 'ended') continue;
      const searched =
        batch && (await unlessGone(searchResults(provider.streamResults(id), mark.sent, dialectOf(name))));
      if (batch === null || searched === null) search.gone.push(id);
      else if (searched.isMarked) return { ...search, found: batch };
      else if (searched.whole === countOf(batch)) search.disproved.push(id);
    } catch (error) {
      if (!(error instanceof BatchError) || !error.code.startsWith('api_')) throw error;
      search.failure = error;
    }
  }
  return search;
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
