import type { PromptSize } from '../provider/dialect.ts';
import type { Model, Prices } from '../provider/models.ts';
import { type Billing, noUsage, usdAt } from './pricing.ts';

export type PricedSums = {
  /** One request's tokens; `written` of the prompt's go into a cache, `read` come out of one. */
  add(prompt: number, written: number, output: number, searches: number, read?: number): void;
  /** The cost of all of them, in unrounded dollars. */
  usd(billing: Billing): number;
};

/**
 * Adds up individually priced requests to one model. Requests with the same prices can be summed before pricing, so
 * prompts at the model's usual prices and those at its prices for long prompts are kept apart.
 */
export function createPricedSums(model: Model, ttl: PromptSize['cache_ttl']): PricedSums {
  const usual = { prompt: 0, written: 0, read: 0, output: 0, searches: 0 };
  const long = { ...usual };
  const longest = model.long_prompt?.above_tokens ?? Number.POSITIVE_INFINITY;

  function usdOf(sums: typeof usual, prices: Prices, billing: Billing): number {
    const usage = {
      ...noUsage,
      input_tokens: sums.prompt - sums.written - sums.read,
      cache_read_tokens: sums.read,
      [ttl === '1h' ? 'cache_write_1h_tokens' : 'cache_write_5m_tokens']: sums.written,
      output_tokens: sums.output,
      web_searches: sums.searches,
    };
    return usdAt(prices, usage, model, billing);
  }

  return {
    add(prompt, written, output, searches, read = 0) {
      const sums = prompt > longest ? long : usual;
      sums.prompt += prompt;
      sums.written += written;
      sums.read += read;
      sums.output += output;
      sums.searches += searches;
    },
    usd: (billing) =>
      usdOf(usual, model.prices, billing) +
      (model.long_prompt === null ? 0 : usdOf(long, model.long_prompt.prices, billing)),
  };
}
