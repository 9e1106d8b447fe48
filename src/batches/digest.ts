import type { BatchRecord, FailureGroup } from '../store/record.ts';
import { openTasks } from '../store/tasks-file.ts';
import type { Context } from './context.ts';
import { isRetryable, suggestionFor } from './failures.ts';

/** Failures of one cause, for a caller to act on. */
export type ErrorDigest = {
  type: string;
  message: string;
  count: number;
  retryable: boolean;
  sample_task_ids: string[];
  suggestion: string;
};

const SAMPLES = 3;

/** All failures of a batch by cause, the most frequent first. */
export async function digestOf(context: Context, record: BatchRecord): Promise<ErrorDigest[]> {
  const groups = merge(
    record.parts.flatMap(({ progress }) =>
      progress.state === 'created' ? (progress.results?.failures ?? []) : [],
    ),
  );
  if (groups.length === 0) return [];
  const tasks = await openTasks(context.store.folder(record.batch_id));
  return Promise.all(
    groups.map(async ({ type, message, count, sample_ordinals }) => ({
      type,
      message,
      count,
      retryable: isRetryable(type),
      sample_task_ids: (await tasks.read(sample_ordinals.slice(0, SAMPLES))).map(({ task_id }) => task_id),
      suggestion: suggestionFor(type),
    })),
  );
}

function merge(groups: readonly FailureGroup[]): FailureGroup[] {
  const merged = new Map<string, FailureGroup>();
  for (const group of groups) {
    const key = `${group.type}\n${group.message}`;
    const sum = merged.get(key);
    merged.set(
      key,
      sum
        ? {
            ...sum,
            count: sum.count + group.count,
            sample_ordinals: [...sum.sample_ordinals, ...group.sample_ordinals],
          }
        : group,
    );
  }
  return [...merged.values()].sort((a, b) => b.count - a.count);
}
