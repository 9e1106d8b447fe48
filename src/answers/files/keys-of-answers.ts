import { isJsonObject } from '../../lib/json.ts';
import type { Context } from '../../state/context.ts';
import type { BatchRecord } from '../../store/record.ts';
import type { Filters } from '../page/select.ts';
import { allRows } from '../view/passes.ts';
import { openView } from '../view/view.ts';
import { keyed } from './answer-text.ts';
import { meantIn } from './render-output.ts';

/** How many keys are named: a caller who mistyped one finds it among them. */
const MOST_KEYS = 20;

/**
 * The keys of the finished answers, if none of them has the key that the files should hold; empty if they are texts. Undefined
 * if an answer has the key, or if there are no finished answers.
 */
export async function keysInstead(
  context: Context,
  record: BatchRecord,
  { key, filters = {} }: { key?: string | undefined; filters?: Filters | undefined },
): Promise<string[] | undefined> {
  if (key === undefined) return undefined;
  const view = await openView(context, record);
  const keys = new Set<string>();
  let isTold = false;
  for await (const group of allRows(view, await meantIn(view, filters))) {
    for (const { answer } of group) {
      if (answer.outcome !== 'succeeded') continue;
      if (keyed(answer.json, key) !== undefined) return undefined;
      isTold = true;
      if (isJsonObject(answer.json)) for (const name of Object.keys(answer.json)) keys.add(name);
    }
  }
  return isTold ? [...keys].slice(0, MOST_KEYS) : undefined;
}
