import type { Model, Prices } from '../provider/models.ts';
import type { TokenUsage } from '../provider/result.ts';

const TOKENS_PER_PRICE = 1_000_000;
/** Sums are rounded to a billionth of a dollar: a batch's cheapest token, a cache read, costs five of them. */
const UNITS_PER_USD = 1_000_000_000;

/** The usage of no requests, which sums begin with. */
export const noUsage: Readonly<TokenUsage> = {
  input_tokens: 0,
  output_tokens: 0,
  cache_read_tokens: 0,
  cache_write_5m_tokens: 0,
  cache_write_1h_tokens: 0,
  web_searches: 0,
};

export type Billing = {
  /** In a batch tokens cost less; web searches cost the same. */
  batch: boolean;
  /** The request's `inference_geo`. */
  inferenceGeo?: string | null;
};

/** The prices for a prompt of `prompt` tokens, including those from the cache. */
export function pricesFor(model: Model, prompt: number): Prices {
  return model.long_prompt !== null && prompt > model.long_prompt.above_tokens
    ? model.long_prompt.prices
    : model.prices;
}

const promptOf = (usage: TokenUsage) =>
  usage.input_tokens + usage.cache_read_tokens + usage.cache_write_5m_tokens + usage.cache_write_1h_tokens;

/**
 * Unrounded US dollars for usage billed at `prices`, one of the model's price lists: the usage of one request, or of
 * several with the same list.
 */
export function usdAt(prices: Prices, usage: TokenUsage, model: Model, billing: Billing): number {
  const perMillion =
    usage.input_tokens * prices.input +
    usage.output_tokens * prices.output +
    usage.cache_read_tokens * prices.cache_read +
    usage.cache_write_5m_tokens * prices.cache_write_5m +
    usage.cache_write_1h_tokens * prices.cache_write_1h;
  const factor =
    (billing.batch ? model.batch_factor : 1) *
    (billing.inferenceGeo === 'us' ? model.us_inference_factor : 1);
  return (perMillion / TOKENS_PER_PRICE) * factor + usage.web_searches * model.web_search_usd;
}

/**
 * US dollars, to a billionth, for `count` requests that each take `usage`. Never for the sum of several
 * requests' usage: the price can depend on the length of one prompt.
 */
export function priceOfMany(model: Model, usage: TokenUsage, count: number, billing: Billing): number {
  return roundUsd(count * usdAt(pricesFor(model, promptOf(usage)), usage, model, billing));
}

/** US dollars, to a billionth, for one request. */
export function priceOf(model: Model, usage: TokenUsage, billing: Billing): number {
  return priceOfMany(model, usage, 1, billing);
}

/** Removes the rounding noise of floating-point sums: `0.1 + 0.2` dollars are 0.3. */
export function roundUsd(usd: number): number {
  return Math.round(usd * UNITS_PER_USD) / UNITS_PER_USD;
}
