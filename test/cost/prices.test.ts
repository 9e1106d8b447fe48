import { describe, expect, it } from 'vitest';
import { priceOf, priceOfMany, roundUsd } from '../../src/cost/pricing.ts';
import { modelTable } from '../../src/provider/anthropic/models/price-table.ts';
import { createModelCatalog } from '../../src/provider/models.ts';
import type { TokenUsage } from '../../src/provider/result.ts';

const catalog = createModelCatalog(modelTable);

const nothing: TokenUsage = {
  input_tokens: 0,
  output_tokens: 0,
  cache_read_tokens: 0,
  cache_write_5m_tokens: 0,
  cache_write_1h_tokens: 0,
  web_searches: 0,
};

/** A request with tokens of every kind, 45,000 of them in the prompt. */
const everything: TokenUsage = {
  input_tokens: 10_000,
  output_tokens: 2_000,
  cache_read_tokens: 30_000,
  cache_write_5m_tokens: 4_000,
  cache_write_1h_tokens: 1_000,
  web_searches: 0,
};

type Row = {
  model: string;
  what: string;
  usage: Partial<TokenUsage>;
  standard: number;
  batch: number;
  geo?: string;
};

// Standard = (input x price + output x price + read x price + write 5m x price + write 1h x price) / 1,000,000.
const rows: Row[] = [
  // 0.08 + 0.08 + 0.006 + 0.04 + 0.016
  { model: 'claude-fable-5-2', what: 'all kinds', usage: everything, standard: 0.222, batch: 0.111 },
  // 0.001 + 0.001 + 0.0003 + 0.0005 + 0.0002
  { model: 'claude-haiku-5-5', what: 'short', usage: everything, standard: 0.003, batch: 0.0015 },
  // 100,000 x 0.10 = 0.01; 1,000 x 0.50 = 0.0005
  {
    model: 'claude-haiku-5-5',
    what: 'just short',
    usage: { input_tokens: 100_000, output_tokens: 1_000 },
    standard: 0.0105,
    batch: 0.00525,
  },
  // 100,001 x 0.50 = 0.0500005; 1,000 x 2.50 = 0.0025
  {
    model: 'claude-haiku-5-5',
    what: 'just long',
    usage: { input_tokens: 100_001, output_tokens: 1_000 },
    standard: 0.0525005,
    batch: 0.02625025,
  },
  // long by its cache: 1,000 x 0.50 + 2,000 x 2.50 + 90,000 x 0.05 + 8,000 x 0.625 + 2,000 x 1
  // = 0.0005 + 0.005 + 0.0045 + 0.005 + 0.002
  {
    model: 'claude-haiku-5-5',
    what: 'long by its cache',
    usage: {
      input_tokens: 1_000,
      output_tokens: 2_000,
      cache_read_tokens: 90_000,
      cache_write_5m_tokens: 8_000,
      cache_write_1h_tokens: 2_000,
    },
    standard: 0.017,
    batch: 0.0085,
  },
  // 0.02 + 0.02 + 0.003 + 0.01 + 0.004
  { model: 'claude-sonnet-5-5', what: 'all kinds', usage: everything, standard: 0.057, batch: 0.0285 },
  // 0.04 + 0.04 + 0.006 + 0.02 + 0.008
  { model: 'claude-opus-5-5', what: 'all kinds', usage: everything, standard: 0.114, batch: 0.057 },
  // 0.1 + 0.1 + 0.0075 + 0.05 + 0.02
  { model: 'claude-fable-5-1', what: 'all kinds', usage: everything, standard: 0.2775, batch: 0.13875 },
  { model: 'claude-mythos-5-1', what: 'all kinds', usage: everything, standard: 0.2775, batch: 0.13875 },
  { model: 'claude-mythos-5-2', what: 'all kinds', usage: everything, standard: 0.222, batch: 0.111 },
  // 0.1 + 0.1 + 0.03 + 0.05 + 0.02
  { model: 'claude-fable-5', what: 'all kinds', usage: everything, standard: 0.3, batch: 0.15 },
  { model: 'claude-mythos-5', what: 'all kinds', usage: everything, standard: 0.3, batch: 0.15 },
  // 0.05 + 0.05 + 0.015 + 0.025 + 0.01
  { model: 'claude-opus-5', what: 'all kinds', usage: everything, standard: 0.15, batch: 0.075 },
  { model: 'claude-opus-4-8', what: 'all kinds', usage: everything, standard: 0.15, batch: 0.075 },
  { model: 'claude-opus-4-7', what: 'all kinds', usage: everything, standard: 0.15, batch: 0.075 },
  { model: 'claude-opus-4-6', what: 'all kinds', usage: everything, standard: 0.15, batch: 0.075 },
  { model: 'claude-opus-4-5-20251101', what: 'all kinds', usage: everything, standard: 0.15, batch: 0.075 },
  // 0.02 + 0.02 + 0.006 + 0.01 + 0.004
  { model: 'claude-sonnet-5', what: 'all kinds', usage: everything, standard: 0.06, batch: 0.03 },
  // 0.03 + 0.03 + 0.009 + 0.015 + 0.006
  { model: 'claude-sonnet-4-6', what: 'all kinds', usage: everything, standard: 0.09, batch: 0.045 },
  { model: 'claude-sonnet-4-5', what: 'all kinds', usage: everything, standard: 0.09, batch: 0.045 },
  // 0.01 + 0.01 + 0.003 + 0.005 + 0.002
  { model: 'claude-haiku-4-5', what: 'all kinds', usage: everything, standard: 0.03, batch: 0.015 },
  // 0.057 + 3 x 0.01; in a batch 0.0285 + 0.03: searches are not halved
  {
    model: 'claude-sonnet-5-5',
    what: 'web search',
    usage: { ...everything, web_searches: 3 },
    standard: 0.087,
    batch: 0.0585,
  },
  // 0.057 x 1.1 + 0.03; 0.0285 x 1.1 + 0.03: searches cost the same everywhere
  {
    model: 'claude-sonnet-5-5',
    what: 'in the US',
    usage: { ...everything, web_searches: 3 },
    geo: 'us',
    standard: 0.0927,
    batch: 0.06135,
  },
  {
    model: 'claude-sonnet-5-5',
    what: 'anywhere',
    usage: everything,
    geo: 'global',
    standard: 0.057,
    batch: 0.0285,
  },
  {
    model: 'claude-sonnet-4-5',
    what: 'in the US',
    usage: everything,
    geo: 'us',
    standard: 0.09,
    batch: 0.045,
  },
  // Each kind of cache alone, a million tokens of it.
  {
    model: 'claude-sonnet-5-5',
    what: 'written 5m',
    usage: { cache_write_5m_tokens: 1_000_000 },
    standard: 2.5,
    batch: 1.25,
  },
  {
    model: 'claude-sonnet-5-5',
    what: 'written 1h',
    usage: { cache_write_1h_tokens: 1_000_000 },
    standard: 4,
    batch: 2,
  },
  {
    model: 'claude-sonnet-5-5',
    what: 'read',
    usage: { cache_read_tokens: 1_000_000 },
    standard: 0.1,
    batch: 0.05,
  },
  {
    model: 'claude-opus-5',
    what: 'read',
    usage: { cache_read_tokens: 1_000_000 },
    standard: 0.5,
    batch: 0.25,
  },
  {
    model: 'claude-fable-5-2',
    what: 'written 1h',
    usage: { cache_write_1h_tokens: 250_000 },
    standard: 4,
    batch: 2,
  },
  {
    model: 'claude-haiku-4-5',
    what: 'written 5m',
    usage: { cache_write_5m_tokens: 400_000 },
    standard: 0.5,
    batch: 0.25,
  },
  // In the long band: 100,001 x 0.625 / 1,000,000, and 100,001 x 0.05
  {
    model: 'claude-haiku-5-5',
    what: 'long, written 5m',
    usage: { cache_write_5m_tokens: 100_001 },
    standard: 0.062500625,
    batch: 0.031250313,
  },
  {
    model: 'claude-haiku-5-5',
    what: 'long, read',
    usage: { cache_read_tokens: 100_001 },
    standard: 0.00500005,
    batch: 0.002500025,
  },
  // 3,000 tokens out alone: 3,000 x 25 / 1,000,000
  {
    model: 'claude-opus-4-8',
    what: 'answers',
    usage: { output_tokens: 3_000 },
    standard: 0.075,
    batch: 0.0375,
  },
  // Searches alone: 1,000 of them cost 10 dollars, in a batch too.
  { model: 'claude-fable-5-1', what: 'searches', usage: { web_searches: 1_000 }, standard: 10, batch: 10 },
  // 1 x 0.01 / 1,000,000: the cheapest token there is
  {
    model: 'claude-haiku-5-5',
    what: 'one token read',
    usage: { cache_read_tokens: 1 },
    standard: 1e-8,
    batch: 5e-9,
  },
  { model: 'claude-opus-5-5', what: 'nothing', usage: {}, standard: 0, batch: 0 },
];

