import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { modelTable } from '../../../src/provider/anthropic/models/price-table.ts';
import { dialectOf } from '../../../src/provider/dialects.ts';
import { createModelCatalog } from '../../../src/provider/models.ts';
import type { Examination } from '../../../src/tasks/examine/examine-task.ts';
import { examineInThreads } from '../../../src/tasks/examine/thread-pool.ts';
import { createTemplates } from '../../../src/templates/templates.ts';
import { startApi, startCheckedServer } from '../../api.ts';
import type { ApiServer } from '../../api-server.ts';
import type { ServerOptions } from '../../harness.ts';
import { eachNth } from '../../long.ts';

type Limits = ServerOptions['limits'];

const here: Limits = { threadedBytes: Number.POSITIVE_INFINITY };
const onThreads: Limits = { threadedBytes: 0 };

/** Long enough for a few hundred to be several blocks. */
const filling = 'A few words, and Zürich. '.repeat(300);

const native = (i: number, params: object = {}) =>
  JSON.stringify({
    custom_id: `n-${i}`,
    params: {
      model: i % 3 === 0 ? 'claude-haiku-5-5' : 'claude-sonnet-5-5',
      max_tokens: 100,
      messages: [{ role: 'user', content: `${i} ${filling}` }],
      ...params,
    },
  });
const own = (i: number) => JSON.stringify({ task_id: `own ${i}`, prompt: `${i} ${filling}` });

/** What is made anew for every batch in the ids that the product makes. */
const withoutNonce = (text: string) => text.replaceAll(/task_(\d+)_\w{10}/g, 'task_$1');

type Given = {
  content: string | Buffer;
  name?: string;
  args?: Record<string, unknown>;
  /** Other files, by their names. */
  others?: Record<string, string>;
};

/** What the API gets of a file, and what the store keeps; or the error. */
async function outcomeOf(api: ApiServer, given: Given, limits: Limits) {
  const { content, name = 'tasks.jsonl', args = { requests_file: name }, others = {} } = given;
  const server = await startCheckedServer({ api, limits: { ...limits, partRequests: 150, callMs: 120_000 } });
  await writeFile(path.join(server.work, name), content);
  for (const [other, text] of Object.entries(others)) await writeFile(path.join(server.work, other), text);
  const before = api.creates.length;
  const { isError, text, reply } = await server.call('submit_batch', args);
  if (isError) return { text };
  const folder = path.join(server.data, 'batches', reply.batch_id);
  const [first = ''] = await readdir(path.join(folder, 'record'));
  const record = await readFile(path.join(folder, 'record', first), 'utf8');
  return {
    sent: withoutNonce(JSON.stringify(api.creates.slice(before))),
    tasks: withoutNonce(await readFile(path.join(folder, 'tasks.jsonl'), 'utf8')),
    content_hash: /"content_hash": ?"(\w+)"/.exec(record)?.[1],
    cost: reply.cost_usd,
    warnings: reply.warnings,
  };
}

const many = (line: (i: number) => string, count = 400) => Array.from({ length: count }, (_, i) => line(i));

const files: [what: string, content: string | Buffer][] = [
  ['native requests', many((i) => native(i)).join('\n')],
  ['tasks of its own', `${many(own).join('\n')}\n`],
  ['both, with empty lines and carriage returns', many((i) => (i % 2 ? native(i) : own(i))).join('\r\n\r\n')],
  [
    'native requests that are not sent as they stand',
    many((i) => native(i, { metadata: { n: i / 8 } })).join('\n'),
  ],
  ['a byte order mark', `\ufeff${many((i) => native(i), 3).join('\n')}`],
  ['the same id far apart', [...many((i) => native(i)), native(7)].join('\n')],
  ['problems all over', many((i) => (i % 40 === 3 ? native(i, { max_tokens: -1 }) : native(i))).join('\n')],
  ['more problems than are named', many((i) => native(i % 300, { max_tokens: -1 })).join('\n')],
  ['a line that breaks', [...many((i) => native(i), 300), '{"custom_id": "x", ', native(300)].join('\n')],
  [
    'a line that is not UTF-8',
    Buffer.concat([
      Buffer.from(`${many((i) => native(i), 300).join('\n')}\n`),
      Buffer.from('{"task_id":"a","prompt":"\xff"}\n', 'latin1'),
    ]),
  ],
  [
    'a line that is nested too deeply',
    [
      ...many((i) => native(i), 5),
      `{"task_id":"deep","input_data":{"a":${'['.repeat(99_999)}${']'.repeat(99_999)}}}`,
    ].join('\n'),
  ],
  ['nothing', ''],
  ['empty lines alone', '\n \n\r\n'],
];

