import { BatchError } from '../errors.ts';
import { count, counted } from '../lib/numbers.ts';
import type { Dialect } from '../provider/dialect.ts';
import type { Model } from '../provider/models.ts';
import type { Provider } from '../provider/provider.ts';
import { API_UNCERTAINTY, type InputRates } from './input-rate.ts';
import type { Tally, Unbounded } from './tally.ts';

/** The time for all of the counting: a tool's call has 25 seconds. */
const COUNTING_MS = 8_000;
const COUNT_MS = 4_000;
const AT_ONCE = 8;
/** A file never changes, but the content of a URL can. */
const KEPT_MS = 60 * 60_000;
const MOST_KEPT = 20_000;

/** Tokens that the API counted, by model and source, so that a submission uses the same counts as its estimate. */
const known = new WeakMap<Provider, Map<string, { tokens: number; at: number }>>();

const keyOf = (model: Model, source: string) => `${model.id} ${source}`;

/**
 * Has the API count each distinct document that requests name by a `file_id` or a URL, once per model that reads it,
 * so that the rates bound these requests. Warns of whatever is left without a bound.
 */
export async function countOutside(
  provider: Provider | null,
  { requests }: Dialect,
  { tally, rates }: { tally: Tally; rates: InputRates },
): Promise<{ rates: InputRates; warnings: string[] }> {
  const open = tally.unbounded(rates);
  if (open.length === 0) return { rates, warnings: [] };
  const wanted = open.flatMap(({ model, sources }) => [...sources].map((source) => ({ model, source })));
  if (provider === null || wanted.length === 0) return { rates, warnings: boundWarnings(open, tally) };
  const counts = known.get(provider) ?? new Map();
  known.set(provider, counts);
  const why = await countAll(wanted, counts, (model, source, ms) =>
    provider.countTokens(requests.readSource(source, model.id), ms),
  );
  const bounded = withSources(rates, (model, source) => counts.get(keyOf(model, source))?.tokens);
  const uncounted = wanted.filter(({ model, source }) => !counts.has(keyOf(model, source))).length;
  const failed =
    uncounted === 0
      ? []
      : [
          `The API did not count ${count(uncounted)} of ${counted(wanted.length, 'document')} that requests name by a file_id or a URL. ${why} ` +
            'The same call again counts those that are left.',
        ];
  return { rates: bounded, warnings: [...boundWarnings(tally.unbounded(bounded), tally), ...failed] };
}

type Wanted = { model: Model; source: string };
type Counts = Map<string, { tokens: number; at: number }>;

/**
 * Counts documents that are not known yet, a few at a time, while there is time; returns why some could not be
 * counted.
 */
async function countAll(
  wanted: readonly Wanted[],
  counts: Counts,
  ask: (model: Model, source: string, ms: number) => Promise<number>,
): Promise<string> {
  if (counts.size > MOST_KEPT) counts.clear();
  const isOld = (at: number) => performance.now() - at > KEPT_MS;
  for (const [key, { at }] of counts) if (isOld(at)) counts.delete(key);
  const until = performance.now() + COUNTING_MS;
  const waiting = wanted.filter(({ model, source }) => !counts.has(keyOf(model, source)));
  let why = 'It took too long.';
  let goesOn = true;
  let successes = 0;
  let failures = 0;

  async function countOnes(): Promise<void> {
    for (let next = waiting.shift(); next !== undefined && goesOn; next = waiting.shift()) {
      const { model, source } = next;
      const left = until - performance.now();
      if (left <= 0) return;
      try {
        const tokens = await ask(model, source, Math.min(COUNT_MS, left));
        counts.set(keyOf(model, source), { tokens, at: performance.now() });
        successes += 1;
      } catch (error) {
        if (!(error instanceof BatchError)) throw error;
        why = error.message;
        // One document that is gone or invalid says nothing about the others, but many do.
        failures += 1;
        goesOn = [400, 404].includes(error.api?.status ?? 0) && failures < AT_ONCE + successes;
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, countOnes));
  return why;
}

function withSources(
  rates: InputRates,
  tokensOf: (model: Model, source: string) => number | undefined,
): InputRates {
  return {
    ...rates,
    most(model, size) {
      const most = rates.most(model, size);
      if (Number.isFinite(most) || size.outside === null) return most;
      const { sources, rest_tokens } = size.outside;
      const rest = rates.most(model, { ...size, most_tokens: rest_tokens, outside: null });
      return sources.reduce(
        (sum, source) => sum + (tokensOf(model, source) ?? Number.POSITIVE_INFINITY) * (1 + API_UNCERTAINTY),
        rest,
      );
    },
  };
}

/**
 * Content that only the provider can read is paid for as well; the ceiling assumes the most that the model can read.
 */
function boundWarnings(open: readonly Unbounded[], tally: Tally): string[] {
  const all = tally.groups().reduce((sum, { bytes }) => sum + bytes.length, 0);
  return open.map(({ model, requests }) => {
    const share = requests === all ? '' : ` (${counted(requests, 'request')})`;
    return (
      "what these requests read from elsewhere (a file_id, a URL, what server tools bring back) can't be counted here, so their maximum " +
      `takes the whole context of ${model.id}: inline content, or web_fetch with max_uses and max_content_tokens, makes it smaller${share}`
    );
  });
}
