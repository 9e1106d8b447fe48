import type { Part } from '../../store/record.ts';
import type { ResultsIndex } from '../../store/results-index.ts';
import type { Outcome } from '../../store/saved-results.ts';

/** What has to be known of a part to decide whose answer counts. */
export type AttemptedPart = {
  readonly part: Part;
  /** Null while its results are not on disk. */
  readonly index: ResultsIndex | null;
  /** The ordinals of a part that lists its tasks, ascending; null for one that holds a run of them. */
  readonly listed: Uint32Array | null;
};

const RANKS: Record<Outcome, number> = {
  succeeded: 8,
  incomplete: 6,
  errored: 4,
  expired: 3,
  canceled: 2,
  missing: 1,
};
/** A task that is being tried again is open, unless it has a finished answer already. */
const PENDING = 7;
const DECLINED = 5;

/** Ranks the answers to the same task: the higher counts. */
export function rankOf({ outcome, declined }: { outcome: Outcome; declined: boolean }): number {
  return declined && outcome === 'incomplete' ? DECLINED : RANKS[outcome];
}

const rankAt = (index: ResultsIndex, row: number): number =>
  rankOf({ outcome: index.outcome(row), declined: index.declined(row) });

/** The ordinals of a part's tasks, ascending. */
function* ordinalsOf({ part, listed }: AttemptedPart): Generator<number> {
  if (listed !== null) yield* listed;
  else for (let i = 0; i < part.request_count; i += 1) yield part.first_task + i;
}

/**
 * For each of `count` tasks, the part whose answer counts: preferably a finished answer, then one that is still awaited,
 * cut off, declined, errored, expired, canceled, and last none at all; among equals the latest. Undefined for a task that
 * was in no part yet.
 */
export function mergeParts<T extends AttemptedPart>(
  count: number,
  parts: readonly T[],
): (ordinal: number) => T | undefined {
  if (parts.every(({ part }) => part.attempt === 1 && part.tasks === 'run')) {
    return (ordinal) =>
      parts.find(({ part }) => ordinal >= part.first_task && ordinal < part.first_task + part.request_count);
  }
  const best = new Uint16Array(count);
  const ranks = new Uint8Array(count);
  for (const [position, each] of parts.entries()) {
    const { index } = each;
    // The index is ascending too, and holds no other tasks: both are walked side by side.
    let row = 0;
    for (const ordinal of ordinalsOf(each)) {
      const answered = index !== null && row < index.count && index.ordinal(row) === ordinal;
      const rank = index === null ? PENDING : answered ? rankAt(index, row) : RANKS.missing;
      if (answered) row += 1;
      if (rank < (ranks[ordinal] ?? 0)) continue;
      ranks[ordinal] = rank;
      best[ordinal] = position;
    }
  }
  return (ordinal) => ((ranks[ordinal] ?? 0) === 0 ? undefined : parts[best[ordinal] ?? 0]);
}
