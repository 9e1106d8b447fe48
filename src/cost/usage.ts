import type { Effort, ModelCatalog } from '../provider/models.ts';
import type { AnswerUsage } from '../provider/result.ts';
import type { Usage } from '../store/saved-results.ts';
import { noUsage, priceOf, roundUsd } from './pricing.ts';

/** The settings that a task was sent with, as far as they determine its cost. */
export type TaskKind = { model: string; task_type: string | null; effort: Effort | null };

export const isSameKind = (a: TaskKind, b: TaskKind): boolean =>
  a.model === b.model && a.task_type === b.task_type && a.effort === b.effort;

const nothing = { ...noUsage, thinking_tokens: 0, requests: 0, cost_usd: 0 };

/** The sum of two usages, under the first one's names; unknown where one of the costs is. */
export function addUsage(a: Usage, b: Omit<Usage, keyof TaskKind>): Usage {
  return {
    model: a.model,
    task_type: a.task_type,
    effort: a.effort,
    requests: a.requests + b.requests,
    input_tokens: a.input_tokens + b.input_tokens,
    output_tokens: a.output_tokens + b.output_tokens,
    thinking_tokens: a.thinking_tokens + b.thinking_tokens,
    cache_read_tokens: a.cache_read_tokens + b.cache_read_tokens,
    cache_write_5m_tokens: a.cache_write_5m_tokens + b.cache_write_5m_tokens,
    cache_write_1h_tokens: a.cache_write_1h_tokens + b.cache_write_1h_tokens,
    web_searches: a.web_searches + b.web_searches,
    cost_usd: a.cost_usd === null || b.cost_usd === null ? null : roundUsd(a.cost_usd + b.cost_usd),
  };
}

/**
 * Adds up the actual usage of answers per model, task type and effort, each answer priced individually at batch
 * price. A model without a known price makes its sum null: nothing is guessed.
 */
export function createUsageTally(catalog: ModelCatalog) {
  const sums: Usage[] = [];

  function sumOf(kind: TaskKind): Usage {
    const known = sums.find((sum) => isSameKind(sum, kind));
    if (known !== undefined) return known;
    const sum = { ...kind, ...nothing };
    sums.push(sum);
    return sum;
  }

  return {
    /** `kind` is what the task was sent with: its model is used where the answer's is not known. */
    add(answer: AnswerUsage, { model: requested, task_type, effort }: TaskKind) {
      const model = catalog.find(answer.model) ?? catalog.find(requested);
      const { tokens } = answer;
      // Updated in place: a new sum for each of a hundred thousand answers would fill the memory for long-lived
      // objects, which is collected too rarely.
      const sum = sumOf({ model: model?.id ?? requested, task_type, effort });
      sum.requests += 1;
      sum.input_tokens += tokens.input_tokens;
      sum.output_tokens += tokens.output_tokens;
      sum.thinking_tokens += answer.thinking_tokens;
      sum.cache_read_tokens += tokens.cache_read_tokens;
      sum.cache_write_5m_tokens += tokens.cache_write_5m_tokens;
      sum.cache_write_1h_tokens += tokens.cache_write_1h_tokens;
      sum.web_searches += tokens.web_searches;
      if (model === undefined) sum.cost_usd = null;
      else if (sum.cost_usd !== null) {
        const billing = { batch: true, inferenceGeo: answer.inference_geo };
        sum.cost_usd = roundUsd(sum.cost_usd + priceOf(model, tokens, billing));
      }
    },
    finish: (): Usage[] => sums,
  };
}
