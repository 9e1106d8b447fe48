import type { JsonObject } from '../lib/json.ts';

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
export type ResultError = {
  type: string;
  message: string;
  /** How many tasks shared the request that failed, where it was more than one. */
  shared_by?: number;
};

export type Result = CountedResult & { answer: ModelAnswer | null };

export type ToolCall = { id?: string; name: string; input: unknown };

/** What a model said. */
export type ModelAnswer = {
  model: string;
  /** The text of all text blocks, a blank line between those that are not neighbours. */
  text: string;
  /** Calls of the request's own tools, which nobody has run. */
  tool_calls: ToolCall[];
  stop_reason: string | null;
  /** All that was said, as it came; null where the text is all. */
  content: readonly JsonObject[] | null;
  /** What else the provider says of it, by its own names. */
  more: JsonObject;
  /** Kinds of what neither `text` nor `tool_calls` show, as `thinking` or `citations`. */
  left_out: string[];
  /** As the provider gave it, the counts of tokens 0 where they can't be read. */
  usage: { [key: string]: unknown; input_tokens: number; output_tokens: number };
};

/** What one request took, as the API bills it; `input_tokens` is the part of the prompt outside the cache. */
export type TokenUsage = {
  input_tokens: number;
  output_tokens: number;
  cache_read_tokens: number;
  cache_write_5m_tokens: number;
  cache_write_1h_tokens: number;
  web_searches: number;
};

/** What one answer took, as the API counts it. */
export type AnswerUsage = {
  model: string;
  tokens: TokenUsage;
  /** Of the output, what was thinking. */
  thinking_tokens: number;
  /** Where it was computed, as far as that changes the price. */
  inference_geo: string | null;
  /** False where a count could not be read, and is 0. */
  is_whole: boolean;
};
