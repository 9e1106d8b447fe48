import { createHash } from 'node:crypto';
import type { Problem } from '../errors.ts';
import { count, counted } from '../lib/numbers.ts';
import type { PromptSize } from '../provider/dialect.ts';
import type { Model } from '../provider/models.ts';
import { formatUsd } from './cost.ts';
import type { InputRates } from './input-rate.ts';
import { pricesFor } from './pricing.ts';

/** The beginning of a prompt that requests share and mark with `cache_control`. */
export type SharedPrefix = {
  model: Model;
  bytes: number;
  ttl: PromptSize['cache_ttl'];
  /** How many requests begin with it. */
  requests: number;
  /** Whether the first of all marked requests does. */
  is_first: boolean;
};

/** With more distinct prefixes there is no sharing worth mentioning. */
const PREFIXES_KEPT = 1_000;

/** Finds the marked beginnings that requests have in common. */
export function createPrefixList() {
  const found = new Map<string, SharedPrefix>();

  function note(key: string, prefix: Omit<SharedPrefix, 'is_first'>): void {
    const known = found.get(key);
    if (known) known.requests += prefix.requests;
    else if (found.size < PREFIXES_KEPT) found.set(key, { ...prefix, is_first: found.size === 0 });
  }

  return {
    /** `text` gives a text that identifies the marked beginning. */
    add(model: Model, prompt: PromptSize, text: () => string) {
      const { cached_bytes: bytes, cache_ttl: ttl } = prompt;
      if (bytes === 0) return;
      const key = createHash('sha256').update(`${model.id} ${ttl} `).update(text()).digest('base64');
      note(key, { model, bytes, ttl, requests: 1 });
    },
    /** Adds what another list has found, as on another thread. */
    merge(prefixes: ReadonlyMap<string, SharedPrefix>) {
      for (const [key, prefix] of prefixes) note(key, prefix);
    },
    found: (): ReadonlyMap<string, SharedPrefix> => found,
    /** The prefix with the most tokens in all comes first. */
    shared: () => [...found.values()].toSorted((a, b) => b.bytes * b.requests - a.bytes * a.requests),
  };
}

export type CacheWorth = {
  /** The cost of one request's prefix, in dollars at batch price. */
  plain: number;
  read: number;
  write: number;
  /** The share of requests that must find the prefix in the cache for it to cost no more than no caching. */
  break_even: number;
};

/** What caching a prefix of this many tokens is worth; null if it is too short to be cached at all. */
export function worthOfCache(model: Model, tokens: number, ttl: PromptSize['cache_ttl']): CacheWorth | null {
  if (model.min_cacheable_tokens !== null && tokens < model.min_cacheable_tokens) return null;
  const prices = pricesFor(model, tokens);
  const writing = ttl === '1h' ? prices.cache_write_1h : prices.cache_write_5m;
  const usd = (price: number) => (tokens * price * model.batch_factor) / 1_000_000;
  return {
    plain: usd(prices.input),
    read: usd(prices.cache_read),
    write: usd(writing),
    // Where h of the requests read and the rest write: h · read + (1 − h) · write = plain.
    break_even: (writing - prices.input) / (writing - prices.cache_read),
  };
}

const percent = (share: number) => `${Math.round(share * 100)} %`;

/** What to know about the caching that the work asks for. */
export function cachingAdvice(prefixes: readonly SharedPrefix[], rates: InputRates): string[] {
  const [prefix] = prefixes;
  if (prefix === undefined) return [];
  const { model, ttl, requests } = prefix;
  const tokens = Math.round(prefix.bytes * rates.of(model).expected);
  if (requests === 1) {
    return [
      `cache_control is set, but no two requests of this work share a beginning with it on ${model.id}: each pays for writing and none reads. Leave it out.`,
    ];
  }
  const worth = worthOfCache(model, tokens, ttl);
  if (worth === null) {
    return [
      `The shared beginning of about ${count(tokens)} tokens is below the ${model.min_cacheable_tokens?.toLocaleString('en-US')} that ${model.id} caches: cache_control does nothing here.`,
    ];
  }
  const { plain, read, write, break_even } = worth;
  const saved = (share: number) => {
    const usd = requests * (plain - share * read - (1 - share) * write);
    return usd < 0 ? `costs ${formatUsd(-usd)} more` : `saves ${formatUsd(usd)}`;
  };
  return [
    `${count(requests)} requests share a cached beginning of about ${count(tokens)} tokens. If 90 % of them find it in the cache that ` +
      `${saved(0.9)}, if 50 % do it ${saved(0.5)}, if none does it ${saved(0)}; below ${percent(break_even)} it costs more ` +
      'than no caching. A cold batch may read nothing, as its requests run side by side: a small batch just before ' +
      `fills the cache${ttl === '5m' ? ', and a ttl of 1h keeps it' : ''}. The estimate counts on no reads, its maximum on writing every time.`,
  ];
}

/**
 * How many requests it takes for a primer, which writes what the others read, to pay off if some of them begin differently.
 * Infinite if the documents are too short to be cached.
 */
export function requestsWorthPriming(breakEven: number | null, others = 0): number {
  if (breakEven === null) return Number.POSITIVE_INFINITY;
  return Math.floor((others + 1) / (1 - breakEven)) + 1;
}

/** The share of requests, or at least one, that may begin differently: usually what is left over from packs. */
const SHARE_OF_OTHERS = 0.02;

/** Why a primer would cost more than it saves, or would fill the cache for only some of the requests; null if it pays off. */
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

/** About 4,096 tokens, the most that any model asks of a prompt before it caches it (prompt caching documentation). */
const BEGINNING_BYTES = 16_384;
/** Fewer requests with the same beginning are hardly worth the trouble. */
const REQUESTS_WORTH = 10;
const BEGINNINGS_KEPT = 1_000;

/** Finds a long text with which many requests begin, and which none of them marks for caching. */
export function createSharedBeginnings() {
  const found = new Map<string, number>();

  function note(key: string, requests: number): void {
    const known = found.get(key);
    if (known !== undefined) found.set(key, known + requests);
    else if (found.size < BEGINNINGS_KEPT) found.set(key, requests);
  }

  return {
    /** `text` gives the text of the prompt. */
    add(prompt: PromptSize, text: () => string) {
      if (prompt.cached_bytes > 0 || prompt.bytes < BEGINNING_BYTES) return;
      const beginning = Buffer.from(text()).subarray(0, BEGINNING_BYTES);
      note(createHash('sha256').update(beginning).digest('base64'), 1);
    },
    /** Adds what another list has found, as on another thread. */
    merge(beginnings: ReadonlyMap<string, number>) {
      for (const [key, requests] of beginnings) note(key, requests);
    },
    found: (): ReadonlyMap<string, number> => found,
    /** How many requests the most frequent beginning has. */
    most: () => Math.max(0, ...found.values()),
  };
}

/** Advice about a document that is paid for in every request. */
export function sharedDocumentAdvice(requests: number): string[] {
  if (requests < REQUESTS_WORTH) return [];
  return [
    `${count(requests)} requests begin with the same long text (its first ${count(BEGINNING_BYTES)} bytes at least), and each pays for all of ` +
      'it. Pack several of these tasks into one request, so that it is read once for all of them; or give native requests ' +
      'with cache_control at its end: estimate_cost then says what that is worth.',
  ];
}
