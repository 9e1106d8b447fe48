import { BatchError } from '../errors.ts';
import { splitLines } from '../lib/lines.ts';
import { boundedResults } from '../provider/bounded-results.ts';
import { dialectOf } from '../provider/dialects.ts';
import type { Provider, ProviderBatch } from '../provider/provider.ts';
import type { Context } from '../state/context.ts';
import { countOf } from '../state/parts.ts';
import type { BatchRecord, Part } from '../store/record.ts';

/** What the results of ended batches say about a part. */
export type MarkSearch = {
  /** The batch that the part became. */
  found: ProviderBatch | null;
  /** Batches that are proven to be others. */
  disproved: string[];
  /** Batches whose results the provider no longer has. */
  gone: string[];
  /** Why some results could not be read now: one of those batches could be the part. */
  failure: BatchError | null;
};

/**
 * Looks for a part's mark in the results of those candidates that have ended. One that can't be read now does not
 * stop the search of the others.
 */
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
      const searched = batch && (await unlessGone(searchResults(provider, batch, mark.sent)));
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

/** Null where the provider no longer has it. */
async function unlessGone<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof BatchError && error.code === 'api_not_found') return null;
    throw error;
  }
}

/**
 * Whether a mark is in the results, reading no further than the mark; if not, how many lines there are, or null where
 * one can't be read.
 */
async function searchResults(
  provider: Provider,
  batch: ProviderBatch,
  mark: string,
): Promise<{ isMarked: boolean; whole: number | null }> {
  const dialect = dialectOf(provider.name);
  let whole: number | null = 0;
  for await (const lines of splitLines(boundedResults(provider, batch.id, countOf(batch)))) {
    for (const { bytes } of lines) {
      if (bytes.includes(mark)) return { isMarked: true, whole };
      const isBlank = bytes.every((byte) => byte <= 0x20);
      if (isBlank || whole === null) continue;
      whole = dialect.results.count(bytes) === null ? null : whole + 1;
    }
  }
  return { isMarked: false, whole };
}
