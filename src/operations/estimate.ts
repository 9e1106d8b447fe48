import { adviceFor, suitability } from '../cost/advice.ts';
import { budgetToday } from '../cost/budget.ts';
import { type CostUsd, formatUsd } from '../cost/cost.ts';
import { type CostLine, costLine, totalOf } from '../cost/cost-line.ts';
import type { Costs } from '../cost/cost-sheet.ts';
import { countSample } from '../cost/count-sample.ts';
import { tokenizerRates } from '../cost/input-rate.ts';
import { readOutputHistory } from '../cost/output-history.ts';
import { BatchError } from '../errors.ts';
import { type Tier, tiers } from '../provider/models.ts';
import { roundUsd } from '../provider/pricing.ts';
import type { Provider, ProviderAccount } from '../provider/provider.ts';
import type { Context } from '../state/context.ts';
import type { Report } from '../state/jobs.ts';
import { checkLiveModels } from '../tasks/live-models.ts';
import { prepare } from '../tasks/prepare.ts';
import type { Work } from '../tasks/work.ts';

/** Work known by its figures alone. */
export type Figures = {
  request_count: number;
  input_tokens_per_request: number;
  output_tokens_per_request: number;
  model?: string | undefined;
  model_tier?: Tier | undefined;
};

export type Estimate = {
  request_count: number;
  cost_usd: CostUsd;
  standard_cost_usd: number;
  savings_usd: number;
  /** The input with the range that is vouched for. */
  tokens: CostLine['tokens'];
  /** What the input tokens rest on, in words. */
  rests_on: string;
  by_model: { model: string; request_count: number; expected: number; maximum: number }[];
  compare: { model_tier: Tier; model: string; expected: number; maximum: number }[];
  preview: string | null;
  prices_as_of: string;
  advice: string[];
  warnings: string[];
};

const PREVIEW_CHARACTERS = 1_500;

export type EstimateOptions = {
  /** Those expected of each answer, where that is known. */
  outputTokens?: number | undefined;
  /** Ends the checking. */
  signal?: AbortSignal | undefined;
  report?: Report | undefined;
};

/**
 * Checks all that submitting checks, free of charge, and says what the work would cost. Sends nothing but,
 * with a key, a sample of the requests to be counted.
 */
export async function estimateWork(
  context: Context,
  work: Work,
  { outputTokens, signal, report = () => {} }: EstimateOptions = {},
): Promise<Estimate> {
  const name = context.defaultProvider;
  const provider = context.provider(name);
  const known = await findAccount(provider);
  // Only what is sent is told apart by its account.
  const account = known ?? { base_url: '', workspace: null };
  const today = context.now().toISOString().slice(0, 10);
  const nowhere = { add: () => {} };
  const knownOutput = outputTokens === undefined ? await readOutputHistory(context) : () => outputTokens;
  const preparation = { ...context, work, provider: name, account, today, knownOutput, signal };
  const { costs, request_count, first_request, warnings } = await prepare(preparation, nowhere, report);

  const asked = known !== null && name !== 'sandbox';
  const lifeWarnings = asked ? await checkLiveModels(context, name, costs.tally.models()) : [];
  // The sandbox's counts are made up: a tokenizer tells more of what the real work would cost.
  const counting = asked ? await countSample(provider, costs.sample, request_count) : null;
  const rates =
    counting !== null && 'rates' in counting
      ? counting.rates
      : await tokenizerRates(costs.sample, request_count);
  const cost = costs.tally.lines(rates, knownOutput);
  const compare = tiers.map((tier) => ({
    model_tier: tier,
    cost: costs.tally.linesFor(context.catalog.forTier(tier), rates, knownOutput),
  }));
  const rests =
    rates.basis === 'estimated'
      ? `a tokenizer's count of ${rates.counted} of ${request_count} requests, times 1.3 on models from 4.7 on: an estimate`
      : `the API's count of ${rates.counted} of ${request_count} requests`;
  return {
    ...estimateOf(context, cost, compare),
    cost_usd: costUsd(cost, rates.basis),
    rests_on: rests,
    preview: first_request.slice(0, PREVIEW_CHARACTERS).toWellFormed(),
    advice: adviceFor(context, costs, rates, request_count),
    warnings: [
      ...(name === 'sandbox' ? [] : await ceilingWarnings(context, costs)),
      ...new Set([...warnings, ...lifeWarnings]),
      ...(counting !== null && 'failure' in counting
        ? [`The API did not count the sample, so this is a tokenizer's estimate. ${counting.failure}`]
        : []),
      ...context.catalog.warnings(today),
    ],
  };
}

