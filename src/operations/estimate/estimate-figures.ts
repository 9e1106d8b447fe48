import { suitability } from '../../cost/advice.ts';
import type { CostUsd } from '../../cost/cost.ts';
import { type CostLine, costLine, totalOf } from '../../cost/cost-line.ts';
import { roundUsd } from '../../cost/pricing.ts';
import { BatchError } from '../../errors.ts';
import { type Tier, tiers } from '../../provider/models.ts';
import type { Context } from '../../state/context.ts';
import type { Reused } from '../../store/record.ts';
import { checkModelLife, noLiveModels } from '../../tasks/live-models.ts';
import type { Matched } from '../../tasks/prepare.ts';
import { familyNote, modelNamed } from '../../tasks/render/choose.ts';

export type Estimate = {
  /** The id under which the work can be submitted for a day; left out where the work could not be kept. */
  work_id?: string;
  request_count: number;
  cost_usd: CostUsd;
  standard_cost_usd: number;
  savings_usd: number;
  /** The input tokens come with a guaranteed range. */
  tokens: CostLine['tokens'];
  /** How the input tokens were counted, in words. */
  rests_on: string;
  by_model: { model: string; request_count: number; expected: number; maximum: number }[];
  by_variant?: { variant: string; request_count: number; expected: number; maximum: number }[];
  compare: { model_tier: Tier; model: string; expected: number; maximum: number }[];
  /** What was found in a table or among files. */
  matched?: Matched;
  /**
   * What a pilot has answered already: that part of `request_count` is not paid for again, and is in no figure here.
   */
  reused?: Reused;
  /** Set where submitting it would be refused, as `warnings` say. */
  above_limit?: true;
  preview: string | null;
  prices_as_of: string;
  advice: string[];
  warnings: string[];
};

/** Work known by its figures alone. */
type Figures = {
  request_count: number;
  input_tokens_per_request: number;
  output_tokens_per_request: number;
  model?: string | undefined;
  model_tier?: Tier | undefined;
};

/** The cost of a number of equal requests. */
export function estimateFigures(context: Pick<Context, 'catalog' | 'now'>, figures: Figures): Estimate {
  const { catalog } = context;
  const { request_count, input_tokens_per_request: input, output_tokens_per_request: output } = figures;
  const model = figures.model
    ? (modelNamed(figures.model, catalog) ?? catalog.require(figures.model))
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
  const life = checkModelLife(model, { catalog, live: noLiveModels, today });
  if (life?.problem !== undefined) {
    throw new BatchError('invalid_input', `${model.id} can't be asked.`, { problems: [life.problem] });
  }
  return {
    ...estimateOf(context, [costLine(model, request_count, { input, output })], compare),
    warnings: [
      ...familyNote(figures.model, model, catalog),
      ...(life?.warning === undefined ? [] : [life.warning]),
      ...catalog.warnings(today),
    ],
  };
}

export function costUsdOf(cost: readonly CostLine[], basis: CostUsd['basis']): CostUsd {
  const total = totalOf(cost);
  return { expected: total.expected_usd, maximum: total.maximum_usd, actual: null, basis };
}

/** The figures of an estimate: `compare` holds what the same would cost in each tier. */
export function estimateOf(
  context: Pick<Context, 'catalog'>,
  cost: readonly CostLine[],
  compare: readonly { model_tier: Tier; cost: CostLine }[],
): Estimate {
  const total = totalOf(cost);
  return {
    request_count: total.request_count,
    cost_usd: costUsdOf(cost, 'estimated'),
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
