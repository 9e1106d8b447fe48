import type { Effort } from '../provider/models.ts';
import type { Context } from '../state/context.ts';
import { isCreated } from '../state/parts.ts';
import { maySee } from '../state/subject.ts';
import type { BatchRecord } from '../store/record.ts';
import { recordOrNull } from '../store/stored-json.ts';
import type { KnownOutput } from './tally.ts';

/** The newest batches say most, and an estimate must not wait for thousands of records. */
const BATCHES_READ = 50;
/** Fewer answers than this say too little. */
const LEAST_ANSWERS = 5;

const keyOf = (model: string, taskType: string | null, effort: Effort | null) =>
  JSON.stringify([model, taskType, effort]);

/**
 * How long answers were in the newest batches of the store, by model, task type and effort: the mean of their output
 * tokens, thinking included. Left out are sandbox answers, which are made up, and tasks without a type, which have nothing in
 * common.
 */
export async function readOutputHistory(context: Context): Promise<KnownOutput> {
  const ids = (await context.store.batchIds()).slice(0, BATCHES_READ);
  const records = await Promise.all(ids.map((id) => recordOrNull(context.store, id)));
  const sums = new Map<string, { answers: number; tokens: number }>();
  for (const record of records.filter((each) => each !== null)) {
    if (record.provider === 'sandbox' || !maySee(context, record)) continue;
    for (const { model, task_type, effort, requests, output_tokens } of usageOf(record)) {
      if (task_type === null) continue;
      const sum = sums.get(keyOf(model, task_type, effort)) ?? { answers: 0, tokens: 0 };
      sums.set(keyOf(model, task_type, effort), {
        answers: sum.answers + requests,
        tokens: sum.tokens + output_tokens,
      });
    }
  }
  return (model, taskType, effort) => {
    const sum = taskType === undefined ? undefined : sums.get(keyOf(model.id, taskType, effort));
    return sum === undefined || sum.answers < LEAST_ANSWERS ? undefined : sum.tokens / sum.answers;
  };
}

function usageOf(record: BatchRecord) {
  return record.parts.filter(isCreated).flatMap(({ progress }) => progress.results?.usage ?? []);
}
