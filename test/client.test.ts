import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createBatchClient, createBatchServer } from '../src/index.ts';
import { startApi } from './api.ts';
import { temporaryFolder } from './harness.ts';

async function open() {
  const api = await startApi({ endsAtOnce: true });
  const folder = await temporaryFolder();
  const env = {
    BATCH_MCP_DATA_DIR: path.join(folder, 'data'),
    BATCH_MCP_WORK_DIR: folder,
    BATCH_MCP_PROVIDER: 'anthropic',
  };
  process.env.ANTHROPIC_API_KEY = api.key;
  process.env.ANTHROPIC_BASE_URL = api.url;
  onTestFinished(() => {
    delete process.env.ANTHROPIC_API_KEY;
    delete process.env.ANTHROPIC_BASE_URL;
  });
  const client = await createBatchClient({ env });
  onTestFinished(() => client.close());
  return { api, client };
}

const work = (text: string) => ({ requests: [{ task_id: 'a', prompt: text }] });

it('submits, follows and reads a batch for a program', async () => {
  const { client } = await open();
  const { batch_id } = await client.submit(work('hello'));
  await client.status(batch_id, { waitSeconds: 5 });
  const { results } = await client.results(batch_id);
  expect(results).toMatchObject([{ task_id: 'a', text: 'answer a' }]);
  expect((await client.list()).totals.batches).toBe(1);
});

it('takes one idempotency key for one submission, whatever the day, and refuses other work under it', async () => {
  const { api, client } = await open();
  const first = await client.submit(work('hello'), { idempotency_key: 'nightly-2026-11-22' });
  const second = await client.submit(work('hello'), { idempotency_key: 'nightly-2026-11-22' });
  expect(second).toMatchObject({ batch_id: first.batch_id, duplicate: true });
  await expect(client.submit(work('other'), { idempotency_key: 'nightly-2026-11-22' })).rejects.toMatchObject(
    {
      code: 'invalid_input',
    },
  );
  const third = await client.submit(work('hello'), { idempotency_key: 'nightly-2026-11-23' });
  expect(third).toMatchObject({ duplicate: false });
  expect(api.creates).toHaveLength(2);
});

/** An object that is its own entry. */
const endless: Record<string, unknown> = {};
endless.self = endless;

it.each<[what: string, value: unknown, sent: string]>([
  ['a bigint with all its digits', 12345678901234567890n, '12345678901234567890'],
  ['a date as its text', new Date(0), '1970-01-01T00:00:00.000Z'],
  ['an address as its text', new URL('https://example.com/a'), 'https://example.com/a'],
  ['a boxed text as its text', new String('boxed'), 'boxed'],
  ['what says how it is written, so', { toJSON: () => ({ a: 1 }) }, '{"a":1}'],
  ['an object without what is undefined', { a: 1, b: undefined }, '{"a":1}'],
])('takes %s', async (_what, value, sent) => {
  const { client } = await open();
  const { preview } = await client.estimate({
    requests: [{ task_id: 'a', prompt: 'x {{v}} y', input_data: { v: value, none: undefined } }],
  });
  expect(JSON.parse(preview ?? '').params.messages[0].content).toBe(`x ${sent} y`);
});

it.each<[what: string, value: unknown, problem: string]>([
  ['not a number', Number.NaN, 'is NaN'],
  ['endless', Number.POSITIVE_INFINITY, 'is Infinity'],
  ['a function', () => 'text', 'is a function'],
  ['a symbol', Symbol('text'), 'is a symbol'],
  ['a hole in a list', [undefined], 'is undefined'],
  ['a map', new Map([['a', 1]]), "is a Map, which JSON can't hold"],
  ['bytes', Buffer.from('text'), "is a Uint8Array, which JSON can't hold"],
  ['a date that is none', new Date('soon'), 'is a Date without a time'],
  ['what was not awaited', Promise.resolve('text'), "is a Promise, which JSON can't hold"],
  ['an object that contains itself', endless, 'is an object that contains itself'],
])('refuses %s, which JSON would drop or change in silence', async (_what, value, problem) => {
  const { api, client } = await open();
  const refused = client.submit({ requests: [{ task_id: 'a', prompt: 'x', input_data: { v: value } }] });
  await expect(refused).rejects.toMatchObject({
    code: 'invalid_input',
    problems: [{ field: expect.stringMatching(/^requests\[0\]\.input_data\.v/), problem }],
  });
  await expect(client.wait('last', { pollInterval: Number.NaN })).rejects.toMatchObject({
    problems: [{ field: 'poll_interval', problem: 'is NaN', valid: 'a number that JSON has' }],
  });
  expect(api.creates).toEqual([]);
});

