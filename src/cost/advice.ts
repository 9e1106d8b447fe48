import { count, counted } from '../lib/numbers.ts';
import { tiers } from '../provider/models.ts';
import type { Context } from '../state/context.ts';
import { cachingAdvice, sharedDocumentAdvice } from './caching.ts';
import { formatUsd } from './cost.ts';
import { totalOf } from './cost-line.ts';
import type { Costs } from './cost-sheet.ts';
import type { InputRates } from './input-rate.ts';
import { effortAdvice } from './thinking.ts';

/** A batch takes from minutes to a day: for one request that is seldom worth half a cent. */
export function suitability(requests: number): string[] {
  if (requests > 1) return [];
  return [
    'The discount on a single request is very small: if somebody waits for the answer, ask the model directly.',
  ];
}

/** Advice before work is sent. None of it depends on the size of the batch, as the discount is flat. */
export function adviceFor(
  context: Pick<Context, 'catalog'>,
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

/** With fewer requests a pilot would be about as long as the work itself. */
const PILOT_WORTH = 50;

/** How tasks share requests, and what they would cost separately, in dollars at batch price. */
export type Packing = {
  tasks: number;
  requests: number;
  asked: number | 'auto';
  chosen: number;
  expected_usd: number;
  alone_usd: number;
};

/** Says what sharing requests saves, which number would be chosen, and its risk. */
export function packingAdvice(packing: Packing): string[] {
  const { tasks, requests, asked, chosen, expected_usd, alone_usd } = packing;
  const choice = chosen === 1 ? 'none, as sharing saves less than 5 % here' : `${chosen} rows in a request`;
  if (requests === tasks) {
    return [`pack: each task has a request of its own. "auto" takes ${choice}.`];
  }
  const auto = asked === 'auto' ? `"auto" has taken ${chosen}` : `"auto" would take ${choice}`;
  return [
    `pack: ${count(tasks)} tasks share ${counted(requests, 'request')}, about ${formatUsd(expected_usd)} against ${formatUsd(alone_usd)} in requests of their own; ${auto}. ` +
      'A row can be left out of the answer to its pack, and one can spoil it for the others: such rows fail by themselves, and retries or ' +
      'retry_batch send them again in smaller packs.',
  ];
}
