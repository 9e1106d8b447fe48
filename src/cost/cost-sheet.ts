import type { Dialect, Params, RequestDialect } from '../provider/dialect.ts';
import { createPrefixList, createSharedBeginnings, type SharedPrefix } from './caching.ts';
import type { CostLine } from './cost-line.ts';
import { type InputRates, quickRates, type Sampled } from './input-rate.ts';
import {
  type CostGroup,
  createTally,
  type KnownOutput,
  type Priced,
  type Tally,
  type TallyOptions,
} from './tally.ts';

/** The facts about a request that determine its cost. */
export type CostedRequest = Priced & { params: Params };

/** What requests cost, as far as can be told without asking the API. */
export type Costs = {
  /** Per model, the most requests first. */
  lines: CostLine[];
  /** The token rates that they rest on. */
  rates: InputRates;
  knownOutput: KnownOutput;
  /** For pricing them again, by better rates or for another model. */
  tally: Tally;
  /** At most 20 requests from all over the work. */
  sample: Sampled[];
  prefixes: SharedPrefix[];
  /** How many requests begin with the same long text that none of them marks for caching. */
  unmarked_sharers: number;
};

/** Findings about the costs of some requests, as data that threads can exchange. */
export type CostFindings = {
  groups: CostGroup[];
  prefixes: ReadonlyMap<string, SharedPrefix>;
  beginnings: ReadonlyMap<string, number>;
};

/** How many requests the API is asked to count. */
const SAMPLE_SIZE = 20;

/** Takes requests one by one, in flat memory, and finds what their costs depend on. */
export function createCostFinder(requests: RequestDialect, options: TallyOptions = {}) {
  const tally = createTally(options);
  const prefixes = createPrefixList();
  const beginnings = createSharedBeginnings();
  return {
    tally,
    prefixes,
    beginnings,
    add(request: CostedRequest): void {
      const text = () => requests.text(request.params);
      tally.add(request);
      prefixes.add(request.model, request.prompt, () => requests.cachedText(request.params));
      beginnings.add(request.prompt, text);
    },
    findings: (): CostFindings => ({
      groups: tally.groups(),
      prefixes: prefixes.found(),
      beginnings: beginnings.found(),
    }),
  };
}

/** Takes requests, or findings about them from threads, and prices them at the end. */
export function createCostSheet(dialect: Dialect, knownOutput: KnownOutput, options: TallyOptions = {}) {
  const finder = createCostFinder(dialect.requests, options);
  const kept = createSample<Sampled>(SAMPLE_SIZE);
  const { tally, prefixes, beginnings } = finder;
  let count = 0;
  return {
    add(request: CostedRequest): void {
      count += 1;
      finder.add(request);
      kept.add(() => ({ model: request.model, params: request.params, prompt: request.prompt }));
    },
    /** Adds `requests` requests at once; `request` gives one of them again, for the sample. */
    merge(findings: CostFindings, requests: number, request: (index: number) => Sampled): void {
      count += requests;
      tally.merge(findings.groups);
      prefixes.merge(findings.prefixes);
      beginnings.merge(findings.beginnings);
      for (let index = 0; index < requests; index += 1) kept.add(() => request(index));
    },
    finish(): Costs {
      const sample = kept.items();
      const rates = quickRates(dialect, sample, count);
      const lines = tally.lines(rates, knownOutput);
      const shared = { prefixes: prefixes.shared(), unmarked_sharers: beginnings.most() };
      return { lines, rates, knownOutput, tally, sample, ...shared };
    },
  };
}

/** A bounded number of items, spread evenly over however many there turn out to be. */
export type Sample<T> = {
  /** The item is made only if it is kept. */
  add(make: () => T): void;
  items(): T[];
};

/** Keeps every item up to `size`; beyond that every second, fourth, … one, and so at least half of `size`. */
export function createSample<T>(size: number): Sample<T> {
  let kept: T[] = [];
  let stride = 1;
  let seen = 0;
  return {
    add(make) {
      if (seen % stride === 0) {
        if (kept.length === size) {
          kept = kept.filter((_, index) => index % 2 === 0);
          stride *= 2;
        }
        if (seen % stride === 0) kept.push(make());
      }
      seen += 1;
    },
    items: () => [...kept],
  };
}