describe('priceOf, worked by hand', () => {
  it.each(rows)('$model, $what', ({ model, usage, standard, batch, geo }) => {
    const used = { ...nothing, ...usage };
    const where = geo === undefined ? {} : { inferenceGeo: geo };
    expect(priceOf(catalog.require(model), used, { batch: false, ...where })).toBe(standard);
    expect(priceOf(catalog.require(model), used, { batch: true, ...where })).toBe(batch);
  });

  it('has a row for every model of the table', () => {
    const priced = new Set(rows.map(({ model }) => catalog.require(model).id));
    expect([...priced].toSorted()).toEqual(modelTable.rows.map(({ id }) => id).toSorted());
  });
});

describe('priceOfMany', () => {
  it("prices the guide's example: 4.50 dollars, 2.25 in batch", () => {
    const model = catalog.require('claude-sonnet-4-5');
    const usage = { ...nothing, input_tokens: 500, output_tokens: 200 };
    expect(priceOfMany(model, usage, 1000, { batch: false })).toBe(4.5);
    expect(priceOfMany(model, usage, 1000, { batch: true })).toBe(2.25);
  });

  it('takes the band of one request, not of their sum', () => {
    const model = catalog.require('claude-haiku-5-5');
    const usage = { ...nothing, input_tokens: 60_000 };
    expect(priceOfMany(model, usage, 100, { batch: false })).toBe(0.6);
  });

  it('rounds the sum, not each request', () => {
    const model = catalog.require('claude-haiku-5-5');
    const usage = { ...nothing, cache_read_tokens: 1, input_tokens: 1 };
    // (0.10 + 0.01) / 2 / 1,000,000 x 100,000
    expect(priceOfMany(model, usage, 100_000, { batch: true })).toBe(0.0055);
  });
});

it('takes floating-point dust away', () => {
  expect(roundUsd(0.1 + 0.2)).toBe(0.3);
});
