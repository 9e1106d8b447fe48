import type { Model, ModelTable, Prices } from '../../models.ts';

const SOURCE = 'Anthropic, platform.claude.com/docs: models overview and pricing, 2026-11-22';

type PriceRow = [input: number, output: number, write5m: number, write1h: number, read: number];

/** A row in the order of Anthropic's pricing page. */
function usd(...[input, output, cache_write_5m, cache_write_1h, cache_read]: PriceRow): Prices {
  return { input, output, cache_write_5m, cache_write_1h, cache_read };
}

/** What models before 4.6 have in common. */
const upTo45 = {
  context_tokens: 200_000,
  max_output_tokens: 64_000,
  long_prompt: null,
  batch_factor: 0.5,
  // 10 dollars per 1,000.
  web_search_usd: 0.01,
  us_inference_factor: 1,
  token_factor: 1,
  min_cacheable_tokens: null,
  refuses: [],
  legacy: true,
  released: null,
  retires: null,
  not_retired_before: null,
  source: SOURCE,
} satisfies Partial<Model>;

/** 4.6: a longer context, no prefilled answers, a price for inference in the US only. */
const from46 = {
  ...upTo45,
  context_tokens: 1_000_000,
  max_output_tokens: 128_000,
  us_inference_factor: 1.1,
  refuses: ['prefill'],
  legacy: false,
} satisfies Partial<Model>;

/** From 4.7 on: another tokenizer, thinking without a budget. */
const from47 = {
  ...from46,
  token_factor: 1.3,
  refuses: ['prefill', 'thinking_budget'],
} satisfies Partial<Model>;

const from55 = { ...from47, min_cacheable_tokens: 512 } satisfies Partial<Model>;

/** Every model whose price is known. One without a row here, or in a price file, can't be used. */
const rows: readonly Model[] = [
  {
    ...from47,
    id: 'claude-fable-5-2',
    aliases: [],
    line: 'fable',
    prices: usd(8, 40, 10, 16, 0.2),
    released: '2026-11-09',
  },
  {
    ...from55,
    id: 'claude-haiku-5-5',
    aliases: [],
    line: 'haiku',
    prices: usd(0.1, 0.5, 0.125, 0.2, 0.01),
    long_prompt: { above_tokens: 100_000, prices: usd(0.5, 2.5, 0.625, 1, 0.05) },
    not_retired_before: '2027-10-07',
  },
  {
    ...from55,
    id: 'claude-sonnet-5-5',
    aliases: [],
    line: 'sonnet',
    prices: usd(2, 10, 2.5, 4, 0.1),
    not_retired_before: '2027-09-28',
  },
  {
    ...from55,
    id: 'claude-opus-5-5',
    aliases: [],
    line: 'opus',
    prices: usd(4, 20, 5, 8, 0.2),
    refuses: ['prefill', 'thinking_budget', 'forced_tool_choice'],
    not_retired_before: '2027-09-22',
  },
  {
    ...from47,
    id: 'claude-fable-5-1',
    aliases: [],
    line: 'fable',
    prices: usd(10, 50, 12.5, 20, 0.25),
    not_retired_before: '2027-09-01',
  },
  { ...from47, id: 'claude-opus-5', aliases: [], line: 'opus', prices: usd(5, 25, 6.25, 10, 0.5) },
  { ...from47, id: 'claude-opus-4-8', aliases: [], line: 'opus', prices: usd(5, 25, 6.25, 10, 0.5) },
  { ...from47, id: 'claude-opus-4-7', aliases: [], line: 'opus', prices: usd(5, 25, 6.25, 10, 0.5) },
  { ...from46, id: 'claude-opus-4-6', aliases: [], line: 'opus', prices: usd(5, 25, 6.25, 10, 0.5) },
  { ...from47, id: 'claude-sonnet-5', aliases: [], line: 'sonnet', prices: usd(2, 10, 2.5, 4, 0.2) },
  {
    ...from46,
    id: 'claude-sonnet-4-6',
    aliases: [],
    line: 'sonnet',
    prices: usd(3, 15, 3.75, 6, 0.3),
    legacy: true,
  },
  {
    ...upTo45,
    id: 'claude-opus-4-5',
    aliases: ['claude-opus-4-5-20251101'],
    line: 'opus',
    prices: usd(5, 25, 6.25, 10, 0.5),
  },
  {
    ...upTo45,
    id: 'claude-haiku-4-5',
    aliases: ['claude-haiku-4-5-20251001'],
    line: 'haiku',
    prices: usd(1, 5, 1.25, 2, 0.1),
  },
  {
    ...upTo45,
    id: 'claude-sonnet-4-5',
    aliases: ['claude-sonnet-4-5-20250929'],
    line: 'sonnet',
    prices: usd(3, 15, 3.75, 6, 0.3),
    retires: '2026-11-30',
  },
];

/** Anthropic's models and prices. */
export const modelTable: ModelTable = {
  asOf: '2026-11-22',
  rows,
  tiers: { cheap: 'claude-haiku-5-5', capable: 'claude-sonnet-5-5', premium: 'claude-opus-5-5' },
  unknown: {
    aliases: [],
    line: null,
    long_prompt: null,
    batch_factor: 0.5,
    web_search_usd: 0.01,
    us_inference_factor: 1.1,
    token_factor: 1.3,
    min_cacheable_tokens: null,
    refuses: [],
    legacy: false,
    released: null,
    retires: null,
    not_retired_before: null,
  },
};
