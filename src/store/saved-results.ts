import * as z from 'zod';
import { momentText } from '../lib/time.ts';
import { efforts } from '../provider/models.ts';

const count = z.int().nonnegative();

/**
 * One per task: what became of it. The results index keeps their places here, so the list only grows at its end.
 * A task is `pending` while its part runs or was never sent.
 */
export const outcomes = ['succeeded', 'incomplete', 'errored', 'expired', 'canceled', 'missing'] as const;
export type Outcome = (typeof outcomes)[number];

const outcomeCounts = z.object({
  succeeded: count,
  incomplete: count,
  errored: count,
  expired: count,
  canceled: count,
  missing: count,
});
export type OutcomeCounts = z.infer<typeof outcomeCounts>;

/** Tokens as the answers' `usage` has them, and what they cost in batch, in US dollars. */
const usage = z.object({
  model: z.string(),
  /** Null where the tasks have none. */
  task_type: z.string().nullable(),
  /** Null where it was left to the model. */
  effort: z.enum(efforts).nullable().default(null),
  requests: count,
  input_tokens: count,
  output_tokens: count,
  /** Of the output. */
  thinking_tokens: count.default(0),
  cache_read_tokens: count,
  cache_write_5m_tokens: count,
  cache_write_1h_tokens: count,
  web_searches: count,
  /** Null where the model has no known price. */
  cost_usd: z.number().nonnegative().nullable(),
});
export type Usage = z.infer<typeof usage>;

/** Failures of one cause. */
const failureGroup = z.object({
  type: z.string(),
  message: z.string(),
  count,
  sample_ordinals: z.array(count),
});
export type FailureGroup = z.infer<typeof failureGroup>;

/** How results are judged by this version. Raised where that changes what an answer counts as. */
export const SCAN = 2;

/** What a whole, checked download held; computed once, when it came in. */
export const savedResults = z.object({
  /** How it was judged; left out by the first version. */
  scan: z.int().exactOptional(),
  saved_at: momentText,
  bytes: count,
  /** The CRC-32 of these bytes; left out by earlier versions. */
  crc: count.exactOptional(),
  outcomes: outcomeCounts,
  /** One per model and task type. */
  usage: z.array(usage),
  failures: z.array(failureGroup),
  /** What was not right with the download, said in words. */
  warnings: z.array(z.string()),
  /** What it lacks may yet come: since when it was fetched, and when last. Left out once it is certain. */
  provisional: z.object({ since: momentText, last: momentText }).exactOptional(),
});
export type SavedResults = z.infer<typeof savedResults>;
