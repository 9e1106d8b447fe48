import { quoteName } from '../../lib/nearest.ts';
import { counted } from '../../lib/numbers.ts';
import type { Merge } from '../work.ts';

/** What is in no task is said of the batch too, not only of its estimate. */
export function leftOut(without: number, merge: Merge): string[] {
  if (without === 0) return [];
  return [
    `${counted(without, 'item')} ${without === 1 ? 'has' : 'have'} no value in ${quoteName(String(merge))}, and ${without === 1 ? 'is' : 'are'} in no task.`,
  ];
}

/** Values that a reader takes for one are told, for they are put together by what is written. */
export function alikeWarning(values: Iterable<string>, column: string): string[] {
  const first = new Map<string, string>();
  let pair: [string, string] | null = null;
  let count = 0;
  for (const value of values) {
    const plain = value.trim().normalize().toLowerCase();
    const earlier = first.get(plain);
    if (earlier === undefined) first.set(plain, value);
    else {
      count += 1;
      pair ??= [earlier, value];
    }
  }
  if (pair === null) return [];
  const [one, other] = pair.map(quoteName);
  return [
    `${counted(count, 'value')} of ${quoteName(column)} ${count === 1 ? 'differs' : 'differ'} from another in case, blanks around it or the form of letters alone, as ${other} from ${one}: each is a task of its own.`,
  ];
}
