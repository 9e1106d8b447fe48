import { BatchError } from '../errors.ts';
import { fateUsd, openSends } from '../state/parts.ts';
import type { BatchRecord, Part, SendFate } from '../store/record.ts';
import type { SavedResults } from '../store/saved-results.ts';
import { type CostLine, totalOf } from './cost-line.ts';
import { roundUsd } from './pricing.ts';

/** US dollars at batch price; `actual` is null until all results are in. */
export type CostUsd = {
  expected: number;
  maximum: number;
  actual: number | null;
  basis: 'exact' | 'sampled' | 'estimated' | 'actual';
};

/** Dollars for a person to read: in cents, with more digits for smaller amounts. */
export function formatUsd(usd: number): string {
  const digits = usd === 0 || usd >= 1 ? 2 : Math.max(2, 1 - Math.floor(Math.log10(usd)));
  return `$${usd.toFixed(digits)}`;
}

/** Two amounts with as many digits as it takes to tell them apart. */
export function formatApart(a: number, b: number): [string, string] {
  const short: [string, string] = [formatUsd(a), formatUsd(b)];
  if (short[0] !== short[1] || a === b) return short;
  // Amounts are rounded to a billionth, so different ones differ by at least that.
  const digits = a.toFixed(6) === b.toFixed(6) ? 9 : 6;
  return [`$${a.toFixed(digits)}`, `$${b.toFixed(digits)}`];
}

/** What a part's answers actually cost; null if a model has no known price. */
export function actualOfPart({ usage }: Pick<SavedResults, 'usage'>): number | null {
  const costs = usage.map(({ cost_usd }) => cost_usd);
  const known = costs.filter((cost) => cost !== null);
  return known.length < costs.length ? null : roundUsd(known.reduce((sum, cost) => sum + cost, 0));
}

/**
 * What a part may have cost at most beyond its answers: for tasks without an answer, and for sends of unknown fate.
 */
export function unknownUsd(record: BatchRecord, part: Part): number {
  const { maximum } = estimateOfParts(record, [part]);
  const { progress, request_count } = part;
  const missing = progress.state === 'created' ? (progress.results?.outcomes.missing ?? 0) : 0;
  return roundUsd(maximum * (openSends(part) + missing / request_count));
}

/** The known cost of a part's other sends, besides the one that it became. */
export function knownSendsUsd({ fates = [] }: Part): number {
  return fates.reduce((sum, fate) => sum + (fateUsd(fate) ?? 0), 0);
}

/** Whether anything of a part may have been paid for that no answer accounts for. */
function isUnknown(part: Part): boolean {
  const { progress } = part;
  return (
    openSends(part) > 0 || (progress.state === 'created' && (progress.results?.outcomes.missing ?? 0) > 0)
  );
}

/** What the saved answers cost; null while some are out or missing, or where a model has no known price. */
function actualUsd(record: BatchRecord): number | null {
  let sum = 0;
  if (record.parts.some(isUnknown)) return null;
  for (const part of record.parts) {
    const { progress } = part;
    sum += knownSendsUsd(part);
    if (progress.state !== 'created' || progress.results === null) return null;
    const cost = actualOfPart(progress.results);
    if (cost === null) return null;
    sum += cost;
  }
  return roundUsd(sum);
}

/** The costs of a batch; null where nothing is known yet, as for one that another program made. */
export function costOf(record: BatchRecord): CostUsd | null {
  const actual = actualUsd(record);
  if (record.estimate === null) {
    return actual === null ? null : { expected: actual, maximum: actual, actual, basis: 'actual' };
  }
  const { expected, maximum, basis } = record.estimate;
  const retries = record.parts.filter(({ attempt, by_itself }) => attempt > 1 && !by_itself);
  return {
    expected: roundUsd(retries.reduce((sum, part) => sum + (part.expected_usd ?? 0), expected)),
    maximum: roundUsd(
      retries.reduce((sum, part) => sum + (part.maximum_usd ?? 0), maximum) +
        record.parts.reduce(
          (sum, part) =>
            sum + estimateOfParts(record, [part]).maximum * openSends(part) + knownSendsUsd(part),
          0,
        ),
    ),
    actual,
    basis: actual === null ? basis : 'actual',
  };
}

