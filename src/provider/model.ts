import * as z from 'zod';

export const tiers = ['cheap', 'capable', 'premium'] as const;
export type Tier = (typeof tiers)[number];

const usd = z.number().nonnegative();
const tokens = z.int().positive();
const date = z.iso.date();

/** US dollars per million tokens at the standard price. */
const prices = z.strictObject({
  input: usd,
  output: usd,
  cache_write_5m: usd,
  cache_write_1h: usd,
  cache_read: usd,
});
export type Prices = z.infer<typeof prices>;

/** The levels of effort that a model can be asked for, the least first. */
export const efforts = ['low', 'medium', 'high', 'xhigh', 'max'] as const;
export type Effort = (typeof efforts)[number];

/** How a model can be asked to think. */
export const thinkingTypes = ['adaptive', 'enabled', 'disabled', 'between_tools'] as const;
export type ThinkingType = (typeof thinkingTypes)[number];

/** What a model rejects with a 400, so that a request with it fails hours later. */
const refusals = [
  /** A last message that is the start of the answer. */
  'prefill',
  /** Being made to call a tool, always or while it thinks. */
  'forced_tool_choice',
  'forced_tool_choice_while_thinking',
  /** Thinking turned off together with an effort above `high`. */
  'no_thinking_at_high_effort',
] as const;

/** The families of models. A family's name alone means its newest model. */
export const lines = ['haiku', 'sonnet', 'opus', 'fable', 'mythos'] as const;

/** Everything known about a model: its prices, limits and pitfalls. */
export const model = z.strictObject({
  id: z.string().min(1),
  /** Other exact ids of the same model. */
  aliases: z.array(z.string().min(1)),
  line: z.enum(lines).nullable(),
  context_tokens: tokens,
  max_output_tokens: tokens,
  /** The output limit in a batch with a beta; null where there is none. */
  long_output: z.strictObject({ beta: z.string().min(1), tokens }).nullable(),
  prices,
  /** Prices of a request whose whole prompt, cache included, is longer than `above_tokens`. */
  long_prompt: z.strictObject({ above_tokens: tokens, prices }).nullable(),
  /** The factor on token prices in a batch. */
  batch_factor: z.number().positive(),
  /** US dollars for a web search; a batch pays as much. */
  web_search_usd: usd,
  /** What `inference_geo: "us"` multiplies the token prices by. */
  us_inference_factor: z.number().positive(),
  /** How many tokens a text takes, compared with models before 4.7. */
  token_factor: z.number().positive(),
  /** Shorter prompts are silently not cached. Null where the limit is not known. */
  min_cacheable_tokens: tokens.nullable(),
  refuses: z.array(z.enum(refusals)),
  /** Whether the system may speak in mid-conversation. */
  system_messages: z.boolean(),
  /** Null where it is not known, so that none is refused here. */
  efforts: z.array(z.enum(efforts)).nullable(),
  thinking: z.array(z.enum(thinkingTypes)).nullable(),
  /** Its default effort, at which it thinks; null where it only thinks when asked to. */
  usual_effort: z.enum(efforts).nullable(),
  legacy: z.boolean(),
  /** Dates as `2026-11-30`; null where none is known. */
  released: date.nullable(),
  retires: date.nullable(),
  not_retired_before: date.nullable(),
  /** Where the prices come from. */
  source: z.string().min(1),
});
export type Model = Readonly<z.infer<typeof model>>;
