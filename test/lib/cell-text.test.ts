import { describe, expect, it } from 'vitest';
import { isSame } from '../../src/lib/cell-text.ts';
import { exactNumber } from '../../src/lib/exact-json.ts';

const number = exactNumber;

describe('two values', () => {
  it.each<[right: unknown, given: unknown, isSame: boolean]>([
    [100, number('1.0e+2'), true],
    ['1E5', 100_000, true],
    [number('5.0'), '5', true],
    [0, number('-0'), true],
    [0, number('-0.0'), true],
    [number('0.1000'), 0.1, true],
    ['.5', 0.5, true],
    ['+7', 7, true],
    ['007', 7, true],
    [-1.5, number('-1.50'), true],
    [number('12345678901234567890.0'), '12345678901234567890', true],
    [number('123456789012345678901234567890'), '1.23456789012345678901234567890e29', true],
    [number('12345678901234567890'), '12345678901234567891', false],
    [number('1e400'), number('10e399'), true],
    [number('1e400'), number('1e401'), false],
    [number('1e-400'), 0, false],
    [1, -1, false],
    ['1', '1.1', false],
    ['1e', '1', false],
    ['.', '0', false],
    ['', '0', false],
    ['12a', '12', false],
    ['True', true, true],
    ['no', false, false],
    ['cafe\u0301', 'caf\u00e9', true],
    [' card ', 'card', true],
    [null, '', true],
  ])('%s and %s: %s', (right, given, same) => {
    expect(isSame(right, given)).toBe(same);
    expect(isSame(given, right)).toBe(same);
  });
});
