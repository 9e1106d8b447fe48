import { counted } from '../../lib/numbers.ts';
import type { Context } from '../../state/context.ts';
import type { BatchRecord } from '../../store/record.ts';
import type { FailureGroup } from '../../store/saved-results.ts';
import { openTasks } from '../../store/task-list.ts';
import { createFailureGroups, isRetryable, mergeFailureGroups, suggestionFor } from '../failures.ts';
import { oncePerView } from '../view/passes.ts';
import { openView } from '../view/view.ts';
import { isRetried } from './outcomes.ts';

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
/** In characters of JSON, as a reply has to hold answers too. The causes beyond are counted together. */
const DIGEST_CHARACTERS = 7_000;

/** Groups the tasks without a finished answer by cause, the most frequent first; the counts add up to their number. */
export async function digestOf(context: Context, record: BatchRecord): Promise<ErrorDigest[]> {
  const groups = await failuresOf(context, record);
  if (groups.length === 0) return [];
  const tasks = await openTasks(context.store.blobs(record.batch_id), record.request_count);
  const digest = await Promise.all(
    groups.map(async ({ type, message, count, sample_ordinals }) => ({
      type,
      message,
      count,
      retryable: isRetryable(type),
      sample_task_ids: (await tasks.read(sample_ordinals.slice(0, SAMPLES))).map(({ task_id }) => task_id),
      suggestion: suggestionFor(type),
    })),
  );
  let characters = 0;
  const shown = digest.filter((entry) => {
    characters += JSON.stringify(entry).length;
    return characters <= DIGEST_CHARACTERS;
  });
  return [...shown, ...restOf(groups.slice(shown.length))];
}

function restOf(groups: readonly FailureGroup[]): ErrorDigest[] {
  if (groups.length === 0) return [];
  return [
    {
      type: 'other',
      message: counted(groups.length, 'further cause'),
      count: groups.reduce((sum, { count }) => sum + count, 0),
      retryable: groups.some(({ type }) => isRetryable(type)),
      sample_task_ids: [],
      suggestion: 'Read them page by page: get_results with outcomes failed and detail concise.',
    },
  ];
}

/** A single attempt's failures were grouped when the results came in. Of several attempts only the best answers count; they are grouped once. */
export async function failuresOf(context: Context, record: BatchRecord): Promise<FailureGroup[]> {
  if (!isRetried(record)) {
    return mergeFailureGroups(
      record.parts.flatMap(({ progress }) =>
        progress.state === 'created' ? (progress.results?.failures ?? []) : [],
      ),
    );
  }
  return failuresIn(await openView(context, record));
}

const failuresIn = oncePerView(async (view): Promise<FailureGroup[]> => {
  const groups = createFailureGroups();
  for await (const failures of view.failures()) {
    for (const { ordinal, error } of failures) groups.add(error.type, error.message, ordinal);
  }
  return groups.finish();
});
