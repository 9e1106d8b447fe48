import type { Model } from '../provider/models.ts';
import { noUsage, priceOfMany, roundUsd } from './pricing.ts';

/**
 * What a number of requests is expected to take; dollars are at batch price unless their name says otherwise. The
 * maximum assumes the longest output, and input at the high end of the guaranteed range.
 */
export type CostLine = {
  model: string;
  request_count: number;
  tokens: {
    input: number;
    input_low: number;
    input_high: number;
    expected_output: number;
    maximum_output: number;
  };
  expected_usd: number;
  maximum_usd: number;
  standard_expected_usd: number;
};

/** The cost of `count` equal requests with known token counts. */
export function costLine(model: Model, count: number, tokens: { input: number; output: number }): CostLine {
  const usage = { ...noUsage, input_tokens: tokens.input, output_tokens: tokens.output };
  const input = tokens.input * count;
  const output = tokens.output * count;
  const usd = priceOfMany(model, usage, count, { batch: true });
  return {
    model: model.id,
    request_count: count,
    tokens: {
      input,
      input_low: input,
      input_high: input,
      expected_output: output,
      maximum_output: output,
    },
    expected_usd: usd,
    maximum_usd: usd,
    standard_expected_usd: priceOfMany(model, usage, count, { batch: false }),
  };
}

/** Removes the rounding noise of floating-point sums. */
export function rounded({ tokens, ...line }: CostLine): CostLine {
  return {
    ...line,
    tokens: {
      ...tokens,
      input: Math.round(tokens.input),
      input_low: Math.floor(tokens.input_low),
      input_high: Math.ceil(tokens.input_high),
      expected_output: Math.round(tokens.expected_output),
    },
    expected_usd: roundUsd(line.expected_usd),
    maximum_usd: roundUsd(line.maximum_usd),
    standard_expected_usd: roundUsd(line.standard_expected_usd),
  };
}

/** The sum of two lines, under the first one's model. */
export function addLines(a: CostLine, b: CostLine): CostLine {
  return rounded({
    model: a.model,
    request_count: a.request_count + b.request_count,
    tokens: {
      input: a.tokens.input + b.tokens.input,
      input_low: a.tokens.input_low + b.tokens.input_low,
      input_high: a.tokens.input_high + b.tokens.input_high,
      expected_output: a.tokens.expected_output + b.tokens.expected_output,
      maximum_output: a.tokens.maximum_output + b.tokens.maximum_output,
    },
    expected_usd: a.expected_usd + b.expected_usd,
    maximum_usd: a.maximum_usd + b.maximum_usd,
    standard_expected_usd: a.standard_expected_usd + b.standard_expected_usd,
  });
}

/** The line that sums begin with. */
export const nothing: CostLine = {
  model: '',
  request_count: 0,
  tokens: { input: 0, input_low: 0, input_high: 0, expected_output: 0, maximum_output: 0 },
  expected_usd: 0,
  maximum_usd: 0,
  standard_expected_usd: 0,
};

/** The sum over models. */
export function totalOf(lines: readonly CostLine[]): Omit<CostLine, 'model'> {
  return lines.reduce(addLines, nothing);
}
