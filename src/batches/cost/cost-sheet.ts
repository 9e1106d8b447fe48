import type { RenderedTask } from '../work/render.ts';
import { pricedOf } from '../work/rendered-request.ts';
import { createPrefixList, type SharedPrefix } from './caching.ts';
import { type InputRates, quickRates, type Sampled } from './input-rate.ts';
import { createSample } from './sample.ts';
import { createSharedBeginnings } from './shared-document.ts';
import { type CostLine, createTally, type KnownOutput, type Tally } from './tally.ts';

/** What requests cost, as far as that can be told without asking the API. */
export type Costs = {
  /** Per model, the most requests first. */
  lines: CostLine[];
  /** What they rest on. */
  rates: InputRates;
  knownOutput: KnownOutput;
  /** For pricing them again, by better rates or for another model. */
  tally: Tally;
  /** Requests from all over the work, 20 at most. */
  sample: Sampled[];
  prefixes: SharedPrefix[];
  /** How many requests begin with the same long text that none of them marks for caching. */
  unmarked_sharers: number;
};

/** As many as the API is asked to count. */
const SAMPLE_SIZE = 20;

/** Takes requests one by one, in flat memory, and prices them at the end. */
export function createCostSheet(knownOutput: KnownOutput) {
  const tally = createTally();
  const kept = createSample<Sampled>(SAMPLE_SIZE);
  const prefixes = createPrefixList();
  const beginnings = createSharedBeginnings();
  let count = 0;
  return {
    add(rendered: RenderedTask): void {
      const { model, params } = rendered;
      const priced = pricedOf(rendered);
      count += 1;
      tally.add(priced);
      kept.add({ model, params });
      prefixes.add(model, params, priced.prompt);
      beginnings.add(params, priced.prompt);
    },
    finish(): Costs {
      const sample = kept.items();
      const rates = quickRates(sample, count);
      const lines = tally.lines(rates, knownOutput);
      const shared = { prefixes: prefixes.shared(), unmarked_sharers: beginnings.most() };
      return { lines, rates, knownOutput, tally, sample, ...shared };
    },
  };
}
