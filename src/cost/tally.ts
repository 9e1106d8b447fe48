import type { Outside, PromptSize } from '../provider/dialect.ts';
import type { Effort, Model } from '../provider/models.ts';
import { addLines, type CostLine, nothing, rounded } from './cost-line.ts';
import type { InputRates, MostSize } from './input-rate.ts';
import { createPricedSums } from './priced-sums.ts';
import { addUpThinking, type ExpectedThinking, expectedThinking, type ThinkingAsked } from './thinking.ts';

/** The facts about a request that determine its price. */
export type Priced = {
  model: Model;
  prompt: PromptSize;
  inference_geo: string | null;
  task_type: string | undefined;
  variant?: string | undefined;
  expected_output_tokens: number;
  max_tokens: number;
  /** How many tasks share it; one where this is left out. */
  tasks?: number | undefined;
} & ThinkingAsked;

/** The output tokens expected of an answer to one task, where more is known than the task type's own figure. */
export type KnownOutput = (
  model: Model,
  taskType: string | undefined,
  effort: Effort | null,
) => number | undefined;

export type Tally = {
  add(request: Priced): void;
  /** Adds what another tally has collected, as on another thread. */
  merge(groups: readonly CostGroup[]): void;
  /** The collected requests as data. */
  groups(): CostGroup[];
  /**
   * The requests that only the model's context bounds by these rates, with their sources that the provider could
   * count.
   */
  unbounded(rates: InputRates): Unbounded[];
  /** The models in use, each with the most output tokens that a request asks of it. */
  models(): { model: Model; max_tokens: number }[];
  /** One line per model, the most requests first. */
  lines(rates: InputRates, known?: KnownOutput): CostLine[];
  /** The costs of each variant of the work, in their order. */
  variants(rates: InputRates, known?: KnownOutput): { variant: string; tasks: number; line: CostLine }[];
  /** The costs if everything went to one model. */
  linesFor(model: Model, rates: InputRates, known?: KnownOutput): CostLine;
  /** The thinking expected by our own figure, and how much of it an effort of `low` would save. */
  thinking(known?: KnownOutput): ExpectedThinking;
};

/** How many requests to a model nothing bounds, and their sources that the provider could count. */
export type Unbounded = { model: Model; requests: number; sources: ReadonlySet<string> };

type Kind = Pick<Priced, 'model' | 'inference_geo' | 'task_type' | 'variant' | 'effort' | 'thinks'>;

/** Requests that differ only in their sizes, which are kept in columns: a hundred thousand take a few megabytes. */
export type CostGroup = Kind & {
  bytes: number[];
  most: number[];
  added: number[];
  /** The outside content of the few requests that have any, by index. */
  outside: Map<number, Outside>;
  cached: number[];
  ttl: PromptSize['cache_ttl'];
  searches: number[];
  expected: number[];
  maximum: number[];
  tasks: number[];
};

function isAlike(a: Kind, b: Kind): boolean {
  return (
    a.model.id === b.model.id &&
    a.inference_geo === b.inference_geo &&
    a.task_type === b.task_type &&
    a.variant === b.variant &&
    a.effort === b.effort &&
    a.thinks === b.thinks
  );
}

const figures = ['bytes', 'most', 'added', 'cached', 'searches', 'expected', 'maximum', 'tasks'] as const;

export type TallyOptions = {
  /** Whether one request fills the cache before the others are sent, so that they are expected to read it. */
  primed?: boolean | undefined;
};

