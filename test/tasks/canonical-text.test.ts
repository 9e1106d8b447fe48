import fc from 'fast-check';
import { expect, it } from 'vitest';
import { canonicalText } from '../../src/tasks/identity.ts';

const rows: [what: string, value: unknown, text: string][] = [
  ['keys in order', { b: 1, a: 2 }, '{1:a2;1:b1;}'],
  ['at every depth', [{ z: { b: 1, a: [{ d: 1, c: 2 }] } }], '[{1:z{1:a[{1:c2;1:d1;}]1:b1;}}]'],
  ['lists as they are', [3, 1, 2], '[3;1;2;]'],
  ['numbers as keys', { 9: 'b', 10: 'a' }, '{2:101:a1:91:b}'],
  ['undefined left out', { a: undefined, b: null }, '{1:bnull;}'],
  ['undefined in a list', [undefined], '[null;]'],
  ['text as it is', 'a"\n', '3:a"\n'],
  ['half a surrogate pair escaped', '\ud800', '"\\ud800"'],
  ['nothing', null, 'null;'],
];

it.each(rows)('%s', (_, value, text) => {
  expect(canonicalText(value)).toBe(text);
});

it('tells different values apart', () => {
  const values = [
    { a: 1 },
    { a: '1' },
    [1],
    { a: [1] },
    { b: 1 },
    {},
    [],
    null,
    'null',
    'null;',
    ['1:a'],
    ['1', ':a'],
    '\ud800',
    '\ud801',
    '"\\ud800"',
  ];
  expect(new Set(values.map(canonicalText)).size).toBe(values.length);
});

function reversed(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(reversed);
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, each]) => [key, reversed(each)])
      .toReversed(),
  );
}

it('is the same for equal values, and only for them', () => {
  const json = fc.jsonValue();
  fc.assert(
    fc.property(json, json, (a, b) => {
      expect(canonicalText(reversed(a))).toBe(canonicalText(a));
      const same = JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
      expect(canonicalText(a) === canonicalText(b)).toBe(same);
    }),
  );
});

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  const entries = Object.entries(value).map(([key, each]) => ({ key, value: sorted(each) }));
  return { object: entries.toSorted((a, b) => (a.key < b.key ? -1 : 1)) };
}
