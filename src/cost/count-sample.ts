import { BatchError } from '../errors.ts';
import { dialectOf } from '../provider/dialects.ts';
import type { Provider, ProviderName } from '../provider/provider.ts';
import { type CostLine, totalOf } from './cost-line.ts';
import type { Costs } from './cost-sheet.ts';
import { countedRates, type InputRates, type Sampled, tokenizerRates } from './input-rate.ts';
import { countOutside } from './outside-sources.ts';

/** The time for all of the counting: a tool's call has 25 seconds, and the checks took some of that. */
const COUNTING_MS = 8_000;
const COUNT_MS = 4_000;
const AT_ONCE = 4;

/** What work costs by the best count available, and why that is not the API's where it was asked. */
export type CountedCosts = {
  rates: InputRates;
  lines: CostLine[];
  failure: string | null;
  /** Warnings of content that only the model's context bounds. */
  unbounded: string[];
};

/**
 * Prices requests by the API's own count of a sample, or else by a tokenizer's: estimates and submissions use the
 * same figure. `provider` is null where there is nobody to ask; the sandbox is not asked, since its counts are made
 * up.
 */
export async function countCosts(
  provider: Provider | null,
  name: ProviderName,
  { sample, tally, knownOutput, lines }: Costs,
): Promise<CountedCosts> {
  const total = totalOf(lines).request_count;
  const asked = name === 'sandbox' ? null : provider;
  const counting = asked === null ? null : await countSample(asked, sample, total);
  const sampled =
    counting !== null && 'rates' in counting
      ? counting.rates
      : await tokenizerRates(dialectOf(name), sample, total);
  const failure = counting !== null && 'failure' in counting ? counting.failure : null;
  const { rates, warnings } = await countOutside(asked, dialectOf(name), { tally, rates: sampled });
  return { rates, lines: tally.lines(rates, knownOutput), failure, unbounded: warnings };
}

/** The rates from the API's counts of a sample, or why there are not enough counts. */
type Counting = { rates: InputRates } | { failure: string };

/**
 * Has the API count the sample, a few requests at a time and each once. Counts that take more than a few seconds are
 * not worth waiting for: an estimate can do without.
 */
async function countSample(provider: Provider, sample: readonly Sampled[], total: number): Promise<Counting> {
  const until = performance.now() + COUNTING_MS;
  const waiting = [...sample];
  const counted: (Sampled & { tokens: number })[] = [];
  let failure: BatchError | undefined;

  async function countOnes(): Promise<void> {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const left = until - performance.now();
      if (left <= 0 || failure !== undefined) return;
      try {
        const tokens = await provider.countTokens(next.params, Math.min(COUNT_MS, left));
        counted.push({ ...next, tokens });
      } catch (error) {
        if (!(error instanceof BatchError)) throw error;
        failure ??= error;
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, countOnes));

  if (failure !== undefined) return { failure: failure.message };
  if (counted.length < sample.length) return { failure: 'The API took too long to count the tokens.' };
  return { rates: countedRates(counted, total) };
}
