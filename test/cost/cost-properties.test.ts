import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { totalOf } from '../../src/cost/cost-line.ts';
import { createSample } from '../../src/cost/cost-sheet.ts';
import type { InputRates } from '../../src/cost/input-rate.ts';
import { priceOf } from '../../src/cost/pricing.ts';
import { createTally, type Priced } from '../../src/cost/tally.ts';
import { modelTable } from '../../src/provider/anthropic/models/price-table.ts';
import { createModelCatalog, efforts } from '../../src/provider/models.ts';
import type { TokenUsage } from '../../src/provider/result.ts';

const catalog = createModelCatalog(modelTable);
const models = fc.constantFrom(...catalog.ids).map((id) => catalog.require(id));
const tokens = fc.integer({ min: 0, max: 1_000_000 });
const usages: fc.Arbitrary<TokenUsage> = fc.record({
  input_tokens: tokens,
  output_tokens: tokens,
  cache_read_tokens: tokens,
  cache_write_5m_tokens: tokens,
  cache_write_1h_tokens: tokens,
  web_searches: fc.integer({ min: 0, max: 20 }),
});
const geos = fc.constantFrom(null, 'us', 'global');
/** A billionth of a dollar: what a sum is rounded to. */
const DUST = 1.5e-9;

describe('a price', () => {
  it('is never negative, and grows with every kind of token', () => {
    const kinds = fc.constantFrom<keyof TokenUsage>(
      'input_tokens',
      'output_tokens',
      'cache_read_tokens',
      'cache_write_5m_tokens',
      'cache_write_1h_tokens',
      'web_searches',
    );
    fc.assert(
      fc.property(
        models,
        usages,
        geos,
        fc.boolean(),
        kinds,
        tokens,
        (model, usage, inferenceGeo, batch, kind, more) => {
          const price = priceOf(model, usage, { batch, inferenceGeo });
          const grown = priceOf(model, { ...usage, [kind]: usage[kind] + more }, { batch, inferenceGeo });
          expect(price).toBeGreaterThanOrEqual(0);
          expect(grown).toBeGreaterThanOrEqual(price);
        },
      ),
    );
  });

  it('is half in a batch, but for web searches', () => {
    fc.assert(
      fc.property(models, usages, geos, (model, usage, inferenceGeo) => {
        const searches = (usage.web_searches * 10) / 1000;
        const standard = priceOf(model, usage, { batch: false, inferenceGeo }) - searches;
        const batch = priceOf(model, usage, { batch: true, inferenceGeo }) - searches;
        expect(Math.abs(batch - standard / 2)).toBeLessThan(DUST);
      }),
    );
  });
});

const requests: fc.Arbitrary<Priced> = fc.record({
  model: models,
  prompt: fc.record({
    bytes: fc.integer({ min: 1, max: 500_000 }),
    most_tokens: fc.integer({ min: 1, max: 500_000 }),
    outside: fc.constant(null),
    added_tokens: fc.constant(0),
    cached_bytes: fc.constant(0),
    cache_ttl: fc.constantFrom<'5m' | '1h'>('5m', '1h'),
    has_media: fc.constant(false),
    searches: fc.constantFrom(0, 2, null),
  }),
  inference_geo: geos,
  task_type: fc.constantFrom(undefined, 'a', 'b'),
  expected_output_tokens: fc.integer({ min: 0, max: 64_000 }),
  max_tokens: fc.integer({ min: 1, max: 64_000 }),
  effort: fc.constantFrom(null, ...efforts),
  thinks: fc.constantFrom(null, true, false),
});

const rates: InputRates = {
  basis: 'estimated',
  counted: 1,
  of: ({ token_factor }) => ({
    low: 0.2 * token_factor,
    expected: 0.25 * token_factor,
    high: 0.3 * token_factor,
  }),
  most: ({ token_factor }, { most_tokens }) => most_tokens * token_factor,
};

function linesOf(priced: readonly Priced[]) {
  const tally = createTally();
  for (const request of priced) tally.add(request);
  return tally.lines(rates);
}

describe('an estimate', () => {
  it('adds up, over its models and over any two halves of the work', () => {
    fc.assert(
      fc.property(fc.array(requests, { minLength: 1, maxLength: 30 }), fc.nat(30), (priced, cut) => {
        const whole = totalOf(linesOf(priced));
        const halves = totalOf([...linesOf(priced.slice(0, cut)), ...linesOf(priced.slice(cut))]);
        expect(whole.request_count).toBe(priced.length);
        expect(halves.request_count).toBe(priced.length);
        for (const figure of ['expected_usd', 'maximum_usd', 'standard_expected_usd'] as const) {
          expect(Math.abs(whole[figure] - halves[figure])).toBeLessThan(DUST * (priced.length + 2));
        }
      }),
    );
  });

  it('expects no more than the maximum, and half of the standard price', () => {
    fc.assert(
      fc.property(fc.array(requests, { minLength: 1, maxLength: 20 }), (priced) => {
        for (const line of linesOf(priced)) {
          expect(line.expected_usd).toBeGreaterThanOrEqual(0);
          expect(line.maximum_usd).toBeGreaterThanOrEqual(line.expected_usd);
          expect(line.tokens.input_low).toBeLessThanOrEqual(line.tokens.input);
          expect(line.tokens.input_high).toBeGreaterThanOrEqual(line.tokens.input);
          expect(line.tokens.expected_output).toBeLessThanOrEqual(line.tokens.maximum_output);
          expect(Math.abs(line.standard_expected_usd - 2 * line.expected_usd)).toBeLessThan(
            DUST * (priced.length + 2) * 2,
          );
        }
      }),
    );
  });

  it('of equal requests does not depend on their order', () => {
    fc.assert(
      fc.property(fc.array(requests, { maxLength: 10 }), (priced) => {
        const there = totalOf(linesOf(priced));
        const back = totalOf(linesOf(priced.toReversed()));
        expect(Math.abs(there.maximum_usd - back.maximum_usd)).toBeLessThan(DUST * (priced.length + 2));
      }),
    );
  });
});

describe('a sample', () => {
  it('keeps all up to its size, and else an even spread of at least half of it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2_000 }), fc.integer({ min: 2, max: 30 }), (count, size) => {
        const sample = createSample<number>(size);
        for (let item = 0; item < count; item += 1) sample.add(() => item);
        const items = sample.items();
        if (count <= size) {
          expect(items).toEqual(Array.from({ length: count }, (_, item) => item));
          return;
        }
        expect(items.length).toBeLessThanOrEqual(size);
        expect(items.length).toBeGreaterThanOrEqual(size / 2);
        const gaps = new Set(items.slice(1).map((item, index) => item - (items[index] ?? 0)));
        expect(gaps.size).toBeLessThanOrEqual(1);
      }),
    );
  });
});
