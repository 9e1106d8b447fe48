import fc from 'fast-check';
import { expect, it } from 'vitest';
import { spanRuns } from '../../../src/store/files/read-file.ts';

const spans = (offsets: fc.Arbitrary<number>) =>
  fc.array(fc.record({ offset: offsets, length: fc.nat(2_000) }), { maxLength: 40 });

it('every span lies in one run, whatever their order, overlaps and gaps', () => {
  fc.assert(
    fc.property(fc.oneof(spans(fc.nat(20_000)), spans(fc.nat(5_000_000))), (given) => {
      const runs = spanRuns(given);
      const placed = runs.flatMap(({ members }) => members.map(({ index }) => index));
      expect(placed.toSorted((a, b) => a - b)).toEqual(given.map((_, index) => index));
      for (const { offset, length, members } of runs) {
        for (const { index, span } of members) {
          expect(span).toBe(given[index]);
          expect(span.offset).toBeGreaterThanOrEqual(offset);
          expect(span.offset + span.length).toBeLessThanOrEqual(offset + length);
        }
      }
    }),
  );
});

it('lines that follow each other are one read, those far apart one each', () => {
  const lines = Array.from({ length: 100 }, (_, index) => ({ offset: index * 500, length: 499 }));
  expect(spanRuns(lines).map(({ offset, length }) => ({ offset, length }))).toEqual([
    { offset: 0, length: 99 * 500 + 499 },
  ]);
  expect(spanRuns([9, 5, 0].map((megabyte) => ({ offset: megabyte * 1e6, length: 10 })))).toHaveLength(3);
});
