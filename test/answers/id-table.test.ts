import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createIdTable } from '../../src/answers/id-table.ts';

/** Ids of which many are alike, so that they meet in the table. */
const ids = fc.array(fc.oneof(fc.string({ maxLength: 3 }), fc.string({ unit: 'binary', maxLength: 80 })), {
  maxLength: 200,
});

it('finds what a Map finds', () => {
  fc.assert(
    fc.property(ids, ids, (added, others) => {
      const table = createIdTable(added.length);
      const map = new Map<string, number>();
      for (const [position, id] of added.entries()) {
        table.add(id);
        map.set(id, position);
      }
      for (const id of [...added, ...others, '']) expect(table.position(id)).toBe(map.get(id));
    }),
  );
});

it('holds a hundred thousand ids that count up', () => {
  const table = createIdTable(100_000);
  const id = (position: number) => `row_${position}`;
  for (let position = 0; position < 100_000; position += 1) table.add(id(position));
  for (const position of [0, 1, 9, 10, 65_535, 65_536, 99_999])
    expect(table.position(id(position))).toBe(position);
  expect(table.position('row_100000')).toBeUndefined();
});
