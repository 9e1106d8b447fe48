import { comparedText, isSame } from '../../lib/cell-text.ts';
import type { JsonObject } from '../../lib/json.ts';
import { ownValue } from '../../lib/names.ts';
import type { Expectations } from '../../tasks/examine/expected-values.ts';
import type { Answer } from '../answer.ts';
import { keysOf } from '../formats/flat-answer.ts';

type Compared = { key: string; expected: string; said: string; isRight: boolean };

/** Compares each key of a finished answer with its row's column; an empty column says nothing about its key. */
export function compare(expect: Expectations, answer: Answer, row: JsonObject | null): Compared[] {
  if (answer.outcome !== 'succeeded' || row === null) return [];
  const said = keysOf(answer);
  return Object.entries(expect).flatMap(([key, column]) => {
    const right = ownValue(row, column);
    const given = ownValue(said, key);
    const expected = comparedText(right);
    if (expected === '') return [];
    return [{ key, expected, said: comparedText(given), isRight: isSame(right, given) }];
  });
}

/** Whether an answer matches its row in all keys; undefined if there is nothing to compare. */
export function isExpected(
  expect: Expectations,
  answer: Answer,
  row: JsonObject | null,
): boolean | undefined {
  const compared = compare(expect, answer, row);
  return compared.length === 0 ? undefined : compared.every(({ isRight }) => isRight);
}