/** Null without credentials: an estimate needs none. */
async function findAccount(provider: Provider): Promise<ProviderAccount | null> {
  try {
    return await provider.account();
  } catch (error) {
    if (error instanceof BatchError && error.code === 'no_credentials') return null;
    throw error;
  }
}

/** What submitting would refuse, by the figures that it goes by itself: a quick count, rather too high. */
async function ceilingWarnings(context: Context, { lines }: Costs): Promise<string[]> {
  const { maximum_usd } = totalOf(lines);
  const { left, limit } = await budgetToday(context);
  const how = 'submit_batch would refuse it. Make it smaller, or ask the person.';
  return [
    ...(maximum_usd > context.maxCostUsd
      ? [
          `Its maximum of ${formatUsd(maximum_usd)} is above the limit of ${formatUsd(context.maxCostUsd)} for one submission: ${how}`,
        ]
      : []),
    ...(maximum_usd > left
      ? [
          `Its maximum of ${formatUsd(maximum_usd)} is above the ${formatUsd(left)} left of today's budget of ${formatUsd(limit)}: ${how}`,
        ]
      : []),
  ];
}

/** What so many equal requests would cost. */
export function estimateFigures(context: Context, figures: Figures): Estimate {
  const { catalog } = context;
  const { request_count, input_tokens_per_request: input, output_tokens_per_request: output } = figures;
  const model = figures.model
    ? catalog.require(figures.model)
    : catalog.forTier(figures.model_tier ?? 'capable');
  const compare = tiers.map((tier) => ({
    model_tier: tier,
    cost: costLine(catalog.forTier(tier), request_count, { input, output }),
  }));
  if (input + output > model.context_tokens || output > model.max_output_tokens) {
    throw new BatchError('invalid_input', `No request of this size fits ${model.id}.`, {
      problems: [
        {
          field: output > model.max_output_tokens ? 'output_tokens_per_request' : 'input_tokens_per_request',
          problem: 'is more than the model takes',
          valid: `at most ${model.max_output_tokens} output tokens, and ${model.context_tokens} in all`,
        },
      ],
    });
  }
  const today = context.now().toISOString().slice(0, 10);
  return {
    ...estimateOf(context, [costLine(model, request_count, { input, output })], compare),
    warnings: catalog.warnings(today),
  };
}

function costUsd(cost: readonly CostLine[], basis: CostUsd['basis']): CostUsd {
  const total = totalOf(cost);
  return { expected: total.expected_usd, maximum: total.maximum_usd, actual: null, basis };
}

function estimateOf(
  context: Context,
  cost: readonly CostLine[],
  compare: readonly { model_tier: Tier; cost: CostLine }[],
): Estimate {
  const total = totalOf(cost);
  return {
    request_count: total.request_count,
    cost_usd: costUsd(cost, 'estimated'),
    standard_cost_usd: total.standard_expected_usd,
    savings_usd: roundUsd(total.standard_expected_usd - total.expected_usd),
    tokens: total.tokens,
    rests_on: 'the figures that were given',
    by_model: cost.map(({ model, request_count, expected_usd, maximum_usd }) => ({
      model,
      request_count,
      expected: expected_usd,
      maximum: maximum_usd,
    })),
    compare: compare.map(({ model_tier, cost: { model, expected_usd, maximum_usd } }) => ({
      model_tier,
      model,
      expected: expected_usd,
      maximum: maximum_usd,
    })),
    preview: null,
    prices_as_of: context.catalog.asOf,
    advice: suitability(total.request_count),
    warnings: [],
  };
}
