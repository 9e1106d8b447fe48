import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { expect } from 'vitest';
import { readOptions } from '../../../../src/tasks/sources/tables/find-delimiter.ts';
import { readRecords } from '../../../../src/tasks/sources/tables/record-blocks.ts';
import { tried } from '../../../long.ts';

const characters = ['a', 'é', '"', ',', ' ', '\r', '5" pipe', ';'];
const plain = fc
  .string({ unit: fc.constantFrom(...characters), maxLength: 8 })
  // A quote at its beginning would open it, the delimiter and a return at its end would end it.
  .filter((text) => !/^"|,|\r$/.test(text));
const quoted = fc
  .string({ unit: fc.constantFrom(...characters, '\n', '\r\n'), maxLength: 8 })
  .map((text) => `"${text.replaceAll('"', '""')}"`);
const record = fc
  .array(fc.oneof(plain, quoted), { minLength: 1, maxLength: 4 })
  .map((fields) => fields.join(','));
const ended = fc
  .tuple(fc.oneof(record, fc.constant('')), fc.constantFrom('\n', '\r\n'))
  .map((pair) => pair.join(''));

tried('reads the fields of whole records as csv-parse does', 2_000, async (numRuns) => {
  fc.assert(
    fc.property(fc.array(ended), fc.oneof(record, fc.constant('')), (lines, last) => {
      const text = `${lines.join('')}${last}`;
      expect(readRecords(text, ',')).toEqual(parse(text, readOptions(',')));
    }),
    { numRuns },
  );
});
