import { efforts, type Model, type ModelTable, type Prices } from '../../models.ts';

const SOURCE = 'Anthropic, platform.claude.com/docs: models overview and pricing, 2026-11-22';

type PriceRow = [input: number, output: number, write5m: number, write1h: number, read: number];

/** A row in the order of Anthropic's pricing page. */
function usd(...[input, output, cache_write_5m, cache_write_1h, cache_read]: PriceRow): Prices {
  return { input, output, cache_write_5m, cache_write_1h, cache_read };
}

/** What all models before 4.6 have in common. */
const upTo45 = {
  aliases: [],
  context_tokens: 200_000,
  max_output_tokens: 64_000,
  long_output: null,
  long_prompt: null,
  batch_factor: 0.5,
  // 10 dollars per 1,000.
  web_search_usd: 0.01,
  us_inference_factor: 1,
  token_factor: 1,
  min_cacheable_tokens: 1_024,
  refuses: ['forced_tool_choice_while_thinking'],
  system_messages: false,
  efforts: null,
  thinking: ['enabled', 'disabled'],
  usual_effort: null,
  legacy: true,
  released: null,
  retires: null,
  not_retired_before: null,
  source: SOURCE,
} satisfies Partial<Model>;

/** 4.6: a longer context, adaptive thinking, no prefilled answers, a price for inference in the US only. */
const from46 = {
  ...upTo45,
  context_tokens: 1_000_000,
  max_output_tokens: 128_000,
  long_output: { beta: 'output-300k-2026-03-24', tokens: 300_000 },
  us_inference_factor: 1.1,
  refuses: ['prefill', 'forced_tool_choice_while_thinking'],
  thinking: ['adaptive', 'enabled', 'disabled'],
  legacy: false,
} satisfies Partial<Model>;

/** From 4.7 on: another tokenizer, thinking without a budget. */
const from47 = {
  ...from46,
  token_factor: 1.3,
  thinking: ['adaptive', 'disabled'],
} satisfies Partial<Model>;

/** From 5 on: thinking by default, and every effort. */
const from5 = {
  ...from47,
  min_cacheable_tokens: 512,
  refuses: ['prefill'],
  system_messages: true,
  efforts: [...efforts],
  usual_effort: 'high',
} satisfies Partial<Model>;

/** Models that always think, and can't be made to call a tool. */
const alwaysThinking = {
  ...from5,
  refuses: ['prefill', 'forced_tool_choice'],
  thinking: ['adaptive'],
} satisfies Partial<Model>;

const fable5 = {
  long_output: null,
  prices: usd(10, 50, 12.5, 20, 1),
  thinking: ['adaptive'],
} satisfies Partial<Model>;
const fable51 = {
  long_output: null,
  prices: usd(10, 50, 12.5, 20, 0.25),
  not_retired_before: '2027-09-01',
} satisfies Partial<Model>;
const fable52 = { long_output: null, prices: usd(8, 40, 10, 16, 0.2) } satisfies Partial<Model>;
const opus = { line: 'opus', prices: usd(5, 25, 6.25, 10, 0.5) } satisfies Partial<Model>;

/**
 * Every model whose price is known, the newest of a line first. One without a row here, or in a price file, can't be
 * used. What a model refuses: Anthropic's documentation of thinking, effort and tool use, 2026-11-25.
 */
const rows: readonly Model[] = [
  { ...alwaysThinking, ...fable52, id: 'claude-fable-5-2', line: 'fable', released: '2026-11-09' },
  {
    ...from5,
    id: 'claude-haiku-5-5',
    line: 'haiku',
    prices: usd(0.1, 0.5, 0.125, 0.2, 0.01),
    long_prompt: { above_tokens: 100_000, prices: usd(0.5, 2.5, 0.625, 1, 0.05) },
    refuses: ['prefill', 'no_thinking_at_high_effort'],
    usual_effort: 'medium',
    not_retired_before: '2027-10-07',
  },
  {
    ...from5,
    id: 'claude-sonnet-5-5',
    line: 'sonnet',
    prices: usd(2, 10, 2.5, 4, 0.1),
    refuses: ['prefill', 'forced_tool_choice', 'no_thinking_at_high_effort'],
    thinking: ['adaptive', 'between_tools'],
    not_retired_before: '2027-09-28',
  },
  {
    ...alwaysThinking,
    id: 'claude-opus-5-5',
    line: 'opus',
    prices: usd(4, 20, 5, 8, 0.2),
    usual_effort: 'medium',
    not_retired_before: '2027-09-22',
  },
  { ...alwaysThinking, ...fable51, id: 'claude-fable-5-1', line: 'fable' },
  { ...from5, ...fable5, id: 'claude-fable-5', line: 'fable' },
  { ...alwaysThinking, ...fable52, id: 'claude-mythos-5-2', line: 'mythos' },
  { ...alwaysThinking, ...fable51, id: 'claude-mythos-5-1', line: 'mythos' },
  { ...from5, ...fable5, id: 'claude-mythos-5', line: 'mythos', thinking: ['adaptive', 'disabled'] },
  { ...from5, ...opus, id: 'claude-opus-5', refuses: ['prefill', 'no_thinking_at_high_effort'] },
  { ...from47, ...opus, id: 'claude-opus-4-8', system_messages: true },
  { ...from47, ...opus, id: 'claude-opus-4-7', min_cacheable_tokens: 2_048 },
  { ...from46, ...opus, id: 'claude-opus-4-6', min_cacheable_tokens: 4_096 },
  {
    ...from47,
    id: 'claude-sonnet-5',
    line: 'sonnet',
    prices: usd(2, 10, 2.5, 4, 0.2),
    refuses: ['prefill'],
    system_messages: true,
  },
  { ...from46, id: 'claude-sonnet-4-6', line: 'sonnet', prices: usd(3, 15, 3.75, 6, 0.3), legacy: true },
  {
    ...upTo45,
    ...opus,
    id: 'claude-opus-4-5',
    aliases: ['claude-opus-4-5-20251101'],
    min_cacheable_tokens: 4_096,
    efforts: ['low', 'medium', 'high'],
    retires: '2027-01-22',
  },
  {
    ...upTo45,
    id: 'claude-haiku-4-5',
    aliases: ['claude-haiku-4-5-20251001'],
    line: 'haiku',
    prices: usd(1, 5, 1.25, 2, 0.1),
    min_cacheable_tokens: 4_096,
    efforts: [],
  },
  {
    ...upTo45,
    id: 'claude-sonnet-4-5',
    aliases: ['claude-sonnet-4-5-20250929'],
    line: 'sonnet',
    prices: usd(3, 15, 3.75, 6, 0.3),
    efforts: [],
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
    long_output: null,
    long_prompt: null,
    batch_factor: 0.5,
    web_search_usd: 0.01,
    us_inference_factor: 1.1,
    token_factor: 1.3,
    min_cacheable_tokens: null,
    refuses: [],
    system_messages: true,
    efforts: null,
    thinking: null,
    usual_effort: null,
    legacy: false,
    released: null,
    retires: null,
    not_retired_before: null,
  },
};
