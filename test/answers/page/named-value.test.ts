import { expect, it } from 'vitest';
import { isWanted } from '../../../src/answers/page/named-value.ts';
import { parseExact } from '../../../src/lib/exact-json.ts';

it.each<[value: unknown, wanted: unknown, isIt: boolean]>([
  ['01067', '01067', true],
  ['1067', '01067', false],
  ['01067', '1067', false],
  ['1.10', '1.1', false],
  ['120000', '12e4', false],
  [' a ', 'a', true],
  ['caf\u00e9', 'cafe\u0301', true],
  ['TRUE', 'true', false],
  // A number is what it is worth, whichever of the two it is.
  ['1.10', 1.1, true],
  ['007', 7, true],
  [7, '7.0', true],
  [parseExact('1.0').value, '1', true],
  [parseExact('12345678901234567890').value, '12345678901234567890', true],
  [parseExact('12345678901234567890').value, '12345678901234567891', false],
  [true, 'TRUE', true],
  ['2', [1, '2'], true],
  ['02', [1, '2'], false],
  [null, null, true],
  ['', null, false],
])('where: %j is wanted as %j: %s', (value, wanted, isIt) => {
  expect(isWanted(value, wanted)).toBe(isIt);
});