/** A value of any type, as a program without types gives one. */
const untyped = (value: unknown): ReturnType<typeof JSON.parse> => value;

type Client = Awaited<ReturnType<typeof createBatchClient>>;
type Wrong = [
  what: string,
  call: (client: Client, given: ReturnType<typeof untyped>) => Promise<unknown>,
  field: string,
  given?: unknown,
];

const followed = work('hello');
it.each<Wrong>([
  ['a text for a signal', (client, signal) => client.submit(followed, { signal }), 'signal', 'stop'],
  [
    'a controller for its signal',
    (client, signal) => client.submit(followed, { signal }),
    'signal',
    new AbortController(),
  ],
  [
    'a text for onProgress',
    (client, onProgress) => client.submit(followed, { onProgress }),
    'onProgress',
    'log',
  ],
  ['a number for options', (client, options) => client.wait('last', options), 'options', 300],
  ['a list for options', (client, options) => client.list(options), 'options', []],
  ['a path for work', (client, path) => client.submit(path), 'work', 'tasks.jsonl'],
  ['no batch to read', (client, id) => client.answers(id)[Symbol.asyncIterator]().next(), 'batch_id'],
  [
    'a reply for its batch_id',
    (client, id) => client.resultLines(id)[Symbol.asyncIterator]().next(),
    'batch_id',
    {},
  ],
])('refuses %s before anything is done', async (_what, call, field, given) => {
  const { api, client } = await open();
  await expect(call(client, untyped(given))).rejects.toMatchObject({
    code: 'invalid_input',
    problems: [{ field }],
  });
  expect(api.creates).toEqual([]);
});

it.each<[call: 'submit' | 'estimate']>([['submit'], ['estimate']])(
  '%s does nothing where it was aborted before, though that would take no time',
  async (call) => {
    const folder = await temporaryFolder();
    const client = await createBatchClient({ env: {}, flags: ['--sandbox', '--data-dir', folder] });
    onTestFinished(() => client.close());
    const aborted = client[call](work('hello'), { signal: AbortSignal.abort() });
    await expect(aborted).rejects.toMatchObject({ code: 'wrong_state' });
    expect((await client.list()).totals.batches).toBe(0);
  },
);

it('refuses every call once it is closed', async () => {
  const { api, client } = await open();
  const { batch_id } = await client.submit(work('hello'));
  await client.close();
  const late: (() => Promise<unknown>)[] = [
    () => client.submit(work('other')),
    () => client.status(batch_id),
    () => client.list(),
    async () => {
      for await (const _ of client.answers(batch_id));
    },
  ];
  for (const call of late) await expect(call()).rejects.toMatchObject({ code: 'wrong_state' });
  expect(api.creates).toHaveLength(1);
  await client.close();
});

it('takes null for no options', async () => {
  const { client } = await open();
  const { batch_id } = await client.submit(followed, untyped(null));
  expect(await client.status(batch_id, untyped(null))).toMatchObject({ batch_id });
  expect(await client.list(untyped(null))).toMatchObject({ totals: { batches: 1 } });
  expect(await client.wait(batch_id, { signal: untyped(null), onProgress: untyped(null) })).toMatchObject({
    batch_id,
  });
});

it('takes the environment of the process itself', async () => {
  const folder = await temporaryFolder();
  const client = await createBatchClient({
    env: process.env,
    flags: ['--sandbox', '--data-dir', path.join(folder, 'data')],
  });
  await client.close();
});

it.each<[options: unknown, field: string]>([
  [null, 'options'],
  ['sk-ant-key', 'options'],
  [{ api_key: 'sk-ant-key' }, 'api_key'],
  [{ sandbox: true }, 'sandbox'],
  [{ apiKey: '' }, 'apiKey'],
  [{ flags: '--sandbox' }, 'flags'],
  [{ env: { BATCH_MCP_MAX_COST_USD: 5 } }, 'env.BATCH_MCP_MAX_COST_USD'],
  [{ log: 'debug' }, 'log'],
])('is not opened with %j, of which something would be passed over', async (options, field) => {
  for (const opened of [createBatchClient(untyped(options)), createBatchServer(untyped(options))]) {
    const error = await opened.then(String, (failure: unknown) => failure);
    expect(error).toMatchObject({ code: 'invalid_input', problems: [{ field }] });
    expect(JSON.stringify(error)).not.toContain('sk-ant-key');
  }
});
