import { isJsonObject, type JsonObject } from '../../../lib/json.ts';
import type { AnswerUsage } from '../../result.ts';

export const modelOf = ({ model }: JsonObject) => (typeof model === 'string' ? model : '');
export const objectOf = (value: unknown) => (isJsonObject(value) ? value : {});

/** More tokens than any request takes: a sum of these is exact. */
const MOST_TOKENS = 1_000_000_000;
const isTokens = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MOST_TOKENS;

/** Reads counts, 0 in the place of what is no count. */
export function createCounts() {
  let areRead = true;
  const read = (given: unknown): number => {
    // Some gateways write numbers as texts.
    const value = typeof given === 'string' && /^\d{1,10}$/.test(given) ? Number(given) : given;
    if (isTokens(value)) return value;
    areRead = false;
    return 0;
  };
  return {
    required: read,
    optional: (value: unknown) => (value === undefined || value === null ? 0 : read(value)),
    /** An object that holds some of them, where there is one. */
    group(value: unknown): JsonObject {
      if (isJsonObject(value)) return value;
      if (value !== undefined && value !== null) areRead = false;
      return {};
    },
    areRead: () => areRead,
  };
}

/** What an answer took; cache writes of an unsaid kind are the 5-minute ones. */
export function usageOf(message: JsonObject): { usage: AnswerUsage } {
  const usage = objectOf(message.usage);
  const counts = createCounts();
  const longWrites = counts.optional(counts.group(usage.cache_creation).ephemeral_1h_input_tokens);
  const tokens = {
    input_tokens: counts.required(usage.input_tokens),
    output_tokens: counts.required(usage.output_tokens),
    cache_read_tokens: counts.optional(usage.cache_read_input_tokens),
    cache_write_5m_tokens: Math.max(0, counts.optional(usage.cache_creation_input_tokens) - longWrites),
    cache_write_1h_tokens: longWrites,
    web_searches: counts.optional(counts.group(usage.server_tool_use).web_search_requests),
  };
  return {
    usage: {
      model: modelOf(message),
      tokens,
      thinking_tokens: counts.optional(counts.group(usage.output_tokens_details).thinking_tokens),
      inference_geo: typeof usage.inference_geo === 'string' ? usage.inference_geo : null,
      is_whole: counts.areRead(),
    },
  };
}
