import { formatUsd } from './cost.ts';

/** How tasks share requests, and what they would cost by themselves, in dollars at batch price. */
export type Packing = {
  tasks: number;
  requests: number;
  asked: number | 'auto';
  chosen: number;
  expected_usd: number;
  alone_usd: number;
};

/** What sharing requests saves, what would be chosen for it, and its risk. */
export function packingAdvice(packing: Packing): string[] {
  const { tasks, requests, asked, chosen, expected_usd, alone_usd } = packing;
  const choice = chosen === 1 ? 'none, for sharing saves less than 5 % here' : `${chosen} rows in a request`;
  if (requests === tasks) {
    return [`pack: each task has a request of its own. "auto" takes ${choice}.`];
  }
  const auto = asked === 'auto' ? `"auto" has taken ${chosen}` : `"auto" would take ${choice}`;
  return [
    `pack: ${tasks} tasks share ${requests} requests, about ${formatUsd(expected_usd)} against ${formatUsd(alone_usd)} in requests of their own; ${auto}. ` +
      'A row can be left out of the answer to its pack, and one can spoil it for the others: such rows fail by themselves, and retries or ' +
      'retry_batch send them again in smaller packs.',
  ];
}
