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

const NUMBER = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,6}))?$/;

/** What a number is worth, however it is written and however long it is: its digits, and where its point stands. Null for any other text. */
function worthOf(text: string): string | null {
  const [, sign = '', whole = '', fraction = '', power = '0'] = NUMBER.exec(text) ?? [];
  const digits = `${whole}${fraction}`;
  if (digits === '') return null;
  const from = digits.search(/[1-9]/);
  if (from === -1) return '0';
  return `${sign === '-' ? '-' : ''}${digits.slice(from).replace(/0+$/, '')}e${whole.length - from + Number(power)}`;
}

/** Texts as they are written, numbers by what they are worth, `true` in any case. */
export function isSame(right: unknown, given: unknown): boolean {
  const [a, b] = [textOf(right), textOf(given)];
  if (a === b) return true;
  if (typeof right === 'boolean' || typeof given === 'boolean') return a.toLowerCase() === b.toLowerCase();
  const worth = worthOf(a);
  return worth !== null && worth === worthOf(b);
}
