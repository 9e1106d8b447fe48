import type { JsonObject } from '../lib/json.ts';

/** The countable facts of a result. */
export type CountedResult = {
  request_id: string;
  /** `incomplete`: the provider says succeeded, but the answer is not finished. */
  outcome: 'succeeded' | 'incomplete' | 'errored' | 'canceled' | 'expired';
  /** Why there is no finished answer, as far as the provider says more than the outcome does. */
  error: ResultError | null;
  /** The answer's usage; null where no model answered. */
  usage: AnswerUsage | null;
};

/** `type` is a plain name in lower case, as it appears in advice; `message` can be anything. */
export type ResultError = {
  type: string;
  message: string;
  /** How many tasks shared the request that failed, where it was more than one. */
  shared_by?: number;
};

export type Result = CountedResult & { answer: ModelAnswer | null };

type ToolCall = { id?: string; name: string; input: unknown };

/** A model's answer. */
export type ModelAnswer = {
  model: string;
  /** The text of all text blocks, with a blank line between those that are not adjacent. */
  text: string;
  /** Calls of the request's own tools, which are not run. */
  tool_calls: ToolCall[];
  stop_reason: string | null;
  /** The content as received; null where it is just the text. */
  content: readonly JsonObject[] | null;
  /** Further facts from the provider, under its own names. */
  more: JsonObject;
  /** Kinds of content that neither `text` nor `tool_calls` show, such as `thinking` or `citations`. */
  left_out: string[];
  /** As the provider gave it, with token counts of 0 where they can't be read. */
  usage: { [key: string]: unknown; input_tokens: number; output_tokens: number };
};

/** The billed usage of one request; `input_tokens` is the part of the prompt outside the cache. */
export type TokenUsage = {
  input_tokens: number;
  output_tokens: number;
  cache_read_tokens: number;
  cache_write_5m_tokens: number;
  cache_write_1h_tokens: number;
  web_searches: number;
};

/** The usage of one answer, as the API counts it. */
export type AnswerUsage = {
  model: string;
  tokens: TokenUsage;
  /** The part of the output that was thinking. */
  thinking_tokens: number;
  /** The region it was computed in, where that affects the price. */
  inference_geo: string | null;
  /** False where a count could not be read, and is 0. */
  is_whole: boolean;
};
