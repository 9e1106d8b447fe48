import { Tokenizer } from 'ai-tokenizer';
import * as encoding from 'ai-tokenizer/encoding/claude';
import { maximumTokens } from '../../../../src/provider/anthropic/models/token-bound.ts';
import { mostTokens } from '../../../../src/provider/anthropic/requests/most-tokens.ts';
import type { SampleClass } from './bound-samples.ts';

const tokenizer = new Tokenizer(encoding);

export type Measured = {
  name: string;
  samples: number;
  /** Samples that take more tokens than the bound says. */
  below: unknown[];
  /** The bound over the count, less one. */
  medianExcess: number;
  mostExcess: number;
};

/** Holds the bound of each sample against the tokenizer's count: of a part of a request, that of its JSON. */
export function measure({ name, samples }: SampleClass): Measured {
  const held = samples.map((sample) => {
    const text = typeof sample === 'string' ? sample : JSON.stringify(sample);
    const bound = typeof sample === 'string' ? maximumTokens(sample) : mostTokens(sample, []);
    return { sample, ratio: bound / tokenizer.encode(text, 'all').length };
  });
  const ratios = held.map(({ ratio }) => ratio).sort((a, b) => a - b);
  return {
    name,
    samples: samples.length,
    below: held.filter(({ ratio }) => ratio < 1).map(({ sample }) => sample),
    medianExcess: (ratios[Math.floor(ratios.length / 2)] ?? 1) - 1,
    mostExcess: (ratios.at(-1) ?? 1) - 1,
  };
}
