import { expect, it } from 'vitest';
import { canonicalJson } from '../../../src/batches/work/canonical-json.ts';

const rows: [what: string, value: unknown, text: string][] = [
  ['keys in order', { b: 1, a: 2 }, '{"a":2,"b":1}'],
  ['at every depth', [{ z: { b: 1, a: [{ d: 1, c: 2 }] } }], '[{"z":{"a":[{"c":2,"d":1}],"b":1}}]'],
  ['lists as they are', [3, 1, 2], '[3,1,2]'],
  ['numbers as keys', { 9: 'b', 10: 'a' }, '{"10":"a","9":"b"}'],
  ['undefined left out', { a: undefined, b: null }, '{"b":null}'],
  ['undefined in a list', [undefined], '[null]'],
  ['text', 'a"\n', '"a\\"\\n"'],
  ['nothing', null, 'null'],
];

it.each(rows)('%s', (_, value, text) => {
  expect(canonicalJson(value)).toBe(text);
});

it('tells different values apart', () => {
  const values = [{ a: 1 }, { a: '1' }, [1], { a: [1] }, { b: 1 }, {}, [], null, 'null'];
  expect(new Set(values.map(canonicalJson)).size).toBe(values.length);
});
