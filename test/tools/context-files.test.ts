import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { startApi, startCheckedServer } from '../api.ts';
import { eachNth, long } from '../long.ts';
import { expectRefusal, type Given, type Row } from './refusal.ts';

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const PDF = Buffer.from('%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\n%%EOF');

async function put(work: string, files: Record<string, string | Buffer>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(work, name)), { recursive: true });
    await writeFile(path.join(work, name), content);
  }
}

const work = { requests: ['What is the fee?', 'Who signs?'] };

describe('a text alone', () => {
  eachNth<[what: string, file: string, content: string]>(2, [
    ['a list', 'w.json', '["One?", {"task_id": "b", "prompt": "Two?"}, "Three?"]'],
    ['lines', 'w.jsonl', '"One?"\n{"task_id": "b", "prompt": "Two?"}\n"Three?"\n'],
  ])('is a prompt whose id is its place, in a call and in a file of %s', async (_what, file, content) => {
    const api = await startApi();
    const server = await startCheckedServer({ api });
    await put(server.work, { [file]: content });
    await server.ok('submit_batch', { requests_file: file });
    const inline = ['One?', { task_id: 'b', prompt: 'Two?' }, 'Three?'];
    expect(await server.ok('submit_batch', { requests: inline })).toMatchObject({ duplicate: true });
    const sent = api.creates.flatMap(({ requests }) =>
      requests.map(({ custom_id, params }) => [custom_id, params.messages]),
    );
    expect(sent).toEqual([
      ['task_1', [{ role: 'user', content: 'One?' }]],
      ['b', [{ role: 'user', content: 'Two?' }]],
      ['task_3', [{ role: 'user', content: 'Three?' }]],
    ]);
  });
});

