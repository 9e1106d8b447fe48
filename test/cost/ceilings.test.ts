import { deflateSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { sizeOf } from '../../src/lib/media.ts';
import { pagesOf } from '../../src/lib/pdf.ts';
import { anthropicDialect } from '../../src/provider/anthropic/dialect.ts';
import { startApi } from '../api.ts';
import { startApiServer } from '../api-server.ts';
import { startServer } from '../harness.ts';
import { eachNth, eachNthOf } from '../long.ts';

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
  return Buffer.concat(['%PDF-1.7\n', ...parts, '\n%%EOF'].map((part) => Buffer.from(part))).toString(
    'base64',
  );
}

function png(width: number, height: number): string {
  const bytes = Buffer.alloc(37);
  Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex').copy(bytes);
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  bytes.write('IEND', 33);
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

/** A PDF of these pieces, one behind the other. */
const pdfOf = (...pieces: (string | Buffer)[]) =>
  Buffer.concat(['%PDF-1.7\n', ...pieces].map((piece) => Buffer.from(piece)));
const pageObjects = (count: number) => '7 0 obj\n<</Type/Page/Parent 2 0 R>>\nendobj\n'.repeat(count);
const node = (rest: string) => `2 0 obj\n<</Type/Pages${rest}>>\nendobj\n`;
function objectStream(text: string, dictionary = '/Filter/FlateDecode', lineEnd = '\n'): Buffer {
  const data = dictionary.includes('Flate') ? deflateSync(Buffer.from(text)) : Buffer.from(text);
  const head = `9 0 obj\n<</Type/ObjStm/N 9/First 4${dictionary}>>\nstream${lineEnd}`;
  return Buffer.concat([Buffer.from(head), data, Buffer.from('\nendstream\nendobj\n')]);
}
/** As of a file whose streams are encrypted. */
const opaque = (bytes: number) => objectStream('\u0001'.repeat(bytes), '/Filter/Crypt');

describe('the pages of a PDF', () => {
  test.each<[what: string, file: Buffer, pages: number, isCounted?: boolean]>([
    [
      'page objects in several streams',
      pdfOf(...Array(5).fill(objectStream('<</Type/Page>> '.repeat(20)))),
      100,
    ],
    [
      'page objects in streams and outside',
      pdfOf(pageObjects(3), objectStream('<</Type/Page>> '.repeat(20))),
      23,
    ],
    [
      'a count that is another object',
      pdfOf(node('/Count 5 0 R'), objectStream('<</Type/Page>> '.repeat(20))),
      20,
    ],
    ['a count too low', pdfOf(node('/Count 1'), pageObjects(40)), 40],
    ['a count of none', pdfOf(node('/Count 0'), pageObjects(7)), 7],
    ['a count below none', pdfOf(node('/Count -7'), pageObjects(7)), 7],
    ['a count with its sign', pdfOf(node('/Count +30'), pageObjects(1)), 30],
    ['a count behind a comment', pdfOf(node('/Count % so many\n30'), pageObjects(1)), 30],
    ['a count in an object stream', pdfOf(objectStream('<</Type/Pages/Count 33>>')), 33],
    [
      'a stream behind a lone carriage return',
      pdfOf(objectStream('<</Type/Pages/Count 33>>', '/Filter/FlateDecode', '\r')),
      33,
    ],
    ['an object stream that is not packed', pdfOf(objectStream('<</Type/Pages/Count 33>>', '')), 33],
    [
      'pages added later',
      pdfOf(node('/Count 3'), pageObjects(3), '%%EOF\n', node('/Count 9'), pageObjects(6)),
      9,
    ],
    ['several nodes', pdfOf(node('/Count 30'), node('/Count 20'), node('/Kids[2 0 R 4 0 R]/Count 50')), 50],
    [
      'an outline of more entries',
      pdfOf(node('/Count 3'), pageObjects(3), '8 0 obj\n<</Type/Outlines/First 9 0 R/Count 400>>\nendobj\n'),
      3,
    ],
    [
      'what looks like a count in a stream',
      pdfOf(node('/Count 2'), pageObjects(2), '5 0 obj\n<</Length 12>>\nstream\n/Count 5000\nendstream\n'),
      2,
    ],
    [
      'a linearized one, all else unreadable',
      pdfOf('1 0 obj\n<</Linearized 1/L 9/N 120/T 9>>\nendobj\n', pageObjects(1), opaque(3_000)),
      120,
    ],
    ['one page in sight, the others unreadable', pdfOf(pageObjects(1), opaque(60_000)), 61, false],
    ['nothing readable', pdfOf(opaque(40_000)), 41, false],
  ])('%s', (_what, file, pages, isCounted = true) => {
    expect(pagesOf(file)).toEqual({ pages, isCounted });
  });
});

/** A JPEG whose frame header stands behind these bytes. */
const jpeg = (before: string, frame = 'c0', height = 'c8') =>
  Buffer.from(
    `ffd8${before}ff${frame}001108 00${height} 012c 03 010101010101010101ffd9`.replaceAll(' ', ''),
    'hex',
  );
const exif = `ffe1ea62${'ff'.repeat(60_000)}`;

describe('the size of an image', () => {
  test.each<[what: string, file: Buffer, size: object | null]>([
    ['a JPEG', jpeg(''), { width: 300, height: 200 }],
    ['a progressive one', jpeg('', 'c2'), { width: 300, height: 200 }],
    ['one with a long EXIF header', jpeg(exif), { width: 300, height: 200 }],
    ['one with filling before its frame', jpeg('ffe00004aaaaffffff'), { width: 300, height: 200 }],
    ['one with filling at its beginning', jpeg('ffffffe00004aaaa'), { width: 300, height: 200 }],
    ['one with a marker that stands alone', jpeg('ff01'), { width: 300, height: 200 }],
    ['one that tells its height behind the picture', jpeg('', 'c0', '00'), null],
    ['one that is cut', jpeg('').subarray(0, 8), null],
    ['a PNG without a width', Buffer.from(png(0, 200), 'base64'), null],
    [
      'a PNG that begins with a chunk of its own',
      Buffer.from('89504e470d0a1a0a000000044367424950002002', 'hex'),
      null,
    ],
    [
      'a PNG as Xcode writes it',
      Buffer.concat([
        Buffer.from('89504e470d0a1a0a000000044367424950002002aabbccdd', 'hex'),
        Buffer.alloc(30),
      ]),
      null,
    ],
  ])('%s', (_what, file, size) => {
    expect(sizeOf(file)).toEqual(size);
  });
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

  const elsewhere = (id: string) => document({ type: 'file', file_id: id });
  const network = { BATCH_MCP_ALLOW_NETWORK_TOOLS: '1' };
  const FETCHED = { type: 'web_fetch_20250910', name: 'web_fetch', max_uses: 2, max_content_tokens: 50_000 };
  const MILLION = 1_000_000;
  // Half of 0.10 dollars a million tokens up to 100,000 in a prompt, half of 0.50 above.
  eachNth<[what: string, asked: object[], least: number, most: number]>(2, [
    ['what web_fetch brings', [{ tools: [FETCHED] }], (100_000 * 0.25) / MILLION, 0.05],
    [
      'what web_search brings',
      [{ tools: [{ type: 'web_search_20250305', name: 'web_search', max_uses: 2 }] }],
      0.25 + 0.02,
      0.3,
    ],
    [
      'what code brings',
      [{ tools: [{ type: 'code_execution_20250825', name: 'code_execution' }] }],
      0.25,
      0.3,
    ],
    [
      'a file that is long, among short ones',
      [elsewhere('long'), ...Array(9).fill(elsewhere('short'))].map((block) => ({
        messages: [{ role: 'user', content: [block, { type: 'text', text: 'Sum it up.' }] }],
      })),
      (150_000 * 0.25) / MILLION,
      0.5,
    ],
  ])('holds where the API counts each request, and not %s', async (_what, asked, least, most) => {
    const tokens = (params: object) => (JSON.stringify(params).includes('"long"') ? 150_000 : 900);
    const api = await startApi({ tokens });
    const server = await startServer({ api, env: network });
    const params = { model: 'claude-haiku-5-5', max_tokens: 1, messages: [{ role: 'user', content: 'Go.' }] };
    const requests = asked.map((more, index) => ({ custom_id: `r${index}`, params: { ...params, ...more } }));
    const { cost_usd } = await server.ok('estimate_cost', { requests });
    expect(cost_usd.basis).toBe('exact');
    expect(cost_usd.maximum).toBeGreaterThanOrEqual(least);
    expect(cost_usd.maximum).toBeLessThan(most);
    expect((await server.ok('submit_batch', { requests, max_cost_usd: cost_usd.maximum })).cost_usd).toEqual(
      cost_usd,
    );
  });

  // Half of 2 dollars a million, of 4 where a cache is written for an hour, and a tenth more in the US.
  test.each<[what: string, dear: object, least: number]>([
    [
      'goes into a cache',
      { cache_control: { type: 'ephemeral', ttl: '1h' } },
      (90_000 * 2 + 1_000) / MILLION,
    ],
    ['is computed in the US', { inference_geo: 'us' }, (90_000 * 1.1 + 1_000) / MILLION],
  ])('holds where the one that has most tokens for its length %s', async (_what, dear, least) => {
    const tokens = (params: object) => (JSON.stringify(params).includes('dense') ? 90_000 : 1_000);
    const server = await startServer({ api: await startApi({ tokens }) });
    const params = { model: 'claude-sonnet-5-5', max_tokens: 1 };
    const requests = [
      { custom_id: 'a', params: { ...params, messages: [{ role: 'user', content: 'dense' }], ...dear } },
      { custom_id: 'b', params: { ...params, messages: [{ role: 'user', content: 'word '.repeat(5_000) }] } },
    ];
    const { cost_usd } = await server.ok('estimate_cost', { requests });
    expect(cost_usd.basis).toBe('exact');
    expect(cost_usd.maximum).toBeGreaterThanOrEqual(least);
    expect(cost_usd.maximum).toBeLessThan(least * 1.02);
  });

  const byFile = (ids: readonly string[], more: object = {}) =>
    ids.map((id, index) => ({
      custom_id: `r${index}`,
      params: asking([elsewhere(id), { type: 'text', text: 'Sum it up.' }], { max_tokens: 1, ...more }),
    }));
  const named = (count: number, form: (index: number) => string) =>
    Array.from({ length: count }, (_, i) => form(i));
  const WHOLE = 'takes the whole context';
  // Half of 4 dollars a million; a context of a million tokens takes 2 dollars.
  eachNthOf<{
    what: string;
    requests: object[];
    counts: number;
    least: number;
    most: number;
    said: RegExp | null;
    key?: false;
  }>(2, [
    {
      what: 'one file in 60 requests is counted once beside the sample',
      requests: byFile(named(60, () => 'file_a')),
      counts: 16,
      least: 60 * 0.0018,
      most: 0.2,
      said: null,
    },
    {
      what: '50 files, one of them long, in 60 requests',
      requests: byFile(named(60, (i) => `file_${i === 37 ? 'long' : i % 50}`)),
      counts: 15 + 50,
      least: 59 * 0.0018 + 0.3,
      most: 0.5,
      said: null,
    },
    {
      what: 'an address in a tool result',
      requests: byFile(named(30, () => 'x')).map(({ custom_id, params }) => ({
        custom_id,
        params: {
          ...params,
          tools: [{ name: 'read', input_schema: { type: 'object' } }],
          messages: [
            ...params.messages,
            { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'read', input: {} }] },
            {
              role: 'user',
              content: [
                {
                  type: 'tool_result',
                  tool_use_id: 't',
                  content: [document({ type: 'url', url: 'https://example.com/a.pdf' })],
                },
              ],
            },
          ],
        },
      })),
      counts: 15 + 2,
      least: 60 * 0.0018,
      most: 0.4,
      said: null,
    },
    {
      what: 'a file that is gone, outside the sample, and no others',
      requests: byFile(named(60, (i) => (i === 37 ? 'file_gone' : 'file_a'))),
      counts: 15 + 2,
      least: 2 + 59 * 0.0018,
      most: 2.3,
      said: /context of claude-opus-5-5.*\(1 request\).*did not count 1 of 2 documents.*no such file/,
    },
    {
      what: 'few requests, all counted',
      requests: byFile(['file_a', 'file_b']),
      counts: 2,
      least: 0.0036,
      most: 0.01,
      said: null,
    },
    {
      what: 'search, whatever is counted',
      requests: byFile(['file_a'], {
        tools: [{ type: 'web_search_20250305', name: 'web_search', max_uses: 1 }],
      }),
      counts: 1,
      least: 2,
      most: 2.1,
      said: /takes the whole context/,
    },
    {
      what: 'files without a key',
      requests: byFile(['file_a', 'file_b']),
      counts: 0,
      least: 4,
      most: 4.1,
      said: /takes the whole context/,
      key: false,
    },
  ])('counts what stands elsewhere: $what', async ({ requests, counts, least, most, said, key = true }) => {
    const api = await startApi({
      tokens: (params) => {
        const text = JSON.stringify(params);
        if (text.includes('file_gone')) return null;
        return (text.includes('long') ? 150_000 : 900) * (text.split('"document"').length - 1);
      },
    });
    const server = await startServer({ ...(key && { api }), env: network });
    const { cost_usd, warnings } = await server.ok('estimate_cost', { requests });
    expect(cost_usd.maximum).toBeGreaterThanOrEqual(least);
    expect(cost_usd.maximum).toBeLessThan(most);
    expect(api.asked('count')).toBe(counts);
    if (said === null) expect(warnings.join('\n')).not.toContain(WHOLE);
    else expect(warnings.join(' ')).toMatch(said);
    if (!key) return;
    const submitted = await server.ok('submit_batch', { requests, max_cost_usd: cost_usd.maximum });
    expect(submitted.cost_usd).toEqual(cost_usd);
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

  const answers = { output_schema: { type: 'object', properties: { a: { type: 'string' } } } };
  const tasks = (ids: readonly string[]) => ids.map((task_id) => ({ task_id, prompt: `Say ${task_id}` }));
  const numbered = (form: (index: number) => string) => tasks(Array.from({ length: 12 }, (_, i) => form(i)));
  eachNth<[what: string, work: object]>(3, [
    ['tasks', { requests: numbered((i) => `t${i}`) }],
    ['tasks whose ids are made', { requests: numbered((i) => `Größe ${i}`) }],
    ['packs', { requests: numbered((i) => `t${i}`), pack: 4, ...answers }],
    ['packs of tasks whose ids are made', { requests: numbered((i) => `Größe ${i}`), pack: 4, ...answers }],
    [
      'packs under variants',
      { requests: numbered((i) => `t${i}`), pack: 3, ...answers, variants: { A: { effort: 'low' }, B: {} } },
    ],
  ])('counts the very same at every call: %s', async (_what, work) => {
    // By every character, so that none may differ.
    const tokens = (params: object) =>
      Array.from(JSON.stringify(params)).reduce(
        (sum, character, at) => (sum * 31 + character.charCodeAt(0) + at) % 9_973,
        7,
      );
    const server = await startServer({ api: await startApi({ tokens }) });
    const { cost_usd } = await server.ok('estimate_cost', work);
    expect(cost_usd.basis).toBe('exact');
    expect((await server.ok('estimate_cost', work)).cost_usd).toEqual(cost_usd);
    expect((await server.ok('submit_batch', { ...work, max_cost_usd: cost_usd.maximum })).cost_usd).toEqual(
      cost_usd,
    );
  });

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
