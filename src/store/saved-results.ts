import * as z from 'zod';
import { momentText } from '../lib/time.ts';
import { efforts } from '../provider/models.ts';

const count = z.int().nonnegative();

/**
 * The outcomes of a task. The results index stores their positions in this list, so it may only grow at its end. A
 * task is `pending` while its part runs or was never sent.
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

/** Tokens from the answers' `usage`, and their cost at batch price in US dollars. */
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

/** The version of the rules for judging results. Raised where an answer may count differently. */
export const SCAN = 2;

/** The findings of a complete, checked download; computed once, when it came in. */
export const savedResults = z.object({
  /** The version of the rules; left out by the first one. */
  scan: z.int().exactOptional(),
  saved_at: momentText,
  bytes: count,
  /** The CRC-32 of these bytes; left out by earlier versions. */
  crc: count.exactOptional(),
  outcomes: outcomeCounts,
  /** One per model and task type. */
  usage: z.array(usage),
  failures: z.array(failureGroup),
  /** Warnings about the download. */
  warnings: z.array(z.string()),
  /** Set while missing answers may still come: when it was first and last fetched. Left out once it is certain. */
  provisional: z.object({ since: momentText, last: momentText }).exactOptional(),
});
export type SavedResults = z.infer<typeof savedResults>;
