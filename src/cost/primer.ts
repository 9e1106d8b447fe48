import type { Problem } from '../errors.ts';
import { count, counted } from '../lib/numbers.ts';
import { type SharedPrefix, worthOfCache } from './caching.ts';
import type { InputRates } from './input-rate.ts';

/**
 * From so many requests on a primer pays, of which so many begin otherwise than it: one writes what the others read. Infinite
 * where the documents are too short to be cached.
 */
export function requestsWorthPriming(breakEven: number | null, others = 0): number {
  if (breakEven === null) return Number.POSITIVE_INFINITY;
  return Math.floor((others + 1) / (1 - breakEven)) + 1;
}

/** So large a part of the requests, or one of them, may begin otherwise: what is left over of packs, as a rule. */
const SHARE_OF_OTHERS = 0.02;

/** Why a primer would cost more than it saves, or fill the cache for some of the requests alone; null where it pays. */
export function primerProblem(prefixes: readonly SharedPrefix[], rates: InputRates): Problem | null {
  const field = 'primer';
  const prefix = prefixes.find(({ is_first }) => is_first);
  if (prefix === undefined) return null;
  const { model, requests } = prefix;
  const all = prefixes.reduce((sum, each) => sum + each.requests, 0);
  if (all - requests > Math.max(1, SHARE_OF_OTHERS * all)) {
    const problem = `fills the cache for the ${count(requests)} of ${counted(all, 'request')} that begin as the first does (by model, system prompt, schema and effort)`;
    return { field, problem, valid: 'the same of these for all tasks; or no primer' };
  }
  const tokens = Math.round(prefix.bytes * rates.of(model).expected);
  const worth = worthOfCache(model, tokens, '1h');
  if (worth === null) {
    const problem = `does nothing here: the documents are about ${count(tokens)} tokens, and ${model.id} caches from ${count(model.min_cacheable_tokens ?? 0)} on`;
    return { field, problem, valid: 'no primer' };
  }
  const least = requestsWorthPriming(worth.break_even, all - requests);
  if (all >= least) return null;
  const problem = `costs more than it saves with ${counted(all, 'request')}: writing costs more than reading saves`;
  return { field, problem, valid: `at least ${least} requests on ${model.id}; or no primer` };
}
