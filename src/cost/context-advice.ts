import { count, counted } from '../lib/numbers.ts';
import type { ContextDocument, Dialect } from '../provider/dialect.ts';
import type { Model } from '../provider/models.ts';
import { requestsWorthPriming, worthOfCache } from './caching.ts';
import { formatUsd } from './cost.ts';
import type { InputRates } from './input-rate.ts';
import { pricesFor } from './pricing.ts';

/** People who pack by hand report that answers are still good with this many tasks in a request. */
const PACKED = 20;

/** Requests to one model. */
type Share = { model: Model; requests: number };

/**
 * Says what documents before every task cost as they are sent, and what the alternatives would cost. Without a primer
 * they are not marked for caching: the requests of a cold batch run side by side, and may all write to the cache and
 * never read it, which costs more than no caching (138 requests of 11,400 shared tokens read nothing); a mark for an
 * hour only pays if more than half of them read.
 */
export function contextAdvice(
  context: readonly ContextDocument[],
  { requests: dialect }: Dialect,
  { shares, rates, primed }: { shares: readonly Share[]; rates: InputRates; primed: boolean },
): string[] {
  const requests = shares.reduce((sum, share) => sum + share.requests, 0);
  const [first] = shares;
  if (first === undefined || requests < 2) return [];
  const params = dialect.render({
    model: first.model.id,
    max_tokens: 1,
    system: '',
    prompt: '',
    output_schema: undefined,
    effort: undefined,
    context,
  });
  const { bytes } = dialect.size(params);
  const costs = shares.map((share) => costsOf(share, Math.round(bytes * rates.of(share.model).expected)));
  const usd = (figure: 'plain' | 'read' | 'written' | 'packed') =>
    formatUsd(costs.reduce((sum, cost) => sum + cost[figure], 0));
  const break_even = Math.max(...costs.map((cost) => cost.break_even));
  const packed = `with ${PACKED} of these tasks in one request ${usd('packed')}`;
  const read = `context_files, about ${count(costs[0]?.tokens ?? 0)} tokens, are read by each of ${counted(requests, 'request')}`;
  if (primed) {
    return [
      `${read}, from the cache by all but the first, which is sent alone and fills it: ${usd('read')} of this estimate; ${usd('written')}, ` +
        `which the maximum holds, if none of them finds it there (even at ${Math.round(break_even * 100)} %). Otherwise: plain ${usd('plain')}; ${packed}.`,
    ];
  }
  // A primer fills the cache of one model only.
  const pays = shares.length === 1 && requests >= requestsWorthPriming(break_even);
  const primer = pays
    ? `, but with primer: true the first is sent alone and the others when its answer is there, for about ${usd('read')}`
    : '';
  const cached =
    break_even < 0
      ? `too short for ${shares.map(({ model }) => model.id).join(' and ')} to cache; ${packed}`
      : `cached ${usd('read')} if all but the first request read it and ${usd('written')} if none does, as can be in a cold ` +
        `batch (even at ${Math.round(break_even * 100)} %), so it is not marked for caching${primer}; ${packed}`;
  return [`${read}: ${usd('plain')} of this estimate. Otherwise: ${cached}.`];
}

/** Dollars at batch price; `break_even` is below 0 where the model does not cache anything so short. */
function costsOf({ model, requests }: Share, tokens: number) {
  const one = (tokens * pricesFor(model, tokens).input * model.batch_factor) / 1_000_000;
  const plain = requests * one;
  const worth = worthOfCache(model, tokens, '1h');
  return {
    tokens,
    plain,
    read: worth === null ? plain : worth.write + (requests - 1) * worth.read,
    written: worth === null ? plain : requests * worth.write,
    packed: Math.ceil(requests / PACKED) * one,
    break_even: worth?.break_even ?? -1,
  };
}
