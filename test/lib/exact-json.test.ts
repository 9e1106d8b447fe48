import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExactNumber, parseExact, stringifyExact } from '../../src/lib/exact-json.ts';

describe('exact JSON', () => {
  it.each([
    '{"id":1234567890123456789,"price":100.10,"qty":5.0}',
    '[1e400,-0,1E5,0.1,12,-7.25,1e-7]',
    '12345678901234567890',
    '{"a":{"b":[{"c":0.10}]},"text":"100.10 and \\"5.0\\" and \\\\"}',
    '{"":"","\\"":1.0,"__proto__":2.50}',
    '[]',
    '"3.00"',
    'null',
  ])('gives %s back as it was', (text) => {
    expect(stringifyExact(parseExact(text).value)).toBe(text);
  });

  it('keeps as a plain number what a number can hold', () => {
    expect(parseExact('[1,-2,0.5,1e21,9007199254740991]').value).toEqual([
      1,
      -2,
      0.5,
      new ExactNumber('1e21'),
      9007199254740991,
    ]);
  });

  it('is as JSON.parse for whatever JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const written = JSON.stringify(JSON.parse(text));
        const read = parseExact(written);
        expect(stringifyExact(read.value)).toBe(written);
        expect(read.repeatsKey).toBe(false);
      }),
    );
  });

  it.each([
    ['{"a":1,"a":2}', true],
    ['{"a":{"b":1,"b":1}}', true],
    ['[{"a":1},{"a":1}]', false],
    ['{"a":"b: c","d":["e:f"]}', false],
  ])('of %s, whether a key comes twice: %s', (text, repeatsKey) => {
    expect(parseExact(text).repeatsKey).toBe(repeatsKey);
  });

  it.each(['{', '{"a":1,}', '01', 'NaN', '', '"a'])('throws for %j', (text) => {
    expect(() => parseExact(text)).toThrow(SyntaxError);
  });
});