describe('documents before each task', () => {
  it('are the first blocks of every request, equal byte for byte, and the task follows', async () => {
    const api = await startApi();
    const server = await startCheckedServer({ api });
    await put(server.work, {
      'docs/b.txt': 'Fee: 10 €',
      'docs/a.txt': 'Signed by A',
      'p.pdf': PDF,
      'i.dat': PNG,
    });
    await server.ok('submit_batch', { ...work, context_files: ['docs/*.txt', 'p.pdf', 'i.dat'] });
    const contents = api.creates.flatMap(({ requests }) => requests.map(({ params }) => contentOf(params)));
    const text = (data: string, title: string) => ({
      type: 'document',
      source: { type: 'text', media_type: 'text/plain', data },
      title,
    });
    const shared = [
      text('Signed by A', 'docs/a.txt'),
      text('Fee: 10 €', 'docs/b.txt'),
      {
        type: 'document',
        source: { type: 'base64', media_type: 'application/pdf', data: PDF.toString('base64') },
        title: 'p.pdf',
      },
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PNG.toString('base64') } },
    ];
    expect(contents).toEqual(work.requests.map((prompt) => [...shared, { type: 'text', text: prompt }]));
  });

  it('stand before the file or the row of a task', async () => {
    const api = await startApi();
    const server = await startCheckedServer({ api });
    await put(server.work, { 'rubric.md': 'Be kind.', 'essay.pdf': PDF, 'rows.csv': 'q\nWhy?\n' });
    await server.ok('submit_batch', {
      input_files: ['essay.pdf'],
      prompt: 'Grade it.',
      context_files: ['rubric.md'],
    });
    await server.ok('submit_batch', { rows_file: 'rows.csv', prompt: '{{q}}', context_files: ['rubric.md'] });
    const kinds = api.creates.map(({ requests: [request] }) =>
      contentOf(request?.params ?? {}).map(({ type, title, text }) => title ?? text ?? type),
    );
    expect(kinds).toEqual([
      ['rubric.md', 'document', 'Grade it.\n\n<path>\nessay.pdf\n</path>'],
      ['rubric.md', 'Why?'],
    ]);
  });

  it('can be had without what ! leaves out, though that could not be read', async () => {
    const api = await startApi();
    const server = await startCheckedServer({ api });
    await put(server.work, { 'docs/a.md': 'A', 'docs/.DS_Store': 'x', 'docs/b.docx': 'PK\x03\x04' });
    const context_files = ['docs', '!.DS_Store', '!*.docx'];
    await server.ok('submit_batch', { requests: ['x'], context_files });
    expect(api.creates[0]?.requests).toHaveLength(1);
  });

  it('are part of the work: another text of the same file is other work', async () => {
    const api = await startApi();
    const server = await startCheckedServer({ api });
    const call = { ...work, context_files: ['a.txt'] };
    await put(server.work, { 'a.txt': 'one' });
    const first = await server.ok('submit_batch', call);
    expect(await server.ok('submit_batch', call)).toMatchObject({
      batch_id: first.batch_id,
      duplicate: true,
    });
    await put(server.work, { 'a.txt': 'two' });
    expect(await server.ok('submit_batch', call)).toMatchObject({ duplicate: false });
  });

  it('are priced in the estimate, which says what caching and packing would change', long, async () => {
    const server = await startCheckedServer({});
    await put(server.work, { 'a.txt': 'A sentence of the contract. '.repeat(2_000) });
    const requests = Array.from({ length: 400 }, (_, index) => `Question ${index}?`);
    const without = await server.ok('estimate_cost', { requests });
    const { cost_usd, advice } = await server.ok('estimate_cost', { requests, context_files: ['a.txt'] });
    const [said] = advice.filter((each: string) => each.startsWith('context_files'));
    expect(said).toMatch(
      /^context_files, about [\d,]+ tokens, are read by each of 400 requests: \$[\d.]+ of this estimate\. Otherwise: cached \$[\d.]+ if all .* and \$[\d.]+ if none does, .*; with 20 of these tasks in one request \$[\d.]+\.$/,
    );
    const [plain = 0, cached = 0, never = 0, primed = 0, packed = 0] = said
      .match(/\$([\d.]+\d)/g)
      .map((usd: string) => Number(usd.slice(1)));
    expect(cost_usd.expected - without.cost_usd.expected).toBeGreaterThan(plain * 0.98);
    expect(cost_usd.expected - without.cost_usd.expected).toBeLessThan(plain * 1.02);
    expect(cached).toBeLessThan(plain);
    expect(never).toBeGreaterThan(plain);
    expect(primed).toBe(cached);
    expect(packed).toBeCloseTo(plain / 20, 2);
  });

  it('are priced for each model that variants ask', async () => {
    const server = await startCheckedServer({});
    await put(server.work, { 'a.txt': 'A sentence of the contract. '.repeat(2_000) });
    const requests = Array.from({ length: 40 }, (_, index) => ({ task_id: `q${index}`, prompt: 'Why?' }));
    const plain = async (args: object): Promise<number> => {
      const { advice } = await server.ok('estimate_cost', { requests, context_files: ['a.txt'], ...args });
      const said = advice.find((each: string) => each.startsWith('context_files'));
      return Number(/\$([\d.]+\d)/.exec(said)?.[1]);
    };
    const both = await plain({ variants: { A: { model_tier: 'cheap' }, B: { model_tier: 'premium' } } });
    const each = (await plain({ model_tier: 'cheap' })) + (await plain({ model_tier: 'premium' }));
    expect(both).toBeCloseTo(each, 1);
  });

  it('leave out what nobody means who names a folder, and say so', async () => {
    const api = await startApi();
    const server = await startCheckedServer({ api });
    await put(server.work, {
      'd/a.txt': 'One',
      'd/.DS_Store': 'x',
      'd/.git/config': 'x',
      'd/node_modules/m/readme.txt': 'x',
      'd/.gitignore': 'build\n',
      'd/build/b.txt': 'x',
    });
    const call = { ...work, context_files: ['d'] };
    const told = expect.stringMatching(
      /^Of context_files these are left out: 2 hidden .*: "d\/\.DS_Store", "d\/\.gitignore"; 1 left out by \.gitignore: "d\/build"; 1 in node_modules/,
    );
    expect(await server.ok('estimate_cost', call)).toMatchObject({
      warnings: expect.arrayContaining([told]),
    });
    expect(await server.ok('submit_batch', call)).toMatchObject({ warnings: expect.arrayContaining([told]) });
    const contents = api.creates.flatMap(({ requests }) => requests.map(({ params }) => contentOf(params)));
    for (const content of contents) expect(content).toHaveLength(2);
  });

  const given = (files: Record<string, string | Buffer>, context_files: unknown): Given => {
    return async (server) => {
      await put(server.work, files);
      return { ...work, context_files };
    };
  };
  const table: Row[] = [
    ['none there', given({}, ['none.txt']), 'not_found', 'none.txt'],
    ['a glob of nothing', given({ 'a.txt': 'x' }, ['*.pdf']), 'context_files: match no file'],
    [
      'a glob of nothing beside a file',
      given({ 'a.txt': 'x' }, ['a.txt', '*.pdf']),
      'context_files: would leave out 1 without a file (check the spelling): "*.pdf"',
    ],
    ['outside', given({}, ['/etc/hostname']), 'not_allowed'],
    [
      'one that cannot be read, by name',
      given({ 'a.txt': 'a', 'b.docx': 'PK\u0003\u0004' }, ['.']),
      'context_files: would leave out 1 in an Office format',
      '"b.docx"',
    ],
    [
      'a hidden one that is named',
      given({ 'a.txt': 'x', '.rules': 'y' }, ['a.txt', '.rules']),
      'context_files: would leave out 1 hidden, though named',
      '".rules"',
    ],
    [
      'a file of keys',
      given({ 'd/a.txt': 'x', 'd/secrets.json': '{}' }, ['d']),
      'context_files: would leave out 1 secret',
    ],
    ['an empty one', given({ 'a.txt': '' }, ['a.txt']), 'context_files: would leave out 1 empty'],
    [
      'a binary one',
      given({ 'a.bin': Buffer.alloc(99) }, ['a.bin']),
      'context_files: would leave out 1 binary',
    ],
    [
      'more than a request holds',
      given({ 'a.txt': 'x'.repeat(30_000_001) }, ['a.txt']),
      'context_files: holds more',
    ],
    [
      'beside native requests',
      async (server) => {
        await put(server.work, { 'a.txt': 'x' });
        const params = {
          model: 'claude-haiku-5-5',
          max_tokens: 9,
          messages: [{ role: 'user', content: 'x' }],
        };
        return { requests: [{ custom_id: 'n', params }], context_files: ['a.txt'] };
      },
      'requests[0] (n): params: is sent as it is, so context_files would not be read',
    ],
  ];
  eachNth(6, table)('%s: nothing is sent', async (...row) => {
    await expectRefusal(row);
  });
});

function contentOf({ messages }: { messages?: unknown }): { type: string; title?: string; text?: string }[] {
  const [message] = Array.isArray(messages) ? messages : [];
  return message.content;
}
