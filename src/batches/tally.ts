import type { Model } from '../provider/models.ts';
import { priceOfMany, roundUsd, type TokenUsage } from '../provider/pricing.ts';
import { estimateTokens } from '../provider/token-estimate.ts';

/** What a number of requests is expected to take; dollars at batch price unless they say otherwise. */
export type CostLine = {
  model: string;
  request_count: number;
  tokens: { input: number; expected_output: number; maximum_output: number };
  expected_usd: number;
  maximum_usd: number;
  standard_expected_usd: number;
};

/** One request, as far as its price goes. */
export type Priced = {
  model: Model;
  prompt_bytes: number;
  inference_geo: string | null;
  expected_output_tokens: number;
  max_tokens: number;
};

export type Tally = {
  add(request: Priced): void;
  /** One line per model, the most requests first. */
  lines(): CostLine[];
};

const usage = (input_tokens: number, output_tokens: number): TokenUsage => ({
  input_tokens,
  output_tokens,
  cache_read_tokens: 0,
  cache_write_5m_tokens: 0,
  cache_write_1h_tokens: 0,
  web_searches: 0,
});

/** Bytes of what the model reads: the request without its settings. */
export function promptBytes(params: Readonly<Record<string, unknown>>): number {
  const read = [params.system, params.messages, params.tools, params.output_config];
  return read.reduce<number>(
    (sum, value) => sum + (value === undefined ? 0 : Buffer.byteLength(JSON.stringify(value))),
    0,
  );
}

/** What `count` equal requests cost. */
export function costLine(
  model: Model,
  count: number,
  tokens: CostLine['tokens'],
  geo: string | null,
): CostLine {
  const price = (output: number, batch: boolean) =>
    priceOfMany(model, usage(tokens.input, output), count, { batch, inferenceGeo: geo });
  return {
    model: model.id,
    request_count: count,
    tokens: {
      input: tokens.input * count,
      expected_output: tokens.expected_output * count,
      maximum_output: tokens.maximum_output * count,
    },
    expected_usd: price(tokens.expected_output, true),
    maximum_usd: price(tokens.maximum_output, true),
    standard_expected_usd: price(tokens.expected_output, false),
  };
}

function addLines(a: CostLine, b: CostLine): CostLine {
  return {
    model: a.model,
    request_count: a.request_count + b.request_count,
    tokens: {
      input: a.tokens.input + b.tokens.input,
      expected_output: a.tokens.expected_output + b.tokens.expected_output,
      maximum_output: a.tokens.maximum_output + b.tokens.maximum_output,
    },
    expected_usd: roundUsd(a.expected_usd + b.expected_usd),
    maximum_usd: roundUsd(a.maximum_usd + b.maximum_usd),
    standard_expected_usd: roundUsd(a.standard_expected_usd + b.standard_expected_usd),
  };
}

/** Adds up requests one by one, for a price band depends on the length of each prompt. */
export function createTally(): Tally {
  const byModel = new Map<string, CostLine>();
  return {
    add({ model, prompt_bytes, inference_geo, expected_output_tokens, max_tokens }) {
      const tokens = {
        input: estimateTokens(prompt_bytes, model),
        expected_output: expected_output_tokens,
        maximum_output: max_tokens,
      };
      const line = costLine(model, 1, tokens, inference_geo);
      const sum = byModel.get(model.id);
      byModel.set(model.id, sum ? addLines(sum, line) : line);
    },
    lines: () => [...byModel.values()].sort((a, b) => b.request_count - a.request_count),
  };
}

const nothing: CostLine = {
  model: '',
  request_count: 0,
  tokens: { input: 0, expected_output: 0, maximum_output: 0 },
  expected_usd: 0,
  maximum_usd: 0,
  standard_expected_usd: 0,
};

/** The sum over models. */
export function totalOf(lines: readonly CostLine[]): Omit<CostLine, 'model'> {
  return lines.reduce(addLines, nothing);
}
