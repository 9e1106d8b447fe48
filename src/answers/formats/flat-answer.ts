import { stringifyExact } from '../../lib/exact-json.ts';
import { isJsonObject, type JsonObject } from '../../lib/json.ts';
import type { Answer, AnsweredItem, AnsweredRow } from '../answer.ts';

/** What an answer itself says, by key: the top level of an object, or all of it as `answer`. */
export function keysOf({ json, text, tool_calls }: Answer): JsonObject {
  if (isJsonObject(json)) return tool_calls ? { ...json, tool_calls } : json;
  const answer = json ?? text;
  if (tool_calls === undefined) return answer === undefined ? {} : { answer };
  // What the answer says beside its calls is little: they are what was asked for.
  return answer === undefined || answer === '' ? { answer: tool_calls } : { answer, tool_calls };
}

/** The columns of a row, unchanged, and the keys of its answer; one that the row has too is called `answer.key`. */
function besideRow(row: JsonObject, keys: JsonObject): JsonObject {
  const named = Object.entries(keys).map(([key, value]) => [answerName(key, row), value]);
  return { ...row, ...Object.fromEntries(named) };
}

export function answerName(key: string, row: object): string {
  return Object.hasOwn(row, key) ? `answer.${key}` : key;
}

/** One of our own names, where neither the row nor the answer has it. */
export function ownName(name: string, taken: object): string {
  return Object.hasOwn(taken, name) ? `batch.${name}` : name;
}

/** An answer beside its row as one flat object, with what is known of it under names of ours. */
export function flatRow({ row, answer }: AnsweredRow, own: JsonObject): JsonObject {
  const told = besideRow(row ?? {}, keysOf(answer));
  const named = Object.entries(own).map(([name, value]) => [ownName(name, told), value]);
  return { ...told, ...Object.fromEntries(named) };
}

/**
 * The answers to one row as one flat object: its columns, then what each variant's answer says and is known of it, as
 * `A.label` and `A.outcome`.
 */
export function flatItem(
  { task_id, row, answers }: AnsweredItem,
  factsOf: (answer: Answer) => JsonObject,
): JsonObject {
  const columns = row ?? {};
  const groups = [...answers].flatMap(([variant, answer]) => {
    const { task_id: _own, ...facts } = factsOf(answer);
    const all = Object.entries(flatRow({ row: null, answer }, facts));
    return all.map(([name, value]) => [answerName(`${variant}.${name}`, columns), value]);
  });
  return { ...columns, [ownName('task_id', columns)]: task_id, ...Object.fromEntries(groups) };
}

/** A value as the text of a cell: a text or number as it stands, all else as JSON, null as nothing. */
export function cellText(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : stringifyExact(value);
}
