import type { Model } from '../provider/models.ts';
import { promptSize } from './prompt-size.ts';
import type { Priced } from './tally.ts';

/** A request that is about to be sent, as far as its cost goes. */
export type CostedRequest = {
  model: Model;
  params: Readonly<Record<string, unknown>>;
  task_type?: string | undefined;
  expected_output_tokens: number;
  max_tokens: number;
};

export function pricedOf(request: CostedRequest): Priced {
  const geo = request.params.inference_geo;
  return {
    model: request.model,
    prompt: promptSize(request.params),
    inference_geo: typeof geo === 'string' ? geo : null,
    task_type: request.task_type,
    expected_output_tokens: request.expected_output_tokens,
    max_tokens: request.max_tokens,
  };
}
