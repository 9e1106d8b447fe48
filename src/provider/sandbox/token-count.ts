import { modelTable } from '../anthropic/models/price-table.ts';
import { estimateTokens } from '../anthropic/models/token-estimate.ts';

const factors = new Map(
  modelTable.rows.flatMap(({ id, aliases, token_factor }) =>
    [id, ...aliases].map((each): [string, number] => [each, token_factor]),
  ),
);

/**
 * How many tokens the sandbox makes of a text for a model. It goes by the text's shape, and not by the tokenizer
 * that estimates without a key use, for they would otherwise always be proven right.
 */
export function countTextTokens(text: string, model: string): number {
  return estimateTokens(text) * (factors.get(model) ?? 1);
}
