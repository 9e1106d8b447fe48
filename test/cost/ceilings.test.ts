import { deflateSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { anthropicDialect } from '../../src/provider/anthropic/dialect.ts';
import { startApiServer } from '../api-server.ts';
import { startServer } from '../harness.ts';

const PAGE_TOKENS = 1_500;

function pdf(pages: number, form: 'objects' | 'count' | 'compressed' | 'opaque'): string {
  const page = '<< /Type /Page /Parent 2 0 R >>';
  const tree = `<< /Type /Pages /Kids [3 0 R] /Count ${pages} >>`;
  const bodies = {
    objects: Array.from({ length: pages }, (_, index) => `${index + 3} 0 obj\n${page}\nendobj`).join('\n'),
    count: `2 0 obj\n${tree}\nendobj`,
    compressed: '',
    opaque: 'x'.repeat(pages * 1_200),
  };
  const objects = deflateSync(Buffer.from(tree));
  const compressed = [
    `4 0 obj\n<< /Type /ObjStm /N 1 /Filter /FlateDecode /Length ${objects.length} >>\nstream\n`,
    objects,
    '\nendstream',
  ];
  const parts = form === 'compressed' ? compressed : [bodies[form]];
  return Buffer.concat(['%PDF-1.7\n', ...parts].map((part) => Buffer.from(part))).toString('base64');
}

function png(width: number, height: number): string {
  const bytes = Buffer.alloc(33);
  Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex').copy(bytes);
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  return bytes.toString('base64');
}

const document = (source: object, more: object = {}) => ({ type: 'document', source, ...more });
const base64Pdf = (data: string) => document({ type: 'base64', media_type: 'application/pdf', data });
const image = (source: object) => ({ type: 'image', source });
const asking = (content: unknown, more: object = {}) => ({
  model: 'claude-opus-5-5',
  max_tokens: 100,
  messages: [{ role: 'user', content }],
  ...more,
});

describe('the most tokens of a request', () => {
  const most = (params: Record<string, unknown>) => anthropicDialect.requests.size(params).most_tokens;

  test.each([
    ['a PDF of page objects', [base64Pdf(pdf(40, 'objects'))], 40 * PAGE_TOKENS],
    ['a PDF whose tree counts', [base64Pdf(pdf(100, 'count'))], 100 * PAGE_TOKENS],
    ['a PDF with its tree in an object stream', [base64Pdf(pdf(70, 'compressed'))], 70 * PAGE_TOKENS],
    ['a PDF that tells nothing', [base64Pdf(pdf(30, 'opaque'))], 30 * PAGE_TOKENS],
    ['a large image', [image({ type: 'base64', media_type: 'image/png', data: png(4_000, 3_000) })], 4_800],
    [
      'an image of a form that is not known',
      [image({ type: 'base64', media_type: 'image/png', data: 'AAAA' })],
      4_800,
    ],
    ['an image elsewhere', [image({ type: 'file', file_id: 'file_1' })], 4_800],
    [
      "a document's title and context",
      [document({ type: 'text', data: 'x' }, { title: 'q'.repeat(500), context: 'z'.repeat(700) })],
      1_200,
    ],
    ['a tool result', [{ type: 'tool_result', tool_use_id: 't', content: 'q'.repeat(900) }], 900],
    [
      "a tool call's keys and values",
      [{ type: 'tool_use', id: 't', name: 'n', input: { ['k'.repeat(400)]: 'v'.repeat(300) } }],
      700,
    ],
  ])('counts %s', (_name, content, least) => {
    expect(most(asking(content))).toBeGreaterThanOrEqual(least);
    expect(most(asking(content))).toBeLessThan(Number.POSITIVE_INFINITY);
  });

  test('goes by the pixels of a small image', () => {
    expect(
      most(asking([image({ type: 'base64', media_type: 'image/png', data: png(300, 200) })])),
    ).toBeLessThan(300);
  });

  test.each([
    ['bash', { type: 'bash_20250124', name: 'bash' }, 591],
    ['a text editor', { type: 'text_editor_20250728', name: 'str_replace_based_edit_tool' }, 2_026],
    [
      'web_fetch within its bounds',
      { type: 'web_fetch_20250910', name: 'web_fetch', max_uses: 3, max_content_tokens: 5_000 },
      15_000,
    ],
  ])('counts what the API adds for %s', (_name, tool, least) => {
    const added = most(asking('x', { tools: [tool] })) - most(asking('x'));
    expect(added).toBeGreaterThanOrEqual(least);
    expect(added).toBeLessThan(Number.POSITIVE_INFINITY);
  });

  test.each([
    ['a document by its file_id', asking([document({ type: 'file', file_id: 'file_1' })])],
    ['a document by its URL', asking([document({ type: 'url', url: 'https://example.com/a.pdf' })])],
    [
      'web_fetch without a bound',
      asking('x', { tools: [{ type: 'web_fetch_20250910', name: 'web_fetch', max_uses: 3 }] }),
    ],
    [
      'web_search',
      asking('x', { tools: [{ type: 'web_search_20250305', name: 'web_search', max_uses: 3 }] }),
    ],
    ['an MCP server', asking('x', { mcp_servers: [{ type: 'url', url: 'https://example.com', name: 'a' }] })],
  ])('is without a bound for %s', (_name, params) => {
    expect(most(params)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('a ceiling', () => {
  async function open(env: Record<string, string> = {}) {
    const api = await startApiServer({ endsAtOnce: true });
    onTestFinished(() => api.close());
    return { api, server: await startServer({ api, env }) };
  }

  test('holds for 100 PDFs of 100 pages', async () => {
    const { api, server } = await open({ BATCH_MCP_MAX_COST_USD: '1000' });
    const data = pdf(100, 'count');
    const requests = Array.from({ length: 100 }, (_, index) => ({
      custom_id: `r${index}`,
      params: asking([base64Pdf(data), { type: 'text', text: 'Summarize.' }]),
    }));
    expect(await server.fails('submit_batch', { requests, max_cost_usd: 3 })).toContain('cost_limit');
    expect(api.creates).toHaveLength(0);
    expect((await server.ok('estimate_cost', { requests })).cost_usd.maximum).toBeGreaterThan(30);
  });

  test('holds where only the requests that a sample misses are dear', async () => {
    const { server } = await open({ BATCH_MCP_MAX_COST_USD: '1000', BATCH_MCP_DAILY_BUDGET_USD: '1000' });
    const dear = 'ქართული '.repeat(200);
    const requests = Array.from({ length: 320 }, (_, index) => ({
      task_id: `t${index}`,
      prompt: index % 64 === 0 ? ' . ' : dear,
      max_tokens: 1,
    }));
    const { tokens } = await server.ok('estimate_cost', { requests, model_tier: 'cheap' });
    expect(tokens.input_high).toBeGreaterThan(315 * 7 * 200);
  });

  test.each([1, 20, 60, 300])(
    "an estimate's own maximum for %i tasks is a limit that its submission keeps",
    async (count) => {
      const { server } = await open();
      const requests = Array.from({ length: count }, (_, index) => ({
        task_id: `t${index}`,
        prompt: `Say ${index}`.repeat(9),
      }));
      const { cost_usd } = await server.ok('estimate_cost', { requests, model_tier: 'cheap' });
      const submitted = await server.ok('submit_batch', {
        requests,
        model_tier: 'cheap',
        max_cost_usd: cost_usd.maximum,
      });
      expect(submitted.cost_usd).toEqual(cost_usd);
    },
  );

  test('that is asked for holds in the sandbox too, and amounts are told apart', async () => {
    const server = await startServer({ argv: ['--sandbox'] });
    const requests = [{ task_id: 'a', prompt: 'Hello' }];
    const { maximum } = (await server.ok('estimate_cost', { requests })).cost_usd;
    const limit = maximum - 0.000001;
    const message = await server.fails('submit_batch', { requests, max_cost_usd: limit });
    const [cost, asked] = [...message.matchAll(/\$(\d+\.\d+)/g)]
      .map(([, usd]) => Number(usd))
      .filter((usd) => usd > limit / 2);
    expect(message).toContain('cost_limit');
    expect(cost).not.toBe(asked);
  });
});