const csv = (row: (i: number) => string, count = 400) => ['id,text', ...many(row, count)].join('\n');
const quoted = (i: number) => `r-${i},"${i} ""so"", ${filling}"`;

const tables: [what: string, name: string, content: string | Buffer, settings: object][] = [
  ['rows of a table', 't.csv', csv(quoted), { id_column: 'id' }],
  ['rows with fields that are missing', 't.csv', csv((i) => (i === 390 ? 'x' : quoted(i))), {}],
  ['rows with stray quotes', 't.csv', csv((i) => (i === 390 ? `${i},"a"b` : quoted(i))), {}],
  ['a row that never ends', 't.csv', csv((i) => (i === 390 ? `${i},"a` : quoted(i))), {}],
  ['rows of the same id', 't.csv', csv((i) => quoted(i % 390)), { id_column: 'id' }],
  ['short rows under a long prompt', 't.csv', csv((i) => `${i},${i}`), { prompt: `${filling} {{text}}` }],
  ['a column that is not there', 't.csv', csv(quoted), { prompt: '{{txt}}' }],
  ['a table without rows', 't.csv', 'id,text\n', {}],
  [
    'rows that are not UTF-8',
    't.csv',
    Buffer.from(
      csv((i) => (i === 390 ? `${i},caf\xe9` : `${i},${i} ${'words '.repeat(900)}`)),
      'latin1',
    ),
    {},
  ],
  [
    'rows as objects',
    't.jsonl',
    many((i) => JSON.stringify({ text: `${i} ${filling}`, n: i })).join('\n'),
    {},
  ],
  [
    'objects whose columns differ',
    't.jsonl',
    many((i) => JSON.stringify({ [i > 390 ? 'other' : 'text']: filling })).join('\n'),
    { prompt: '{{text}} {{nowhere}}' },
  ],
  ['rows as lines', 't.txt', many((i) => `${i} ${filling}`).join('\n'), { prompt: '{{line}}' }],
  ['several variants', 't.csv', csv(quoted, 100), { variants: { A: {}, B: { prompt: 'Name: {{text}}' } } }],
];

/** Several groups for each thread, with some that are left out, and one that is a block by itself. */
const texts = Object.fromEntries(
  many((i) => `f${i}.md`, 300).map((name, i) => [name, i % 50 === 7 ? '' : `${i} and Zürich`]),
);
const large = 'A long text. '.repeat(250_000);

describe('what is examined on threads is what is examined here', () => {
  eachNth<[what: string, content: string, others: Record<string, string>, settings: object]>(4, [
    ['files', large, texts, {}],
    ['files under several variants', large, texts, { variants: { A: {}, B: { prompt: 'Name: {{text}}' } } }],
    ['nothing but empty files', '', { 'a.md': '', 'b.md': ' ' }, {}],
    ['a place that files do not have', '', texts, { prompt: '{{line}}' }],
  ])('%s', async (_what, content, others, settings) => {
    const api = await startApi();
    const args = { input_files: ['*.md'], prompt: 'Sort: {{text}}', max_tokens: 100, ...settings };
    const given = { content, name: 'z.md', args, others };
    const expected = await outcomeOf(api, given, here);
    expect(await outcomeOf(api, given, onThreads)).toEqual(expected);
  });

  eachNth(13, files)('%s', async (_what, content) => {
    const api = await startApi();
    const expected = await outcomeOf(api, { content }, here);
    expect(await outcomeOf(api, { content }, onThreads)).toEqual(expected);
  });

  eachNth(13, tables)('%s', async (_what, name, content, settings) => {
    const api = await startApi();
    const args = { rows_file: name, prompt: 'Sort: {{text}}', max_tokens: 100, ...settings };
    const expected = await outcomeOf(api, { content, name, args }, here);
    expect(await outcomeOf(api, { content, name, args }, onThreads)).toEqual(expected);
  });
});

