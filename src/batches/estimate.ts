import { BatchError } from '../errors.ts';
import type { Tier } from '../provider/models.ts';
import { roundUsd } from '../provider/pricing.ts';
import type { Context } from './context.ts';
import { type CostUsd, formatUsd } from './cost.ts';
import { prepare } from './prepare.ts';
import { type CostLine, costLine, totalOf } from './tally.ts';
import type { Work } from './work.ts';

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
  tokens: CostLine['tokens'];
  by_model: { model: string; request_count: number; expected: number; maximum: number }[];
  compare: { model_tier: Tier; model: string; expected: number; maximum: number }[];
  preview: string | null;
  prices_as_of: string;
  advice: string[];
  warnings: string[];
};

const PREVIEW_CHARACTERS = 1_500;

/** Checks all that submitting checks, free of charge, and says what the work would cost. Sends nothing. */
export async function estimateWork(context: Context, work: Work): Promise<Estimate> {
  const provider = context.defaultProvider;
  const account = await context.provider(provider).account();
  const today = context.now().toISOString().slice(0, 10);
  const nowhere = { add: () => {} };
  const prepared = await prepare({ ...context, work, provider, account, today }, nowhere, () => {});
  const estimate = estimateOf(context, prepared.cost, prepared.compare);
  const limit = context.maxCostUsd;
  const tooMuch = estimate.cost_usd.maximum > limit && provider !== 'sandbox';
  return {
    ...estimate,
    preview: prepared.first_request.slice(0, PREVIEW_CHARACTERS).toWellFormed(),
    warnings: [
      ...(tooMuch
        ? [
            `Its maximum is above the limit of ${formatUsd(limit)} for one submission: submit_batch would refuse it. ` +
              'Make it smaller, or ask the person.',
          ]
        : []),
      ...prepared.warnings,
      'Token counts are estimated from the size of the text; the real ones can differ by a fifth or more.',
    ],
  };
}

/** What so many equal requests would cost. */
export function estimateFigures(context: Context, figures: Figures): Estimate {
  const { catalog } = context;
  const { request_count, input_tokens_per_request: input, output_tokens_per_request: output } = figures;
  const tokens = { input, expected_output: output, maximum_output: output };
  const model = figures.model
    ? catalog.require(figures.model)
    : catalog.forTier(figures.model_tier ?? 'capable');
  const compare = (['cheap', 'capable', 'premium'] as const).map((tier) => ({
    model_tier: tier,
    cost: costLine(catalog.forTier(tier), request_count, tokens, null),
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
  return estimateOf(context, [costLine(model, request_count, tokens, null)], compare);
}

function estimateOf(
  context: Context,
  cost: readonly CostLine[],
  compare: readonly { model_tier: Tier; cost: CostLine }[],
): Estimate {
  const total = totalOf(cost);
  return {
    request_count: total.request_count,
    cost_usd: { expected: total.expected_usd, maximum: total.maximum_usd, actual: null, basis: 'estimated' },
    standard_cost_usd: total.standard_expected_usd,
    savings_usd: roundUsd(total.standard_expected_usd - total.expected_usd),
    tokens: total.tokens,
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
    advice: adviceFor(total.request_count),
    warnings: [],
  };
}

function adviceFor(requests: number): string[] {
  if (requests > 1) return [];
  return [
    'A single request saves half of very little: if somebody waits for the answer, ask the model directly.',
  ];
}
