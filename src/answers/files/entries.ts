import { ExactNumber } from '../../lib/exact-json.ts';
import { isJsonObject } from '../../lib/json.ts';
import type { AnsweredRow } from '../view.ts';
import { keyed } from './answer-text.ts';

/** One line of a file for a key: an answer in which that key alone is left. */
function alone(answered: AnsweredRow, key: string, value: unknown, asText: boolean): AnsweredRow {
  const { text: _text, json: _json, tool_calls: _calls, ...answer } = answered.answer;
  const row = answered.row ?? {};
  if (value === undefined) return { answer, row };
  if (asText && typeof value === 'string') return { answer: { ...answer, text: value }, row };
  const isObject = isJsonObject(value) && !(value instanceof ExactNumber);
  return { answer: { ...answer, json: isObject ? value : { [key]: value } }, row };
}

/**
 * What stands under a key of each answer, beside its row: where that is a list, a line for each of its entries, and where
 * it is an object, or they are, its keys. An answer without it, and an empty list, is one line all the same, for no task is
 * dropped. `asText` leaves texts what they are, for people to read.
 */
export async function* entriesOf(
  answers: AsyncIterable<AnsweredRow>,
  key: string,
  asText: boolean,
): AsyncGenerator<AnsweredRow> {
  for await (const answered of answers) {
    const value = answered.answer.outcome === 'succeeded' ? keyed(answered.answer.json, key) : undefined;
    const entries =
      Array.isArray(value) && value.length > 0 ? value : [Array.isArray(value) ? undefined : value];
    for (const entry of entries) yield alone(answered, key, entry, asText);
  }
}
