import type { AnswerUsage } from './pricing.ts';

/**
 * A provider's wire in our own words: plain data and functions without a client, so that worker threads have it too.
 * Everything outside `provider/` knows a provider's requests and results through this alone.
 */
export type Dialect = {
  readonly results: ResultDialect;
};

/** How the lines of a results file are read. */
export type ResultDialect = {
  /** A reader of lines that are checked and counted only; null for a line that is no result. */
  createCounter(): (line: Buffer) => CountedResult | null;
  /** All that a line holds; null where it is no result. */
  read(line: string): Result | null;
};

/** What is counted of a result. */
export type CountedResult = {
  request_id: string;
  /** `incomplete`: the provider says succeeded, but it is no finished answer. */
  outcome: 'succeeded' | 'incomplete' | 'errored' | 'canceled' | 'expired';
  /** Why there is no finished answer, as far as the provider says more than the outcome does. */
  error: ResultError | null;
  /** What the answer took; null where no model answered. */
  usage: AnswerUsage | null;
};

/** `type` is a plain name in lower case, for it gets into advice; `message` can be anything. */
export type ResultError = { type: string; message: string };

export type Result = CountedResult & { answer: ModelAnswer | null };

/** What a model said. */
export type ModelAnswer = {
  model: string;
  /** The text of all text blocks. */
  text: string;
  /** Calls of the request's own tools, which nobody has run. */
  tool_calls: { name: string; input: unknown }[];
  stop_reason: string | null;
  /** As the provider gave it, the counts of tokens 0 where they can't be read. */
  usage: { [key: string]: unknown; input_tokens: number; output_tokens: number };
};
