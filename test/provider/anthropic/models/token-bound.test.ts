import { readFileSync } from 'node:fs';
import { Tokenizer } from 'ai-tokenizer';
import * as encoding from 'ai-tokenizer/encoding/claude';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { maximumTokens } from '../../../../src/provider/anthropic/models/token-bound.ts';
import { SINGLE_TOKEN_WORDS } from '../../../../src/provider/anthropic/models/token-bound-data.ts';

const tokenizer = new Tokenizer(encoding);
const count = (text: string) => tokenizer.encode(text, 'all').length;

/** Ranges of code points whose characters stand together in texts. */
const scripts: Record<string, [first: number, last: number]> = {
  'all of ASCII': [0x20, 0x7e],
  'small letters': [0x61, 0x7a],
  'letters of both cases': [0x41, 0x7a],
  digits: [0x30, 0x39],
  signs: [0x21, 0x2f],
  'white space': [0x09, 0x0d],
  'control characters': [0x00, 0x1f],
  'Latin 1': [0x80, 0xff],
  'Latin extended': [0x100, 0x24f],
  phonetic: [0x250, 0x2af],
  'combining marks': [0x300, 0x36f],
  Greek: [0x370, 0x3ff],
  Cyrillic: [0x400, 0x4ff],
  Armenian: [0x530, 0x58f],
  Hebrew: [0x590, 0x5ff],
  Arabic: [0x600, 0x6ff],
  Syriac: [0x700, 0x74f],
  Devanagari: [0x900, 0x97f],
  Bengali: [0x980, 0x9ff],
  Gurmukhi: [0xa00, 0xa7f],
  Gujarati: [0xa80, 0xaff],
  Tamil: [0xb80, 0xbff],
  Telugu: [0xc00, 0xc7f],
  Kannada: [0xc80, 0xcff],
  Malayalam: [0xd00, 0xd7f],
  Sinhala: [0xd80, 0xdff],
  Thai: [0xe00, 0xe7f],
  Lao: [0xe80, 0xeff],
  Tibetan: [0xf00, 0xfff],
  Myanmar: [0x1000, 0x109f],
  Georgian: [0x10a0, 0x10ff],
  Ethiopic: [0x1200, 0x137f],
  Cherokee: [0x13a0, 0x13ff],
  Khmer: [0x1780, 0x17ff],
  Mongolian: [0x1800, 0x18af],
  Vietnamese: [0x1e00, 0x1eff],
  punctuation: [0x2000, 0x206f],
  symbols: [0x20a0, 0x2bff],
  kana: [0x3040, 0x30ff],
  'Han characters': [0x4e00, 0x9fff],
  Hangul: [0xac00, 0xd7a3],
  'private use': [0xe000, 0xe0ff],
  'full width': [0xff00, 0xffef],
  emoji: [0x1f300, 0x1f6ff],
  'rare Han characters': [0x20000, 0x20fff],
};
const character = ([first, last]: [number, number]) =>
  fc.integer({ min: first, max: last }).map((code) => String.fromCodePoint(code));

/** Words, or a short pattern many times: what is rare in texts is where a bound breaks. */
const textOf = (one: fc.Arbitrary<string>) =>
  fc.oneof(
    fc.array(one, { maxLength: 120 }).map((characters) => characters.join('')),
    fc
      .array(fc.tuple(fc.array(one, { minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 30 })), {
        maxLength: 8,
      })
      .map((patterns) => patterns.map(([pattern, times]) => pattern.join('').repeat(times)).join('')),
  );

function expectBound(text: string): void {
  expect(maximumTokens(text)).toBeGreaterThanOrEqual(count(text));
}

describe('the most tokens that a text can take', () => {
  test.each(Object.entries(scripts))('is not passed in %s', (_name, range) => {
    fc.assert(fc.property(textOf(character(range)), expectBound), { numRuns: 150 });
    fc.assert(
      fc.property(textOf(fc.oneof(character(range), fc.constantFrom(' ', '\n', 'a', '1'))), expectBound),
      {
        numRuns: 100,
      },
    );
  });

  test('is not passed by mixtures of scripts', () => {
    const anything = fc.oneof(...Object.values(scripts).map(character));
    fc.assert(fc.property(textOf(anything), expectBound), { numRuns: 500 });
  });

  test.each([
    ['tabs and line breaks', '\t\n'.repeat(500)],
    ['blank lines', '\n'.repeat(5_000)],
    ['tabs', '\t'.repeat(5_000)],
    ['blanks', ' '.repeat(5_000)],
    ['carriage returns', '\r\n'.repeat(500)],
    [
      'base64',
      Buffer.from(Array.from({ length: 3_000 }, (_, index) => (index * 7919) % 251)).toString('base64'),
    ],
    [
      'hexadecimal',
      Buffer.from(Array.from({ length: 900 }, (_, index) => (index * 7919) % 251)).toString('hex'),
    ],
    ['one letter and a sign', 'q.x;'.repeat(400)],
    ['letters of changing case', 'qXzJ'.repeat(100)],
    ['words glued to another script', 'theфtheфandя'.repeat(100)],
    ['nothing', ''],
  ])('is not passed by %s', (_name, text) => expectBound(text));

  test.each(['README.md', 'AGENTS.md', 'package-lock.json', 'src/errors.ts'])(
    'is near the count of %s',
    (file) => {
      const text = readFileSync(new URL(`../../../../${file}`, import.meta.url), 'utf8').slice(0, 40_000);
      expectBound(text);
      expect(maximumTokens(text)).toBeLessThan(count(text) * 1.9);
    },
  );

  test('knows only words that are one token, with and without a blank before them', () => {
    const words = SINGLE_TOKEN_WORDS.trim().split(/\s+/);
    expect(words).toHaveLength(3_000);
    expect(words.filter((word) => count(word) !== 1 || count(` ${word}`) !== 1)).toEqual([]);
  });

  test('takes no longer than the length of the text', () => {
    expect(maximumTokens('x'.repeat(5_000_000))).toBe(5_000_000);
  });
});
