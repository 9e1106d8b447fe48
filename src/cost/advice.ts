import { tiers } from '../provider/models.ts';
import type { Context } from '../state/context.ts';
import { cachingAdvice } from './caching.ts';
import { totalOf } from './cost-line.ts';
import type { Costs } from './cost-sheet.ts';
import type { InputRates } from './input-rate.ts';
import { sharedDocumentAdvice } from './shared-document.ts';
import { effortAdvice } from './thinking.ts';

/** A batch takes from minutes to a day: for one request that is seldom worth half a cent. */
export function suitability(requests: number): string[] {
  if (requests > 1) return [];
  return [
    'The discount on a single request is very little: if somebody waits for the answer, ask the model directly.',
  ];
}

/** What is worth knowing before this work is sent. Nothing in it grows with the size of the batch: the discount is flat. */
export function adviceFor(
  context: Context,
  { lines, prefixes, unmarked_sharers, tally, knownOutput }: Costs,
  rates: InputRates,
  requests: number,
): string[] {
  const used = new Set(lines.map(({ model }) => model));
  const dear = lines.every(({ model }) => model !== context.catalog.tiers.cheap) && requests >= PILOT_WORTH;
  return [
    ...suitability(requests),
    ...(dear && tiers.some((tier) => used.has(context.catalog.tiers[tier]))
      ? [
          'Not sure that this tier is needed? compare says what the others cost; a pilot of a few tasks (max_tasks) on the cheap one shows whether its answers are good enough.',
        ]
      : []),
    ...effortAdvice(tally.thinking(knownOutput), totalOf(tally.lines(rates, knownOutput)).expected_usd),
    ...cachingAdvice(prefixes, rates),
    ...sharedDocumentAdvice(unmarked_sharers),
  ];
}

/** Below so many requests a pilot is about as long as the work itself. */
const PILOT_WORTH = 50;
