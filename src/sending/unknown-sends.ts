import { BatchError } from '../errors.ts';
import type { Context } from '../state/context.ts';
import type { BatchRecord, Part } from '../store/record.ts';
import { findByMark } from './find-mark.ts';

type Fate = NonNullable<Part['fates']>[number];

/** What could still be told of a send, by batches that it could be. */
const isTellable = ({ fate, candidates }: Fate) => fate === 'open' && candidates.length > 0;

/**
 * Looks into what sends of unknown fate could have become, which a person had sent again: once all of these have ended, a mark tells
 * that one was made, and none that the send was not. What can't be asked now is asked by a later look.
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
  { candidates }: Fate,
): Promise<Fate | null> {
  try {
    const own = part.progress.state === 'created' ? part.progress.provider_batch_id : null;
    const others = candidates.filter((id) => id !== own);
    const { found, disproved } = await findByMark(context, record, part, others);
    if (found !== null) return { candidates: [], fate: 'made' };
    const left = others.filter((id) => !disproved.includes(id));
    if (left.length === 0) return { candidates: [], fate: 'not_made' };
    return left.length < candidates.length ? { candidates: left, fate: 'open' } : null;
  } catch (error) {
    if (error instanceof BatchError && error.code.startsWith('api_')) return null;
    throw error;
  }
}
