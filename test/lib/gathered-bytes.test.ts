import fc from 'fast-check';
import { expect, it } from 'vitest';
import { gatherBytes } from '../../src/lib/gathered-bytes.ts';

it('gathers what it is given, whatever room was expected', () => {
  const piece = fc.oneof(fc.string({ unit: 'grapheme' }), fc.uint8Array({ maxLength: 50 }));
  fc.assert(
    fc.property(fc.array(piece), fc.nat(40), (pieces, expected) => {
      const gathered = gatherBytes(expected);
      for (const each of pieces) expect(gathered.add(each)).toBe(Buffer.from(each).length);
      expect(gathered.length).toBe(gathered.bytes().length);
      expect(Buffer.from(gathered.bytes())).toEqual(Buffer.concat(pieces.map((each) => Buffer.from(each))));
    }),
  );
});

it('begins anew', () => {
  const gathered = gatherBytes(4);
  gathered.add('something longer');
  gathered.clear();
  gathered.add('new');
  expect(Buffer.from(gathered.bytes()).toString()).toBe('new');
});
