import type { Model } from './model.ts';

/** English and JSON take about four bytes a token on models before 4.7. */
const BYTES_PER_TOKEN = 4;

/**
 * About how many tokens a text (or so many bytes of UTF-8) is for a model: bytes / 4, times the model's
 * `token_factor`, rounded up. An estimate, to be called one: English prose and JSON come within some 20 %;
 * Chinese or Japanese text and dense numbers can take twice as many tokens as this says.
 */
export function estimateTokens(textOrBytes: string | number, model: Pick<Model, 'token_factor'>): number {
  const bytes = typeof textOrBytes === 'number' ? textOrBytes : Buffer.byteLength(textOrBytes, 'utf8');
  return Math.ceil((bytes / BYTES_PER_TOKEN) * model.token_factor);
}
