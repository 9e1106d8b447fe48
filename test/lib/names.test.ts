import { describe, expect, it } from 'vitest';
import { createIdFinder, hasName, ownValue, plainName } from '../../src/lib/names.ts';

const COMPOSED = 'caf\u00e9';
const IN_PARTS = 'cafe\u0301';

it.each([
  ['letters in parts', IN_PARTS, COMPOSED],
  ['blanks around it', ' a b ', 'a b'],
  ['fixed blanks', 'a\u00a0b\u202f', 'a b'],
  ['what cannot be seen', '\ufeffa\u200b', 'a'],
  ['other letters', 'Straße', 'Straße'],
])('a name is read as people type it: %s', (_what, given, plain) => {
  expect(plainName(given)).toBe(plain);
});

it.each<[what: string, key: string, name: string, isFound: boolean]>([
  ['alike', 'a', 'a', true],
  ['in parts and composed', IN_PARTS, COMPOSED, true],
  ['composed and in parts', COMPOSED, IN_PARTS, true],
  ['with a fixed blank', 'a b', 'a\u00a0b', true],
  ['with one in the key', 'a\u00a0b', 'a b', true],
  ['in capitals', 'A', 'a', false],
  ['without the accent', COMPOSED, 'cafe', false],
  ['what every object has', 'a', 'toString', false],
])('a key is found by its name: %s', (_what, key, name, isFound) => {
  expect(ownValue({ other: 1, [key]: 2 }, name)).toBe(isFound ? 2 : undefined);
  expect(hasName(['other', key], name)).toBe(isFound);
});

it('a name that is written alike comes first', () => {
  expect(ownValue({ [COMPOSED]: 1, [IN_PARTS]: 2 }, IN_PARTS)).toBe(2);
});

describe('tasks are found by their ids', () => {
  it.each<[what: string, ids: string[], tasks: string[], found: [number, string][], left: string[]]>([
    ['alike', ['a', 'z'], ['a', 'b'], [[0, 'a']], ['z']],
    ['in parts', [IN_PARTS], ['x', COMPOSED], [[1, IN_PARTS]], []],
    ['composed', [COMPOSED], [IN_PARTS], [[0, COMPOSED]], []],
    ['the one that is alike before another', [IN_PARTS], [COMPOSED, IN_PARTS], [[1, IN_PARTS]], []],
    [
      'each of the two',
      [IN_PARTS, COMPOSED],
      [COMPOSED, IN_PARTS],
      [
        [0, COMPOSED],
        [1, IN_PARTS],
      ],
      [],
    ],
    ['with blanks that count', ['a\u00a0b'], ['a b'], [], ['a\u00a0b']],
  ])('%s', (_what, ids, tasks, found, left) => {
    const finder = createIdFinder(new Map(ids.map((id) => [id, id])));
    for (const [ordinal, task] of tasks.entries()) finder.compare(task, ordinal);
    const finished = finder.finish();
    expect([...finished.found]).toEqual(found);
    expect([...finished.left.keys()]).toEqual(left);
  });
});