test('a key that comes twice is sent once, with the value that was checked', async () => {
  const line =
    '{"custom_id":"twice","params":{"max_tokens":99999999,"model":"claude-haiku-5-5","max_tokens":100,"messages":[{"role":"user","content":"Hi"}]}}';
  const api = await startApi();
  const server = await startCheckedServer({ api });
  await writeFile(path.join(server.work, 'tasks.jsonl'), `${line}\n`);
  const { batch_id } = await server.ok('submit_batch', { requests_file: 'tasks.jsonl' });
  const body = await readFile(path.join(server.data, 'batches', batch_id, 'part-0001.requests.json'), 'utf8');
  expect(body.match(/max_tokens/g)).toHaveLength(1);
  expect(body).toContain('"max_tokens":100,');
});

test('a native request goes out as it stands', async () => {
  const line =
    '{ "params": {"messages":[{"content":"caf\\u00e9 \\/ é","role":"user"}], "max_tokens": 100, "model":"claude-haiku-5-5"}, "custom_id":"as-it-is" }';
  const api = await startApi();
  const server = await startCheckedServer({ api });
  await writeFile(path.join(server.work, 'tasks.jsonl'), `\ufeff  ${line} \r\n`);
  const { batch_id } = await server.ok('submit_batch', { requests_file: 'tasks.jsonl' });
  const body = await readFile(path.join(server.data, 'batches', batch_id, 'part-0001.requests.json'), 'utf8');
  expect(body).toBe(`{"requests":[${line}]}`);
});

test('the same work is the same batch, however it is written and wherever it is examined', async () => {
  const api = await startApi();
  const server = await startCheckedServer({ api, limits: onThreads });
  const params = {
    model: 'claude-haiku-5-5',
    max_tokens: 100,
    messages: [{ role: 'user', content: 'café' }],
  };
  const first = await server.ok('submit_batch', { requests: [{ custom_id: 'a', params }] });
  const line = JSON.stringify({
    params: { messages: params.messages, model: params.model, max_tokens: 100 },
    custom_id: 'a',
  });
  await writeFile(path.join(server.work, 'tasks.jsonl'), line.replace('é', '\\u00e9'));
  const second = await server.ok('submit_batch', { requests_file: 'tasks.jsonl' });
  expect(second).toMatchObject({ batch_id: first.batch_id, duplicate: true });
  expect(api.creates).toHaveLength(1);
});

test('a thread that dies is an error of the call, and of nothing else', async () => {
  const examination: Examination = {
    templates: createTemplates(),
    // The thread has to make a catalog from this.
    catalog: { ...createModelCatalog(modelTable), options: { tiers: { cheap: 'no-such-model' } } },
    allowNetworkTools: false,
    dialect: dialectOf('anthropic'),
    defaults: {},
    partBytes: 1_000_000,
    today: '2026-11-22',
    nonce: 'abcdefghij',
    places: 'line',
  };
  async function* lines() {
    for (let number = 1; number < 20; number += 1)
      yield {
        kind: 'lines' as const,
        lines: { number, bytes: new Uint8Array(Buffer.from(`${own(number)}\n`)) },
      };
  }
  const examined = examineInThreads(lines(), examination);
  await expect(examined.next()).rejects.toThrow('no-such-model');
});
