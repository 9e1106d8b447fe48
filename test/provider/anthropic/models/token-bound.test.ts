import { readFileSync } from 'node:fs';
import { Tokenizer } from 'ai-tokenizer';
import * as encoding from 'ai-tokenizer/encoding/claude';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { maximumTokens } from '../../../../src/provider/anthropic/models/token-bound.ts';
import {
  SINGLE_TOKEN_CHARACTERS,
  SINGLE_TOKEN_WORDS,
} from '../../../../src/provider/anthropic/models/token-bound-data.ts';
import { measure } from './bound-measure.ts';
import { classes } from './bound-samples.ts';
import { scripts } from './scripts.ts';

const tokenizer = new Tokenizer(encoding);
const count = (text: string) => tokenizer.encode(text, 'all').length;

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

  test('is not passed by blanks before any kind of character', () => {
    for (let blanks = 1; blanks <= 200; blanks += 1)
      for (const next of ['', 'a', '1', '.', '\n', '\u0006', 'é', 'ក', '😀'])
        expectBound(' '.repeat(blanks) + next);
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

  test('is not passed by words in quotes, whose beginning can be a token of its own', () => {
    const words = SINGLE_TOKEN_WORDS.trim().split(/\s+/);
    const quotes = ["'", '"', '’', "s'", "''", '`', "\n'"];
    const texts = words.flatMap((word) =>
      quotes.map((quote) => `${word}${quote}${word}${quote} ${quote}${word}`),
    );
    expect(texts.filter((text) => maximumTokens(text) < count(text))).toEqual([]);
  });

  test('is not passed by any character that is one token by itself, whatever stands beside it', () => {
    const neighbours = [
      '',
      ' ',
      '  ',
      '\n',
      '\n ',
      '\t',
      'a',
      'a ',
      '1',
      '.',
      "'",
      '"',
      '(',
      '-',
      'é',
      '中',
      '\u00a0',
    ];
    const characters = SINGLE_TOKEN_CHARACTERS.trim()
      .split(/\s+/)
      .flatMap((range) => {
        const [first = 0, last = first] = range.split('-').map((end) => Number.parseInt(end, 36));
        return Array.from({ length: last - first + 1 }, (_, index) => String.fromCodePoint(first + index));
      });
    const texts = characters.flatMap((one) =>
      neighbours.map((before) => `${before}${one}${before}${one}${one} ${one}`),
    );
    expect(texts.filter((text) => maximumTokens(text) < count(text))).toEqual([]);
  });

  test.each(classes)('is not passed by $name', (given) => {
    expect(measure(given).below).toEqual([]);
  });

  test('is held against more than forty scripts', () => {
    expect(Object.keys(scripts).length).toBeGreaterThan(40);
  });

  test('takes no longer than the length of the text', () => {
    expect(maximumTokens('x'.repeat(5_000_000))).toBe(5_000_000);
  });
});
