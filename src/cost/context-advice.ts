import type { ContextDocument, Dialect } from '../provider/dialect.ts';
import type { Model } from '../provider/models.ts';
import { worthOfCache } from './caching.ts';
import { formatUsd } from './cost.ts';
import type { InputRates } from './input-rate.ts';
import { pricesFor } from './pricing.ts';

/** Of as many tasks in one request answers are still good, in the experience of those who pack by hand. */
const PACKED = 20;

/**
 * What documents before every task cost as they are sent, and what they would cost otherwise. They are not marked for
 * caching: the requests of a cold batch run side by side and may all write and never read, which costs more than
 * no caching (138 requests of 11,400 shared tokens read nothing).
 */
export function contextAdvice(
  context: readonly ContextDocument[],
  { requests: dialect }: Dialect,
  { model, requests, rates }: { model: Model; requests: number; rates: InputRates },
): string[] {
  if (requests < 2) return [];
  const params = dialect.render({
    model: model.id,
    max_tokens: 1,
    system: '',
    prompt: '',
    output_schema: undefined,
    effort: undefined,
    context,
  });
  const tokens = Math.round(dialect.size(params).bytes * rates.of(model).expected);
  const plain = (tokens * pricesFor(model, tokens).input * model.batch_factor) / 1_000_000;
  const worth = worthOfCache(model, tokens, '1h');
  const packed = `with ${PACKED} of these tasks in one request ${formatUsd(Math.ceil(requests / PACKED) * plain)}`;
  const read =
    worth === null
      ? `too short for ${model.id} to cache; ${packed}`
      : `cached ${formatUsd(worth.write + (requests - 1) * worth.read)} if all but the first request read it and ` +
        `${formatUsd(requests * worth.write)} if none does, as can be in a cold batch (even at ${Math.round(worth.break_even * 100)} %), so it is not marked for caching; ${packed}`;
  return [
    `context_files, about ${tokens} tokens, are read by each of ${requests} requests: ${formatUsd(requests * plain)} of this estimate. Otherwise: ${read}.`,
  ];
}
