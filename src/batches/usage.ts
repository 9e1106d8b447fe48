import type { ModelCatalog } from '../provider/models.ts';
import { priceOf, roundUsd, type TokenUsage } from '../provider/pricing.ts';
import type { Usage } from '../store/record.ts';
import type { AnswerMessage } from './result-line.ts';

/** What one answer took, as the API counts it; cache writes of an unsaid kind are the 5-minute ones. */
function tokenUsage({ usage }: AnswerMessage): TokenUsage {
  const longWrites = usage.cache_creation?.ephemeral_1h_input_tokens ?? 0;
  return {
    input_tokens: usage.input_tokens,
    output_tokens: usage.output_tokens,
    cache_read_tokens: usage.cache_read_input_tokens,
    cache_write_5m_tokens: Math.max(0, usage.cache_creation_input_tokens - longWrites),
    cache_write_1h_tokens: longWrites,
    web_searches: usage.server_tool_use?.web_search_requests ?? 0,
  };
}

function inferenceGeo({ usage }: AnswerMessage): string | null {
  const geo = usage.inference_geo;
  return typeof geo === 'string' ? geo : null;
}

/**
 * Adds up what answers really took, per model, each priced for itself at batch price. A model without a
 * known price makes its sum null: nothing is guessed.
 */
export function createUsageTally(catalog: ModelCatalog) {
  const byModel = new Map<string, Usage>();
  return {
    /** `requestedModel` is what the task was sent with, for answers that name none that is known. */
    add(message: AnswerMessage, requestedModel: string) {
      const model = catalog.find(message.model) ?? catalog.find(requestedModel);
      const tokens = tokenUsage(message);
      const cost = model && priceOf(model, tokens, { batch: true, inferenceGeo: inferenceGeo(message) });
      const id = model?.id ?? requestedModel;
      const sum = byModel.get(id);
      byModel.set(id, {
        requests: (sum?.requests ?? 0) + 1,
        input_tokens: (sum?.input_tokens ?? 0) + tokens.input_tokens,
        output_tokens: (sum?.output_tokens ?? 0) + tokens.output_tokens,
        cache_read_tokens: (sum?.cache_read_tokens ?? 0) + tokens.cache_read_tokens,
        cache_write_5m_tokens: (sum?.cache_write_5m_tokens ?? 0) + tokens.cache_write_5m_tokens,
        cache_write_1h_tokens: (sum?.cache_write_1h_tokens ?? 0) + tokens.cache_write_1h_tokens,
        web_searches: (sum?.web_searches ?? 0) + tokens.web_searches,
        cost_usd: cost === undefined || sum?.cost_usd === null ? null : roundUsd((sum?.cost_usd ?? 0) + cost),
      });
    },
    finish: (): Record<string, Usage> => Object.fromEntries(byModel),
  };
}
