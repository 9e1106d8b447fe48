import * as z from 'zod';
import { type Effort, efforts } from '../provider/models.ts';
import type { Context } from '../state/context.ts';
import { isCreated } from '../state/parts.ts';
import { maySee } from '../state/subject.ts';
import type { BatchRecord } from '../store/record.ts';
import { summaryReader } from '../store/stored-json.ts';
import type { KnownOutput } from './tally.ts';

/** The newest batches say most, and an estimate must not wait for thousands of records. */
const BATCHES_READ = 50;
/** Fewer answers than this say too little. */
const LEAST_ANSWERS = 5;

const answered = z.object({
  model: z.string(),
  task_type: z.string(),
  effort: z.enum(efforts).nullable(),
  requests: z.int(),
  output_tokens: z.int(),
});

/** What a batch says about the length of answers. */
const outputs = z.object({ user: z.string().exactOptional(), answered: z.array(answered) });

const readOutputs = summaryReader({
  name: 'outputs-1',
  schema: outputs,
  make: (record) => ({
    ...(record.user !== undefined && { user: record.user }),
    answered: answeredIn(record),
  }),
});

const keyOf = (model: string, taskType: string | null, effort: Effort | null) =>
  JSON.stringify([model, taskType, effort]);

/**
 * How long answers were in the newest batches of the store, by model, task type and effort: the mean of their output
 * tokens, thinking included. Left out are sandbox answers, which are made up, and tasks without a type, which have nothing in
 * common.
 */
export async function readOutputHistory(context: Context): Promise<KnownOutput> {
  const ids = (await context.store.batchIds()).slice(0, BATCHES_READ);
  const { found } = await readOutputs(context.store, ids);
  const sums = new Map<string, { answers: number; tokens: number }>();
  const seen = found.filter((each) => maySee(context, each));
  for (const { model, task_type, effort, requests, output_tokens } of seen.flatMap((each) => each.answered)) {
    const key = keyOf(model, task_type, effort);
    const { answers, tokens } = sums.get(key) ?? { answers: 0, tokens: 0 };
    sums.set(key, { answers: answers + requests, tokens: tokens + output_tokens });
  }
  return (model, taskType, effort) => {
    const sum = taskType === undefined ? undefined : sums.get(keyOf(model.id, taskType, effort));
    return sum === undefined || sum.answers < LEAST_ANSWERS ? undefined : sum.tokens / sum.answers;
  };
}

function answeredIn({ provider, parts }: BatchRecord): z.infer<typeof answered>[] {
  if (provider === 'sandbox') return [];
  const usage = parts.filter(isCreated).flatMap(({ progress }) => progress.results?.usage ?? []);
  return usage.flatMap(({ model, task_type, effort, requests, output_tokens }) =>
    task_type === null ? [] : [{ model, task_type, effort, requests, output_tokens }],
  );
}