/** Collects requests one by one, without adding them up: a price depends on the length of each prompt. */
export function createTally({ primed = false }: TallyOptions = {}): Tally {
  const groups = new Map<string, CostGroup>();
  let latest: CostGroup | undefined;

  function groupOf(kind: Kind, ttl: CostGroup['ttl']): CostGroup {
    // A request nearly always belongs to the same group as the one before it.
    if (latest !== undefined && latest.ttl === ttl && isAlike(latest, kind)) return latest;
    const { model, inference_geo, task_type, variant, effort, thinks } = kind;
    const key = JSON.stringify([model.id, inference_geo, task_type, variant, effort, thinks, ttl]);
    const none = { bytes: [], most: [], added: [], cached: [], searches: [], expected: [], maximum: [] };
    const kinds = { model, inference_geo, task_type, variant, effort, thinks };
    latest = groups.get(key) ?? { ...kinds, ttl, ...none, tasks: [], outside: new Map() };
    groups.set(key, latest);
    return latest;
  }

  /** Prices all groups, as if their first request were the one that fills the cache. */
  function priced(rates: InputRates, known: KnownOutput | undefined, model?: Model) {
    const cache = primed ? { isFilled: false } : null;
    return [...groups.values()].map((group) => ({
      group,
      line: priceGroup(group, model ?? group.model, { rates, known, cache }),
    }));
  }

  return {
    add(request) {
      const { prompt, expected_output_tokens, max_tokens, tasks = 1 } = request;
      const group = groupOf(request, prompt.cache_ttl);
      if (prompt.outside !== null) group.outside.set(group.bytes.length, prompt.outside);
      group.bytes.push(prompt.bytes);
      group.most.push(prompt.most_tokens);
      group.added.push(prompt.added_tokens);
      group.cached.push(prompt.cached_bytes);
      group.searches.push(prompt.searches ?? 0);
      group.expected.push(expected_output_tokens);
      group.maximum.push(max_tokens);
      group.tasks.push(tasks);
    },
    merge(others) {
      for (const other of others) {
        const group = groupOf(other, other.ttl);
        for (const [index, outside] of other.outside) group.outside.set(group.bytes.length + index, outside);
        for (const figure of figures) for (const value of other[figure]) group[figure].push(value);
      }
    },
    groups: () => [...groups.values()],
    unbounded(rates) {
      const byModel = new Map<string, { model: Model; requests: number; sources: Set<string> }>();
      for (const group of groups.values()) {
        const { model } = group;
        for (const index of group.bytes.keys()) {
          if (Number.isFinite(rates.most(model, sizeOf(group, index)))) continue;
          const found = byModel.get(model.id) ?? { model, requests: 0, sources: new Set() };
          for (const source of group.outside.get(index)?.sources ?? []) found.sources.add(source);
          byModel.set(model.id, { ...found, requests: found.requests + 1 });
        }
      }
      return [...byModel.values()];
    },
    models() {
      const most = new Map<string, { model: Model; max_tokens: number }>();
      for (const { model, maximum } of groups.values()) {
        const max_tokens = maximum.reduce((a, b) => Math.max(a, b), most.get(model.id)?.max_tokens ?? 0);
        most.set(model.id, { model, max_tokens });
      }
      return [...most.values()];
    },
    lines(rates, known) {
      const byModel = new Map<string, CostLine>();
      for (const { group, line } of priced(rates, known)) {
        const sum = byModel.get(group.model.id);
        byModel.set(group.model.id, sum ? addLines(sum, line) : line);
      }
      return [...byModel.values()].sort((a, b) => b.request_count - a.request_count);
    },
    variants(rates, known) {
      const byVariant = new Map<string, { tasks: number; line: CostLine }>();
      for (const { group, line } of priced(rates, known)) {
        if (group.variant === undefined) continue;
        const tasks = group.tasks.reduce((sum, each) => sum + each, 0);
        const { tasks: others, line: sum } = byVariant.get(group.variant) ?? { tasks: 0, line: nothing };
        byVariant.set(group.variant, { tasks: others + tasks, line: addLines(sum, line) });
      }
      return [...byVariant].map(([variant, figures]) => ({ variant, ...figures }));
    },
    linesFor(model, rates, known) {
      const lines = priced(rates, known, model).map(({ line }) => line);
      return { ...lines.reduce(addLines, nothing), model: model.id };
    },
    thinking: (known) =>
      addUpThinking(
        [...groups.values()].filter(({ model, task_type, effort }) => !known?.(model, task_type, effort)),
      ),
  };
}

function sizeOf({ bytes, most, added, outside, cached }: CostGroup, index: number): MostSize {
  return {
    bytes: bytes[index] ?? 0,
    most_tokens: most[index] ?? 0,
    outside: outside.get(index) ?? null,
    added_tokens: added[index] ?? 0,
    cached_bytes: cached[index] ?? 0,
  };
}

type Pricing = {
  rates: InputRates;
  known: KnownOutput | undefined;
  /** Whether a request has filled the cache yet; null where none should. */
  cache: { isFilled: boolean } | null;
};

function priceGroup(group: CostGroup, model: Model, pricing: Pricing): CostLine {
  const { rates, known: knownOutput, cache } = pricing;
  const usual = rates.of(model);
  const inferenceGeo = group.inference_geo;
  const output = knownOutput?.(model, group.task_type, group.effort);
  const thinking = expectedThinking(model, group);
  // Requests with one price list can be added up: the length of each prompt only decides which list applies.
  const likely = createPricedSums(model, group.ttl);
  const most = createPricedSums(model, group.ttl);
  const tokens = { ...nothing.tokens };
  for (const [index, bytes] of group.bytes.entries()) {
    const size = sizeOf(group, index);
    const rate = rates.own?.(model, size) ?? usual;
    const maximum = Math.min(group.maximum[index] ?? 0, model.max_output_tokens);
    const known = output === undefined ? undefined : output * (group.tasks[index] ?? 1);
    // Packed tasks count as much as they would alone, since nobody knows how much less they take: a guess promises
    // nothing.
    const own = (group.expected[index] ?? 0) + thinking * (group.tasks[index] ?? 1);
    const expected = Math.min(maximum, known ?? own);
    const prompt = Math.min(bytes * rate.expected, model.context_tokens);
    const mostPrompt = Math.min(Math.max(prompt, rates.most(model, size)), model.context_tokens);
    // Cache hits within a batch are a matter of luck, so none are expected unless the cache was filled beforehand, …
    const marked = cache === null ? 0 : Math.min(prompt, size.cached_bytes * rate.expected);
    if (cache?.isFilled) likely.add(prompt, 0, expected, 0, marked);
    else likely.add(prompt, marked, expected, 0);
    if (cache !== null && marked > 0) cache.isFilled = true;
    // … and at most every request writes to it.
    const written = size.cached_bytes > 0 ? mostPrompt : 0;
    most.add(mostPrompt, written, maximum, group.searches[index] ?? 0);
    tokens.input += prompt;
    tokens.input_low += Math.min(bytes * rate.low, prompt);
    tokens.input_high += mostPrompt;
    tokens.expected_output += expected;
    tokens.maximum_output += maximum;
  }
  return rounded({
    model: model.id,
    request_count: group.bytes.length,
    tokens,
    expected_usd: likely.usd({ batch: true, inferenceGeo }),
    maximum_usd: most.usd({ batch: true, inferenceGeo }),
    standard_expected_usd: likely.usd({ batch: false, inferenceGeo }),
  });
}
