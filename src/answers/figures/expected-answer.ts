import type { JsonObject } from '../../lib/json.ts';
import type { Answer } from '../answer.ts';
import { cellText, keysOf } from '../formats/flat-answer.ts';

/** What answers are compared with: a key of the answer, and the column of its row that holds what is right. */
export type Expectations = Readonly<Record<string, string>>;

type Compared = { key: string; expected: string; said: string; isRight: boolean };

/** Each key of a finished answer beside its row's column; a row whose column is empty says nothing of that key. */
export function compare(expect: Expectations, answer: Answer, row: JsonObject | null): Compared[] {
  if (answer.outcome !== 'succeeded' || row === null) return [];
  const said = keysOf(answer);
  return Object.entries(expect).flatMap(([key, column]) => {
    const right = Object.hasOwn(row, column) ? row[column] : undefined;
    const given = Object.hasOwn(said, key) ? said[key] : undefined;
    const expected = textOf(right);
    if (expected === '') return [];
    return [{ key, expected, said: textOf(given), isRight: isSame(right, given) }];
  });
}

/** Whether an answer is as its row has it, in all keys; undefined where nothing says so. */
export function isExpected(
  expect: Expectations,
  answer: Answer,
  row: JsonObject | null,
): boolean | undefined {
  const compared = compare(expect, answer, row);
  return compared.length === 0 ? undefined : compared.every(({ isRight }) => isRight);
}

const textOf = (value: unknown) => cellText(value).trim().normalize();

const PLAIN_NUMBER = /^-?\d{1,15}(\.\d{1,15})?$/;

/** Texts as they are written, numbers by what they are worth, `true` in any case. */
export function isSame(right: unknown, given: unknown): boolean {
  const [a, b] = [textOf(right), textOf(given)];
  if (a === b) return true;
  if (typeof right === 'boolean' || typeof given === 'boolean') return a.toLowerCase() === b.toLowerCase();
  return PLAIN_NUMBER.test(a) && PLAIN_NUMBER.test(b) && Number(a) === Number(b);
}
