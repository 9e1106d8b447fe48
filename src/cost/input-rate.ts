import type { CountTokens, Dialect, Params, PromptSize } from '../provider/dialect.ts';
import type { Model } from '../provider/models.ts';

/** Tokens per byte of a prompt: the best guess, and the guaranteed range. */
export type Rate = { low: number; expected: number; high: number };

/** What is known about the number of input tokens, and how. */
export type InputRates = {
  basis: 'exact' | 'sampled' | 'estimated';
  /** How many requests were counted. */
  counted: number;
  of(model: Model): Rate;
  /**
   * The rate of a prompt that was itself counted; only where every prompt was, as it could not be told from similar
   * ones otherwise.
   */
  own?(model: Model, size: MostSize): Rate | undefined;
  /** The most tokens that a prompt of this size can take, including what is brought into it. */
  most(model: Model, size: MostSize): number;
};

export type MostSize = Pick<
  PromptSize,
  'bytes' | 'most_tokens' | 'outside' | 'added_tokens' | 'cached_bytes'
>;

/** A request of the sample. */
export type Sampled = { model: Model; params: Params; prompt: PromptSize };

/** A sampled request's size, and its tokens for a model whose `token_factor` is 1. */
export type Counted = { model: Model; bytes: number; tokens: number };

/** What the API adds to the text: six tokens a request and two a message (ai-tokenizer 1.0.6, measured on 4.5). */
const OVERHEAD_TOKENS = 8;
/** Slices from all over a long text stand for the whole. */
const SLICES = 8;
const SLICE_CHARACTERS = 1_000;

/**
 * How far off a count without the API can be: the vocabulary is an approximation, and that newer models make about
 * 1.3 times as many tokens from a text is a rule of thumb.
 */
const UNCERTAINTY = {
  tokenizer: { upTo45: 0.15, newer: 0.25, media: 0.6 },
  shape: { upTo45: 0.25, newer: 0.35, media: 0.6 },
};
/** Three standard errors of the sample hold the truth in all but a few cases of a thousand. */
const STANDARD_ERRORS = 3;
/** A margin on the bound of a text, which rests on the vocabulary of an early model, as the tokenizer does. */
const BOUND_FACTOR = 1.1;

/** The most tokens by a prompt's own text: a sample says nothing about prompts outside it, so it gives no ceiling. */
function mostByText(model: Model, { most_tokens }: MostSize): number {
  const { upTo45, newer } = UNCERTAINTY.tokenizer;
  return most_tokens * BOUND_FACTOR * model.token_factor * (1 + (model.token_factor === 1 ? upTo45 : newer));
}
/** The API calls its own count an estimate, which can differ a little from the bill. */
export const API_UNCERTAINTY = 0.01;

/** Immediate rates from the shape of the sample's text, without the time and memory of a tokenizer. */
export function quickRates(dialect: Dialect, sample: readonly Sampled[], total: number): InputRates {
  return estimatedRates(dialect, sample, total, dialect.tokens.estimate, UNCERTAINTY.shape);
}

/** Rates without the API, from the sample's text and a tokenizer. `total` is how many requests there are. */
export async function tokenizerRates(
  dialect: Dialect,
  sample: readonly Sampled[],
  total: number,
): Promise<InputRates> {
  return estimatedRates(dialect, sample, total, await dialect.tokens.load(), UNCERTAINTY.tokenizer);
}

function estimatedRates(
  { requests }: Dialect,
  sample: readonly Sampled[],
  total: number,
  count: CountTokens,
  uncertainty: (typeof UNCERTAINTY)['shape'],
): InputRates {
  let media = false;
  const counted = sample.map(({ model, params, prompt: { bytes, has_media } }) => {
    media ||= has_media;
    const text = slicesOf(requests.text(params));
    const textBytes = Buffer.byteLength(text);
    // Content other than text counts as text with four bytes per token.
    const perByte = textBytes === 0 || has_media ? 0.25 : count(text) / textBytes;
    return { model, bytes, tokens: bytes * perByte + OVERHEAD_TOKENS };
  });
  const { expected, error } = ratio(counted, total);
  return {
    basis: 'estimated',
    counted: counted.length,
    of(model) {
      const own = model.token_factor === 1 ? uncertainty.upTo45 : uncertainty.newer;
      return range(expected * model.token_factor, error + (media ? uncertainty.media : own));
    },
    most: mostByText,
  };
}

