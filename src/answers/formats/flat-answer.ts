import { isJsonObject, type JsonObject } from '../../lib/json.ts';
import type { Answer, AnsweredItem, AnsweredRow } from '../answer.ts';

/** What an answer itself says, by key: the top level of an object, or all of it as `answer`. */
export function keysOf({ json, text, tool_calls }: Answer): JsonObject {
  if (isJsonObject(json)) return tool_calls ? { ...json, tool_calls } : json;
  const answer = json ?? text;
  if (tool_calls === undefined) return answer === undefined ? {} : { answer };
  // Tool calls are what was asked for, and text beside them says little.
  return answer === undefined || answer === '' ? { answer: tool_calls } : { answer, tool_calls };
}

/** The owner that goes in front of a name which is taken already. */
type Owner = 'answer' | 'batch';

/** A name that is not taken yet: its owner is put in front, as in `answer.label`, as often as necessary. */
export function freeName(given: string, owner: Owner, taken: ReadonlySet<string>): string {
  let name = given;
  while (taken.has(name)) name = `${owner}.${name}`;
  return name;
}

/** Finds such names for several, each of which is taken from then on. */
export function freeNames(names: readonly string[], owner: Owner, taken: Set<string>): string[] {
  return names.map((given) => {
    const name = freeName(given, owner, taken);
    taken.add(name);
    return name;
  });
}

function named(values: JsonObject, owner: Owner, taken: Set<string>): JsonObject {
  const names = freeNames(Object.keys(values), owner, taken);
  return Object.fromEntries(Object.values(values).map((value, index) => [names[index], value]));
}

/** An answer and its row as one flat object: the row's columns unchanged, the answer's keys, and the facts about it under our names. */
export function flatRow({ row, answer }: AnsweredRow, own: JsonObject): JsonObject {
  const columns = row ?? {};
  const taken = new Set(Object.keys(columns));
  return { ...columns, ...named(keysOf(answer), 'answer', taken), ...named(own, 'batch', taken) };
}

/**
 * The answers to one row as one flat object: its columns, then the keys of each variant's answer and the facts about it,
 * as `A.label` and `A.outcome`.
 */
export function flatItem(
  { task_id, row, answers }: AnsweredItem,
  factsOf: (answer: Answer) => JsonObject,
): JsonObject {
  const columns = row ?? {};
  const taken = new Set(Object.keys(columns));
  const own = named({ task_id }, 'batch', taken);
  const groups = [...answers].map(([variant, answer]) => {
    const { task_id: _own, ...facts } = factsOf(answer);
    const all = Object.entries(flatRow({ row: null, answer }, facts));
    const group = Object.fromEntries(all.map(([name, value]) => [`${variant}.${name}`, value]));
    return named(group, 'answer', taken);
  });
  return Object.assign({ ...columns, ...own }, ...groups);
}
