import { actualOfPart } from '../cost/cost.ts';
import { createUsageTally } from '../cost/usage.ts';
import { BatchError } from '../errors.ts';
import { splitLines } from '../lib/lines.ts';
import { boundedResults } from '../provider/bounded-results.ts';
import { dialectOf } from '../provider/dialects.ts';
import type { ProviderBatch } from '../provider/provider.ts';
import type { Context } from '../state/context.ts';
import { countOf } from '../state/parts.ts';
import type { BatchRecord, Part, SendFate } from '../store/record.ts';
import { findByMark } from './find-mark.ts';

/** Whether a send's fate can still be found out, from the batches that it could be. */
const isTellable = ({ fate, candidates }: SendFate) => fate === 'open' && candidates.length > 0;

/**
 * Looks into sends of unknown fate that a person had sent again. Once all the batches that they could be have ended,
 * our mark shows which one was made and what it cost, or that none was. A later look asks what can't be asked now.
 */
export async function tellUnknownSends(context: Context, record: BatchRecord): Promise<void> {
  for (const part of record.parts) {
    for (const [send, known] of (part.fates ?? []).entries()) {
      if (!isTellable(known)) continue;
      const now = await fateNow(context, record, part, known);
      if (now === null) continue;
      await context.store.record(record.batch_id).update(
        (current) =>
          current && {
            ...current,
            parts: current.parts.map((each) =>
              each.number === part.number && each.fates !== undefined
                ? { ...each, fates: each.fates.map((fate, index) => (index === send ? now : fate)) }
                : each,
            ),
          },
      );
    }
  }
}

/** Null where nothing new is known. */
async function fateNow(
  context: Context,
  record: BatchRecord,
  part: Part,
  { candidates, gone: before = [] }: SendFate,
): Promise<SendFate | null> {
  try {
    const own = part.progress.state === 'created' ? part.progress.provider_batch_id : null;
    const others = candidates.filter((id) => id !== own);
    const { found, disproved, gone: now } = await findByMark(context, record, part, others);
    if (found !== null) return await madeAs(context, record, found);
    const left = others.filter((id) => !disproved.includes(id) && !now.includes(id));
    const gone = [...before, ...now];
    if (left.length === 0 && gone.length === 0) return { candidates: [], fate: 'not_made' };
    if (left.length === candidates.length) return null;
    return { candidates: left, fate: 'open', ...(gone.length > 0 && { gone }) };
  } catch (error) {
    if (error instanceof BatchError && error.code.startsWith('api_')) return null;
    throw error;
  }
}

/** What a send became and what it cost; null where its results did not come in full. */
async function madeAs(context: Context, record: BatchRecord, batch: ProviderBatch): Promise<SendFate | null> {
  const { results } = dialectOf(record.provider);
  const usage = createUsageTally(context.catalog);
  const seen = new Set<string>();
  const provider = context.provider(record.provider);
  for await (const lines of splitLines(boundedResults(provider, batch.id, countOf(batch)))) {
    for (const { bytes } of lines) {
      const result = results.count(bytes);
      if (result === null || seen.has(result.request_id)) continue;
      seen.add(result.request_id);
      if (result.usage !== null) usage.add(result.usage, UNKNOWN_KIND);
    }
  }
  if (seen.size < countOf(batch)) return null;
  return { candidates: [], fate: 'made', made_as: batch.id, usd: actualOfPart({ usage: usage.finish() }) };
}

/** Each answer names its own model, by which it is priced. */
const UNKNOWN_KIND = { model: '', task_type: null, effort: null };