/** Rates from the API's own counts of the sample; a model without a counted request takes those of the others. */
export function countedRates(sample: readonly (Sampled & { tokens: number })[], total: number): InputRates {
  const counted = sample.map(({ model, prompt: { bytes }, tokens }) => ({
    model,
    bytes,
    tokens: tokens / model.token_factor,
  }));
  const pooled = ratio(counted, total);
  const isExact = counted.length === total;
  function of(model: Model): Rate {
    const own = counted.filter((each) => each.model.id === model.id);
    const { expected, error } = own.length === 0 ? pooled : ratio(own, (total * own.length) / counted.length);
    return range(expected * model.token_factor, error + API_UNCERTAINTY);
  }
  const own = isExact ? ratesByPrompt(sample) : undefined;
  return {
    basis: isExact ? 'exact' : 'sampled',
    counted: counted.length,
    of,
    ...(own && { own }),
    most(model, size) {
      const rate = own?.(model, size);
      return rate === undefined ? mostByText(model, size) : size.bytes * rate.high + size.added_tokens;
    },
  };
}

/**
 * The counts of single prompts: one can take more tokens per byte than another, so a rate of all together is no
 * ceiling. Prompts that can't be told apart share theirs: the mean is what is expected, the highest the maximum.
 */
function ratesByPrompt(sample: readonly (Sampled & { tokens: number })[]) {
  const counts = new Map<string, number[]>();
  const keyOf = ({ id }: Model, { bytes, most_tokens, outside, cached_bytes }: MostSize) =>
    [id, bytes, most_tokens, cached_bytes, ...(outside?.sources ?? [])].join(' ');
  for (const { model, prompt, tokens } of sample) {
    const key = keyOf(model, prompt);
    counts.set(key, [...(counts.get(key) ?? []), tokens]);
  }
  return (model: Model, size: MostSize): Rate | undefined => {
    const found = counts.get(keyOf(model, size));
    if (found === undefined || size.bytes === 0) return undefined;
    const expected = found.reduce((sum, tokens) => sum + tokens, 0) / found.length / size.bytes;
    const { low } = range(expected, API_UNCERTAINTY);
    return { low, expected, high: (Math.max(...found) / size.bytes) * (1 + API_UNCERTAINTY) };
  };
}

function range(expected: number, relative: number): Rate {
  return { low: expected * Math.max(0, 1 - relative), expected, high: expected * (1 + relative) };
}

/**
 * Tokens per byte over the sample, and its relative error for the whole: the ratio estimator's standard error with
 * the correction for a finite population (Cochran, Sampling Techniques, 6.4).
 */
function ratio(counted: readonly Counted[], total: number): { expected: number; error: number } {
  const bytes = counted.reduce((sum, each) => sum + each.bytes, 0);
  const tokens = counted.reduce((sum, each) => sum + each.tokens, 0);
  if (bytes === 0) return { expected: 0.25, error: 1 };
  const expected = tokens / bytes;
  const size = counted.length;
  if (size >= total) return { expected, error: 0 };
  // Nothing is known of the spread, so no better than a factor of two is guaranteed.
  if (size < 2) return { expected, error: 1 };
  const squares = counted.reduce((sum, each) => sum + (each.tokens - expected * each.bytes) ** 2, 0);
  const variance = (squares / (size - 1) / size) * (1 - size / total);
  return { expected, error: (STANDARD_ERRORS * Math.sqrt(variance)) / (tokens / size) };
}

function slicesOf(text: string): string {
  if (text.length <= SLICES * SLICE_CHARACTERS) return text;
  const step = Math.floor((text.length - SLICE_CHARACTERS) / (SLICES - 1));
  const slices = Array.from({ length: SLICES }, (_, index) =>
    text.slice(index * step, index * step + SLICE_CHARACTERS),
  );
  return slices.join('');
}
