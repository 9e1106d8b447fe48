import { isJsonObject, type JsonObject } from '../../../lib/json.ts';
import type { AnswerUsage, TokenUsage } from '../../result.ts';

export const modelOf = ({ model }: JsonObject) => (typeof model === 'string' ? model : '');
export const objectOf = (value: unknown) => (isJsonObject(value) ? value : {});

/** More tokens than any request takes: a sum of these is exact. */
const MOST_TOKENS = 1_000_000_000;
const isTokens = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MOST_TOKENS;

/** Reads counts, with 0 for anything that is not a count. */
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
    /** An object that holds some of them, if there is one. */
    group(value: unknown): JsonObject {
      if (isJsonObject(value)) return value;
      if (value !== undefined && value !== null) areRead = false;
      return {};
    },
    areRead: () => areRead,
  };
}

type Counts = ReturnType<typeof createCounts>;

/** The usage of one run of a model; cache writes of an unspecified kind are 5-minute ones. */
function tokensOf(usage: JsonObject, counts: Counts): Omit<TokenUsage, 'web_searches'> {
  const writes = counts.group(usage.cache_creation);
  const long = counts.optional(writes.ephemeral_1h_input_tokens);
  const short = counts.optional(writes.ephemeral_5m_input_tokens);
  const all = counts.optional(usage.cache_creation_input_tokens ?? long + short);
  return {
    input_tokens: counts.required(usage.input_tokens),
    output_tokens: counts.required(usage.output_tokens),
    cache_read_tokens: counts.optional(usage.cache_read_input_tokens),
    cache_write_5m_tokens: Math.max(0, all - long),
    cache_write_1h_tokens: long,
  };
}

/** Runs that the API's sum does not include: the first is by the same model, the other by one with prices of its own. */
const COMPACTION = 'compaction';
const ADVICE = 'advisor_message';

export function usageOf(message: JsonObject): { usage: AnswerUsage } {
  const usage = objectOf(message.usage);
  const counts = createCounts();
  const tokens = {
    ...tokensOf(usage, counts),
    web_searches: counts.optional(counts.group(usage.server_tool_use).web_search_requests),
  };
  const runs = Array.isArray(usage.iterations) ? usage.iterations.filter(isJsonObject) : [];
  for (const run of runs.filter(({ type }) => type === COMPACTION)) {
    const more = tokensOf(run, counts);
    tokens.input_tokens += more.input_tokens;
    tokens.output_tokens += more.output_tokens;
    tokens.cache_read_tokens += more.cache_read_tokens;
    tokens.cache_write_5m_tokens += more.cache_write_5m_tokens;
    tokens.cache_write_1h_tokens += more.cache_write_1h_tokens;
  }
  return {
    usage: {
      model: modelOf(message),
      tokens,
      thinking_tokens: counts.optional(counts.group(usage.output_tokens_details).thinking_tokens),
      inference_geo: typeof usage.inference_geo === 'string' ? usage.inference_geo : null,
      is_whole: counts.areRead() && !runs.some(({ type }) => type === ADVICE),
    },
  };
}
