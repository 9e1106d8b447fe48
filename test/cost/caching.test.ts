import { describe, expect, it } from 'vitest';
import { cachingAdvice, createPrefixList, worthOfCache } from '../../src/cost/caching.ts';
import type { InputRates } from '../../src/cost/input-rate.ts';
import { modelTable } from '../../src/provider/anthropic/models/price-table.ts';
import { promptSize, promptText } from '../../src/provider/anthropic/requests/prompt-size.ts';
import { createModelCatalog } from '../../src/provider/models.ts';
import { startServer } from '../harness.ts';

const catalog = createModelCatalog(modelTable);
const sonnet = catalog.require('claude-sonnet-5-5');
const quarter = { low: 0.2, expected: 0.25, high: 0.3 };
const rates: InputRates = {
  basis: 'estimated',
  counted: 1,
  of: () => quarter,
  most: (_model, { bytes }) => bytes * quarter.high,
};

const cached = (text: string, ttl?: string) => ({
  type: 'text',
  text,
  cache_control: { type: 'ephemeral', ...(ttl && { ttl }) },
});

function request(system: unknown, content: unknown = 'question') {
  return { model: sonnet.id, max_tokens: 100, system, messages: [{ role: 'user', content }] };
}

function advice(requests: readonly ReturnType<typeof request>[]): string {
  const list = createPrefixList();
  for (const params of requests) list.add(sonnet, promptSize(params), () => promptText(params));
  return cachingAdvice(list.shared(), rates).join();
}

describe('what a cached beginning is worth', () => {
  // 10,000 tokens in a batch: plain 10,000 x 2 / 2 / 1M = 0.01; read x 0.10 = 0.0005; write 5m x 2.50 = 0.0125.
  it('is worked by hand, for five minutes', () => {
    const worth = worthOfCache(sonnet, 10_000, '5m');
    expect(worth?.plain).toBeCloseTo(0.01, 9);
    expect(worth?.read).toBeCloseTo(0.0005, 9);
    expect(worth?.write).toBeCloseTo(0.0125, 9);
    // h x 0.0005 + (1 - h) x 0.0125 = 0.01, so h = 0.0025 / 0.012
    expect(worth?.break_even).toBeCloseTo(0.208333, 6);
  });

  // write 1h x 4 = 0.02; h = 0.01 / 0.0195
  it('is worked by hand, for an hour', () => {
    const worth = worthOfCache(sonnet, 10_000, '1h');
    expect(worth?.write).toBeCloseTo(0.02, 9);
    expect(worth?.break_even).toBeCloseTo(0.512821, 6);
  });

  it('is nothing below the least that the model caches', () => {
    expect(worthOfCache(sonnet, 511, '5m')).toBeNull();
    expect(worthOfCache(sonnet, 512, '5m')?.break_even).toBeCloseTo(0.208333, 6);
  });
});

describe('an hour in the cache', () => {
  it('needs more than half of the requests to read it, on every model: a batch with a cold cache is not marked', () => {
    for (const id of catalog.ids) {
      const worth = worthOfCache(catalog.require(id), 50_000, '1h');
      expect(worth?.break_even, id).toBeGreaterThan(0.5);
      expect(worth?.break_even, id).toBeLessThan(0.53);
    }
  });
});

describe('the advice on caching', () => {
  const long = 'word '.repeat(8_000);

  it('is none where nothing is to be cached', () => {
    expect(advice([request(long), request(long)])).toBe('');
  });

  it('says what a shared beginning saves at which rate, and below which it costs more', () => {
    // 40,000 bytes / 4 = 10,000 tokens, 100 requests.
    const text = advice(Array.from({ length: 100 }, () => request([cached(long)])));
    expect(text).toContain('100 requests share a cached beginning of about 10,000 tokens');
    // 100 x (0.01 - 0.9 x 0.0005 - 0.1 x 0.0125) = 0.83; 100 x (0.01 - 0.00025 - 0.00625) = 0.35; 100 x -0.0025
    expect(text).toContain('If 90 % of them find it in the cache that saves $0.83');
    expect(text).toContain('if 50 % do it saves $0.35');
    expect(text).toContain('if none does it costs $0.25 more');
    expect(text).toContain('below 21 % it costs more');
    expect(text).toContain('A cold batch may read nothing');
  });

  it('says that one too short is not cached at all', () => {
    expect(advice([request([cached('short')]), request([cached('short')])])).toContain(
      'below the 512 that claude-sonnet-5-5 caches',
    );
  });

  it('says that one that nothing shares is only paid for', () => {
    const text = advice([request([cached(`${long}a`)]), request([cached(`${long}b`)])]);
    expect(text).toContain('no two requests of this work share a beginning');
  });
});

describe('the size of a prompt', () => {
  it('counts what the model reads, up to the last mark and in all', () => {
    const size = promptSize(request([cached('12345', '1h')], 'äö'));
    expect(size).toMatchObject({ bytes: 9, cached_bytes: 5, cache_ttl: '1h', has_media: false });
    expect(promptText(request('12345', [{ type: 'text', text: 'äö' }]))).toBe('12345\näö');
  });

  it('puts an image and a PDF down as text of about as many tokens', () => {
    const image = {
      type: 'image',
      source: { type: 'base64', media_type: 'image/png', data: 'A'.repeat(1e6) },
    };
    expect(promptSize(request(undefined, [image]))).toMatchObject({ bytes: 6_400, has_media: true });
    const pdf = {
      type: 'document',
      source: { type: 'base64', media_type: 'application/pdf', data: 'A'.repeat(4e6) },
    };
    // 3 MB / 25 bytes a token, four bytes each
    expect(promptSize(request(undefined, [pdf])).bytes).toBeCloseTo(480_000, -2);
    const text = { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'abc' } };
    expect(promptSize(request(undefined, [text]))).toMatchObject({ bytes: 3, has_media: false });
  });

  it.each([
    [undefined, 0],
    [[{ type: 'web_search_20250305', name: 'web_search', max_uses: 3 }], 3],
    [[{ type: 'web_search_20250305', name: 'web_search' }], null],
    [[{ name: 'own', input_schema: {} }], 0],
  ])('knows how often a request may search at most: %j', (tools, searches) => {
    expect(promptSize({ ...request('a'), ...(tools && { tools }) }).searches).toBe(searches);
  });
});

const document = 'A clause of the contract. '.repeat(1_000);

const work = (count: number, system: unknown) => ({
  requests: Array.from({ length: count }, (_, n) => ({
    custom_id: `q-${n}`,
    params: {
      model: 'claude-haiku-5-5',
      max_tokens: 100,
      system,
      messages: [{ role: 'user', content: `Question ${n}` }],
    },
  })),
});

async function estimateAdvice(count: number, system: unknown): Promise<string> {
  const server = await startServer({ argv: ['--sandbox'] });
  return (await server.ok('estimate_cost', work(count, system))).advice.join(' ');
}

it('many requests that each pay for the same document are told to pack or to cache it', async () => {
  expect(await estimateAdvice(12, document)).toMatch(
    /12 requests begin with the same long text.*Pack.*cache_control/s,
  );
});

it.each([
  ['too few of them', 9, document],
  ['a short text', 12, 'You are terse.'],
  [
    'one that is marked already',
    12,
    [{ type: 'text', text: document, cache_control: { type: 'ephemeral' } }],
  ],
])('%s: no such advice', async (_name, count, system) => {
  expect(await estimateAdvice(count, system)).not.toMatch(/begin with the same long text/);
});
