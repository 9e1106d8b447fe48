import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPriceFile } from '../../src/cost/price-file.ts';
import { BatchError, renderError } from '../../src/errors.ts';
import { modelTable } from '../../src/provider/anthropic/models/price-table.ts';
import { estimateTokens, loadTokenizer } from '../../src/provider/anthropic/models/token-estimate.ts';
import { createModelCatalog } from '../../src/provider/models.ts';

function failure(run: () => unknown): BatchError {
  try {
    run();
  } catch (error) {
    if (error instanceof BatchError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('the catalog', () => {
  const catalog = createModelCatalog(modelTable);

  it.each([
    ['cheap', 'claude-haiku-5-5'],
    ['capable', 'claude-sonnet-5-5'],
    ['premium', 'claude-opus-5-5'],
  ] as const)('%s is %s', (tier, id) => {
    expect(catalog.forTier(tier).id).toBe(id);
    expect(catalog.tiers[tier]).toBe(id);
  });

  it('finds exact ids and aliases only', () => {
    expect(catalog.find('claude-opus-4-5-20251101')).toBe(catalog.find('claude-opus-4-5'));
    for (const id of [
      'claude-opus-4',
      'claude-opus-4-5-2025',
      'claude',
      '',
      'CLAUDE-OPUS-5',
      'claude-mythos',
    ]) {
      expect(catalog.find(id), id).toBeUndefined();
    }
  });

  it('knows each model once, under distinct ids', () => {
    expect(new Set(catalog.ids).size).toBe(21);
    expect(catalog.ids).toHaveLength(21);
    expect(catalog.asOf).toBe('2026-11-22');
  });

  const all = ['low', 'medium', 'high', 'xhigh', 'max'];
  const [old, always] = [['enabled', 'disabled'], ['adaptive']];
  const [forced, whileThinking] = ['forced_tool_choice', 'forced_tool_choice_while_thinking'];

  it.each<[id: string, facts: object]>([
    [
      'claude-sonnet-4-5',
      {
        refuses: [whileThinking],
        thinking: old,
        efforts: [],
        retires: '2026-11-30',
        context_tokens: 200_000,
        max_output_tokens: 64_000,
        token_factor: 1,
        min_cacheable_tokens: 1_024,
      },
    ],
    ['claude-opus-4-5', { retires: '2027-01-22', legacy: true, min_cacheable_tokens: 4_096 }],
    ['claude-haiku-4-5', { min_cacheable_tokens: 4_096, long_output: null }],
    [
      'claude-sonnet-4-6',
      {
        refuses: ['prefill', whileThinking],
        thinking: ['adaptive', ...old],
        legacy: true,
        context_tokens: 1_000_000,
        us_inference_factor: 1.1,
        token_factor: 1,
        min_cacheable_tokens: 1_024,
      },
    ],
    ['claude-opus-4-6', { min_cacheable_tokens: 4_096, long_output: { tokens: 300_000 } }],
    [
      'claude-opus-4-7',
      {
        refuses: ['prefill', whileThinking],
        thinking: ['adaptive', 'disabled'],
        max_output_tokens: 128_000,
        token_factor: 1.3,
        legacy: false,
        min_cacheable_tokens: 2_048,
      },
    ],
    ['claude-opus-4-8', { min_cacheable_tokens: 1_024 }],
    ['claude-sonnet-5', { min_cacheable_tokens: 1_024 }],
    ['claude-opus-5', { min_cacheable_tokens: 512, thinking: ['adaptive', 'disabled'] }],
    [
      'claude-haiku-5-5',
      { refuses: ['prefill', 'no_thinking_at_high_effort'], efforts: all, min_cacheable_tokens: 512 },
    ],
    [
      'claude-sonnet-5-5',
      { thinking: ['adaptive', 'between_tools'], efforts: all, min_cacheable_tokens: 512 },
    ],
    ['claude-opus-5-5', { refuses: ['prefill', forced], thinking: always, min_cacheable_tokens: 512 }],
    ...['claude-fable-5-1', 'claude-fable-5-2', 'claude-mythos-5-1', 'claude-mythos-5-2'].map(
      (id): [string, object] => [
        id,
        { refuses: ['prefill', forced], thinking: always, long_output: null, min_cacheable_tokens: 512 },
      ],
    ),
    [
      'claude-fable-5',
      { refuses: ['prefill'], thinking: always, long_output: null, min_cacheable_tokens: 512 },
    ],
    ['claude-mythos-5', { line: 'mythos', long_output: null, min_cacheable_tokens: 512 }],
  ])('has the facts of %s', (id, facts) => {
    expect(catalog.require(id)).toMatchObject(facts);
  });

  it('has a least length for caching on every model', () => {
    for (const id of catalog.ids)
      expect([512, 1024, 2048, 4096], id).toContain(catalog.require(id).min_cacheable_tokens);
  });

  it('names the known ids, the nearest and the way to add one', () => {
    const error = failure(() => catalog.require('claude-sonet-5-5'));
    expect(error.code).toBe('unknown_model');
    expect(error.message).toContain('did you mean "claude-sonnet-5-5"?');
    expect(error.message).toContain('claude-haiku-4-5-20251001');
    expect(error.message).toContain('BATCH_MCP_PRICES');
  });

  it("serves the owner's tiers, and refuses one without a price", () => {
    expect(createModelCatalog(modelTable, { tiers: { cheap: 'claude-haiku-4-5' } }).forTier('cheap').id).toBe(
      'claude-haiku-4-5',
    );
    const error = failure(() => createModelCatalog(modelTable, { tiers: { premium: 'claude-opus-9' } }));
    expect(error.code).toBe('unknown_model');
    expect(error.message).toMatch(/^BATCH_MCP_MODEL_PREMIUM: /);
  });
});

describe('a price file', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'prices-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const prices = { input: 1, output: 2, cache_write_5m: 3, cache_write_1h: 4, cache_read: 5 };

  async function read(content: unknown) {
    const path = join(folder, 'prices.json');
    await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
    return readPriceFile(path, modelTable);
  }

  async function refusal(content: unknown): Promise<BatchError> {
    const error: unknown = await read(content).then(
      () => 'accepted',
      (reason: unknown) => reason,
    );
    if (error instanceof BatchError) return error;
    throw new Error(`no BatchError: ${String(error)}`);
  }

  it('changes a known price and keeps the other facts', async () => {
    const catalog = createModelCatalog(modelTable, {
      extra: await read({ models: [{ id: 'claude-haiku-5-5', prices }] }),
    });
    expect(catalog.require('claude-haiku-5-5')).toMatchObject({
      prices,
      long_prompt: null,
      context_tokens: 1_000_000,
      refuses: ['prefill', 'no_thinking_at_high_effort'],
      source: expect.stringContaining('BATCH_MCP_PRICES'),
    });
  });

  it('may begin with a byte order mark, as programs of Windows write it', async () => {
    const text = JSON.stringify({ models: [{ id: 'claude-haiku-5-5', prices }] });
    expect(await read(`\ufeff${text}`)).toMatchObject([{ prices }]);
  });

  it('changes the price of a dated id alone', async () => {
    const extra = await read({ models: [{ id: 'claude-opus-4-5-20251101', prices }] });
    expect(extra).toMatchObject([{ aliases: [] }]);
    const catalog = createModelCatalog(modelTable, { extra });
    expect(catalog.require('claude-opus-4-5-20251101').prices.input).toBe(1);
    expect(catalog.require('claude-opus-4-5').prices.input).toBe(5);
  });

  it('adds a model, which can then serve a tier', async () => {
    const row = { id: 'claude-opus-6', prices, context_tokens: 1_000_000, max_output_tokens: 128_000 };
    const catalog = createModelCatalog(modelTable, {
      extra: await read({ models: [row] }),
      tiers: { premium: 'claude-opus-6' },
    });
    expect(catalog.forTier('premium')).toMatchObject({ id: 'claude-opus-6', prices, token_factor: 1.3 });
    expect(catalog.ids).toContain('claude-opus-6');
  });

  const bad: [string, unknown, string][] = [
    ['no JSON', '{"models": secret', 'it is not JSON'],
    ['a list', [], 'expected object'],
    [
      'prices twice in a row',
      JSON.stringify({ models: [{ id: 'claude-opus-5', prices }] }).replace(
        '"prices"',
        '"prices":{},"prices"',
      ),
      'a key twice',
    ],
    ['no models', { models: [] }, 'models: '],
    [
      'two rows for one id',
      { models: ['claude-opus-5', 'claude-haiku-5-5', 'claude-opus-5'].map((id) => ({ id, prices })) },
      'models[2].id',
    ],
    [
      "an id that is another row's alias",
      {
        models: [
          { id: 'claude-opus-5', prices, aliases: ['claude-opus-5-latest'] },
          { id: 'claude-opus-5-latest', prices },
        ],
      },
      'models[1].id',
    ],
    ['a row without prices', { models: [{ id: 'claude-opus-5' }] }, 'models[0].prices'],
    [
      'a price missing',
      { models: [{ id: 'claude-opus-5', prices: { ...prices, input: undefined } }] },
      'models[0].prices.input',
    ],
    [
      'a negative price',
      { models: [{ id: 'claude-opus-5', prices: { ...prices, output: -1 } }] },
      'models[0].prices.output',
    ],
    [
      'a text for a price',
      { models: [{ id: 'claude-opus-5', prices: { ...prices, output: '2' } }] },
      'models[0].prices.output',
    ],
    [
      'an unknown key',
      { models: [{ id: 'claude-opus-5', prices, max_output_token: 5 }] },
      'did you mean "max_output_tokens"?',
    ],
    [
      'a new model without limits',
      { models: [{ id: 'claude-opus-6', prices }] },
      'context_tokens and max_output_tokens',
    ],
  ];
  it.each(bad)('is refused: %s', async (_, content, says) => {
    const error = await refusal(content);
    expect(error.code).toBe('invalid_input');
    expect(renderError(error)).toContain(says);
    expect(renderError(error)).not.toContain('secret');
  });

  it('that is not there is named', async () => {
    await expect(readPriceFile(join(folder, 'none.json'), modelTable)).rejects.toMatchObject({
      code: 'not_found',
      cause: { code: 'ENOENT' },
    });
  });
});

describe('estimateTokens', () => {
  it.each([
    ['', 0],
    ['word', 1],
    ['two words', 2],
    ['extraordinarily', 3],
    ['2026-11-22', 6],
    ['a\n\n\nb', 3],
    ['你好世界', 4],
  ])('%j is about %d', (text, tokens) => {
    expect(estimateTokens(text)).toBe(tokens);
  });

  it('is within a fifth of the tokenizer on prose, code and JSON', async () => {
    const count = await loadTokenizer();
    const here = new URL('../../', import.meta.url);
    for (const file of ['AGENTS.md', 'src/cost/budget.ts', 'package.json']) {
      const text = await readFile(new URL(file, here), 'utf8');
      expect(Math.abs(estimateTokens(text) / count(text) - 1), file).toBeLessThan(0.2);
    }
  });
});

describe('the tokenizer', () => {
  it('takes one endless word in no time, and a control token as text', async () => {
    const count = await loadTokenizer();
    const start = process.cpuUsage();
    expect(count('a'.repeat(200_000))).toBeCloseTo(13_860);
    // Given whole, that word takes half a minute.
    expect(process.cpuUsage(start).user / 1e6).toBeLessThan(10);
    expect(count('<EOT>')).toBeCloseTo(4.4);
  });
});
