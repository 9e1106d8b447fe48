import { comparedText, isSame } from '../../lib/cell-text.ts';
import { isJsonObject } from '../../lib/json.ts';
import { ownName } from '../../lib/names.ts';
import type { AnsweredRow } from '../answer.ts';

/** The facts about every answer under our names; `variant` only for those that have one. */
const facts: Record<string, (answered: AnsweredRow) => unknown> = {
  task_id: ({ answer }) => answer.task_id,
  variant: ({ variant }) => variant,
  outcome: ({ answer }) => answer.outcome,
  expected: ({ answer }) => answer.expected,
  text: ({ answer }) => answer.text,
  json: ({ answer }) => answer.json,
  stop_reason: ({ answer }) => answer.stop_reason,
  error_type: ({ answer }) => answer.error?.type,
  model: ({ answer }) => answer.details?.model,
  attempt: ({ answer }) => answer.details?.attempt,
};

/**
 * The value of a name for an answer: `json.label` is a key of the answer, `row.city` a column of its row, `outcome` and the
 * like are facts about it; `json` and `row` alone mean the whole. Any other name is looked up among the facts, then in the
 * answer, then in its row. Undefined if there is no such value.
 */
export function namedValue(answered: AnsweredRow, name: string): unknown {
  const { answer, row } = answered;
  if (name.startsWith('json.')) return within(answer.json, name.slice('json.'.length));
  if (name.startsWith('row.')) return within(row, name.slice('row.'.length));
  const isVariant = name === 'variant' && answered.variant === undefined;
  const fact = Object.hasOwn(facts, name) && !isVariant ? facts[name] : undefined;
  if (fact !== undefined) return fact(answered);
  return [answer.json, row, { json: answer.json, row }]
    .map((each) => within(each, name))
    .find((value) => value !== undefined);
}

/** Follows a key, or a dotted path of keys and list positions. */
function within(value: unknown, path: string): unknown {
  if (Array.isArray(value)) return within(Object.fromEntries(Object.entries(value)), path);
  if (!isJsonObject(value)) return undefined;
  const own = ownName(value, path);
  if (own !== undefined) return value[own];
  for (let dot = path.indexOf('.'); dot !== -1; dot = path.indexOf('.', dot + 1)) {
    const key = ownName(value, path.slice(0, dot));
    if (key !== undefined) return within(value[key], path.slice(dot + 1));
  }
  return undefined;
}

/**
 * Whether a value is the wanted one, or one of a list of them; null means that there must be none. Of two texts each
 * character counts: ids, postal codes and versions that a number could be read from are different ones.
 */
export function isWanted(value: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) return wanted.some((each) => isWanted(value, each));
  if (wanted === null) return value === undefined || value === null;
  if (typeof wanted === 'string' && typeof value === 'string')
    return comparedText(wanted) === comparedText(value);
  return value !== undefined && value !== null && isSame(wanted, value);
}