/** Warns where the full cost of a batch can't be known. */
export function unknownCosts(record: BatchRecord): string[] {
  const parts = record.parts.filter(isUnknown);
  if (parts.length === 0 || record.provider === 'sandbox') return [];
  const most = roundUsd(parts.reduce((sum, part) => sum + unknownUsd(record, part), 0));
  const told = record.parts.reduce(
    (sum, { progress }) =>
      sum + ((progress.state === 'created' && progress.results && actualOfPart(progress.results)) || 0),
    0,
  );
  const what = parts.some((part) => openSends(part) > 0)
    ? 'sent again without knowing what became of it'
    : 'without an answer';
  return [
    `What was ${what} may have been paid as well: up to ${formatUsd(most)} beside the ${formatUsd(told)} of the answers that are in. ` +
      'So the actual cost is not known, and the daily budget counts that maximum.',
    ...parts.flatMap(({ fates = [] }) => fates).flatMap(whyOpen),
  ];
}

/** Why a send's fate is not known, and whether that can change. */
function whyOpen({ candidates, fate, made_as, usd, gone = [] }: SendFate): string[] {
  if (made_as !== undefined && usd === null)
    return [
      `That send was made as ${made_as} and is paid; what it cost is not known, as its model has no known price.`,
    ];
  if (fate !== 'open') return [];
  if (candidates.length > 0)
    return [`It could have become ${fewOf(candidates)}: a look after these have ended will tell.`];
  if (gone.length === 0) return [];
  return [
    `It could have become ${fewOf(gone)}, whose results the API no longer has: only the API's console tells what was paid.`,
  ];
}

const NAMED = 4;

function fewOf(ids: readonly string[]): string {
  const others = ids.length > NAMED ? ` or one of ${ids.length - NAMED} others` : '';
  return ids.slice(0, NAMED).join(' or ') + others;
}

/** Says which parts were made twice, as a person had them sent again. */
export function paidTwice({ parts, provider }: BatchRecord): string[] {
  if (provider === 'sandbox') return [];
  return parts.flatMap(({ number, fates = [] }) =>
    fates.flatMap(({ made_as, usd }) =>
      made_as === undefined || usd == null
        ? []
        : [
            `Part ${number} was made twice: ${made_as}, which was sent before it was sent again, cost ${formatUsd(usd)}.`,
          ],
    ),
  );
}

/** The estimate of parts: their own figures, or their share of the first attempt's by requests. */
export function estimateOfParts(
  { estimate, request_count }: BatchRecord,
  parts: readonly Part[],
): { expected: number; maximum: number } {
  const share = (own: number | undefined, all: number | undefined, requests: number) =>
    own ?? ((all ?? 0) * requests) / request_count;
  const sum = { expected: 0, maximum: 0 };
  for (const part of parts) {
    sum.expected += share(part.expected_usd, estimate?.expected, part.request_count);
    sum.maximum += share(part.maximum_usd, estimate?.maximum, part.request_count);
  }
  return { expected: roundUsd(sum.expected), maximum: roundUsd(sum.maximum) };
}

/**
 * Throws `cost_limit` where the work could cost more than the limit; a call can lower the owner's limit, never raise
 * it.
 */
export function requireWithinLimit(cost: readonly CostLine[], ownersLimit: number, asked?: number): void {
  const { expected_usd, maximum_usd } = totalOf(cost);
  requireTotalWithinLimit({ expected: expected_usd, maximum: maximum_usd }, ownersLimit, asked);
}

/** As `requireWithinLimit`, for a total in US dollars. */
export function requireTotalWithinLimit(
  total: { expected: number; maximum: number },
  ownersLimit: number,
  asked?: number,
): void {
  const limit = Math.min(ownersLimit, asked ?? ownersLimit);
  if (total.maximum <= limit) return;
  const [maximum, most] = formatApart(total.maximum, limit);
  throw new BatchError(
    'cost_limit',
    `Nothing was sent: the work could cost up to ${maximum} (about ` +
      `${formatUsd(total.expected)} expected), above the limit of ${most} for one submission. ` +
      'Make it smaller: a cheaper model_tier, a lower max_tokens, or fewer tasks (max_tasks). ' +
      (limit < ownersLimit
        ? 'The limit is the max_cost_usd of this call.'
        : "The limit is the owner's; ask the person whether the work is worth more to them."),
  );
}
