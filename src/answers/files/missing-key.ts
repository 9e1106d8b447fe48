import { isJsonObject } from '../../lib/json.ts';
import type { Context } from '../../state/context.ts';
import type { BatchRecord } from '../../store/record.ts';
import type { Filters } from '../page/select.ts';
import { allRows } from '../view/passes.ts';
import { openView } from '../view/view.ts';
import { keyed } from './answer-text.ts';
import { meantIn } from './render-output.ts';

/** So many are told: a caller who mistyped one finds it among them. */
const MOST_KEYS = 20;

/**
 * Which keys the finished answers have, where none of them has the one that files are to hold; empty where they are texts.
 * Undefined where one has it, and where there is none to tell.
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
