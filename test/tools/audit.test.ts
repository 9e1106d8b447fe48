import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { follow, prompts, startApi } from '../api.ts';
import { errored } from '../api-server.ts';
import { type Reply, type ServerOptions, startServer, type TestServer } from '../harness.ts';
import { CONTENT } from './refusal.ts';

const AT = '2026-11-22T08:00:00.000Z';
const now = () => new Date(AT);

async function start(options: ServerOptions = {}): Promise<TestServer> {
  return startServer({ api: await startApi({ endsAtOnce: true }), now, ...options });
}

async function linesOf({ data }: { data: string }): Promise<Reply[]> {
  const text = await readFile(path.join(data, 'audit.jsonl'), 'utf8').catch(() => '');
  expect(text === '' || text.endsWith('\n')).toBe(true);
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

const work = { requests: prompts(['a', 'b']) };

/** A batch of which one task failed, submitted by another process: its line is taken out again. */
async function failedBatch(): Promise<{ server: TestServer; batch_id: string }> {
  const api = await startApi({
    endsAtOnce: true,
    results: (requests) => requests.map((each) => errored(each, 'overloaded_error', 'busy')),
  });
  const server = await start({ api });
  const { batch_id } = await server.ok('submit_batch', work);
  await follow(server, batch_id);
  await rm(path.join(server.data, 'audit.jsonl'));
  return { server, batch_id };
}

describe('what was done has its line', () => {
  test('a submission, with its batch, its files and the most that it may cost', async () => {
    const server = await start();
    const { batch_id, cost_usd } = await server.ok('submit_batch', { ...work, output_file: 'out.csv' });
    const maximum_usd = cost_usd.maximum;
    expect(await linesOf(server)).toEqual([
      { at: AT, tool: 'submit_batch', outcome: 'done', batch_id, files: ['out.csv'], maximum_usd },
    ]);
  });

  test('a retry, with what it alone may cost', async () => {
    const { server, batch_id } = await failedBatch();
    const { retry } = await server.ok('retry_batch', { batch_id });
    expect(await linesOf(server)).toEqual([
      { at: AT, tool: 'retry_batch', outcome: 'done', batch_id, maximum_usd: retry.cost_usd.maximum },
    ]);
  });

  test('a cancellation', async () => {
    const server = await start({ api: await startApi() });
    const { batch_id } = await server.ok('submit_batch', work);
    await server.ok('cancel_batch', { batch_id });
    expect((await linesOf(server))[1]).toMatchObject({ tool: 'cancel_batch', outcome: 'done', batch_id });
  });

  test('answers that were read or written', async () => {
    const { server, batch_id } = await failedBatch();
    await server.ok('get_results', { batch_id });
    await server.ok('get_results', { batch_id, output_file: 'all.json' });
    expect(await linesOf(server)).toMatchObject([
      { tool: 'get_results', outcome: 'done', batch_id },
      { tool: 'get_results', outcome: 'done', batch_id, files: ['all.json'] },
    ]);
  });

  test('a dry run that read a file', async () => {
    const server = await start();
    await writeFile(path.join(server.work, 'tasks.json'), JSON.stringify(work.requests));
    const { cost_usd } = await server.ok('estimate_cost', { requests_file: 'tasks.json' });
    const maximum_usd = cost_usd.maximum;
    expect(await linesOf(server)).toEqual([
      { at: AT, tool: 'estimate_cost', outcome: 'done', files: ['tasks.json'], maximum_usd },
    ]);
  });
});

describe('what was refused has its line, with why', () => {
  const unknown = 'batch_01JD000000000000000000000Z';
  const rows: [tool: string, args: object, outcome: string, more?: object][] = [
    ['submit_batch', {}, 'invalid_input'],
    ['submit_batch', { ...work, wrong: 1 }, 'invalid_input'],
    ['submit_batch', { requests_file: 'none.json' }, 'not_found', { files: ['none.json'] }],
    ['submit_batch', { requests_file: '/etc/tasks.json' }, 'not_allowed', { files: ['/etc/tasks.json'] }],
    ['submit_batch', { ...work, output_file: '/etc/out.csv' }, 'not_allowed', { files: ['/etc/out.csv'] }],
    ['submit_batch', { ...work, max_cost_usd: 0 }, 'cost_limit'],
    ['estimate_cost', { requests_file: '/etc/tasks.json' }, 'not_allowed', { files: ['/etc/tasks.json'] }],
    ['cancel_batch', { batch_id: unknown }, 'not_found', { batch_id: unknown }],
    ['retry_batch', { batch_id: unknown, model_tier: 'best' }, 'invalid_input', { batch_id: unknown }],
    ['get_results', { batch_id: unknown }, 'not_found', { batch_id: unknown }],
    [
      'get_results',
      { batch_id: unknown, output_file: 'all.csv' },
      'not_found',
      { batch_id: unknown, files: ['all.csv'] },
    ],
  ];
  test.each(rows)('%s of %j: %s', async (tool, args, outcome, more = {}) => {
    const server = await start();
    expect(await server.fails(tool, args)).toMatch(new RegExp(`^${outcome}: `));
    expect(await linesOf(server)).toEqual([{ at: AT, tool, outcome, ...more }]);
  });

  test('where there is no key', async () => {
    const server = await startServer({ now });
    await server.fails('submit_batch', work);
    expect(await linesOf(server)).toEqual([{ at: AT, tool: 'submit_batch', outcome: 'no_credentials' }]);
  });

  test('also where the fault is our own', async () => {
    const broken = new Error('a mistake');
    const server = await start({
      store: (real) => ({ ...real, stage: () => Promise.reject(broken) }),
    });
    expect(await server.fails('submit_batch', work)).toMatch(/^internal: /);
    expect(await linesOf(server)).toEqual([{ at: AT, tool: 'submit_batch', outcome: 'internal' }]);
  });
});

test('mere looks have none', async () => {
  const { server, batch_id } = await failedBatch();
  await server.ok('batch_status', { batch_id });
  await server.ok('list_batches');
  await server.ok('estimate_cost', work);
  await server.fails('batch_status', { batch_id: 'none' });
  expect(await linesOf(server)).toEqual([]);
});

type Argument = { tool: string; name: string; description: string; isList: boolean };

/** Every argument that a tool advertises. A word on it may stand in another tool alone. */
async function advertisedArguments(): Promise<Argument[]> {
  const server = await start();
  const { tools } = await server.client.listTools();
  return tools.flatMap((tool) =>
    Object.entries(tool.inputSchema.properties ?? {}).map(([name, schema]) => ({
      tool: tool.name,
      name,
      description: 'description' in schema ? String(schema.description) : '',
      isList: 'type' in schema && schema.type === 'array',
    })),
  );
}

describe('every argument that names a file is recorded', () => {
  /** As their names, or what is said of them, tell. */
  async function sorted(): Promise<{ files: Argument[]; others: Argument[] }> {
    const all = await advertisedArguments();
    const tells = ({ name, description }: Argument) =>
      /(^|_)(files?|paths?|folders?|dirs?|patterns?)$/.test(name) || /\bpaths?\b/i.test(description);
    const names = new Set(all.filter(tells).map(({ name }) => name));
    const isFile = ({ name }: Argument) => names.has(name);
    return { files: all.filter(isFile), others: all.filter((one) => !isFile(one)) };
  }

  test('by its name, whichever tool takes it', async () => {
    const { files: found } = await sorted();
    expect(found.map(({ tool, name }) => `${tool} ${name}`)).toEqual(
      expect.arrayContaining([
        'submit_batch requests_file',
        'submit_batch rows_file',
        'submit_batch input_files',
        'submit_batch labels',
        'submit_batch output_file',
        'estimate_cost requests_file',
        'get_results output_file',
      ]),
    );
    const server = await start();
    for (const { tool, name, isList } of found) {
      const given = isList ? ['one.txt', 'sub/*.txt'] : 'one.txt';
      await server.call(tool, { [name]: given });
      const line = (await linesOf(server)).at(-1);
      expect(line, `${tool} ${name}`).toMatchObject({ tool, files: [given].flat() });
    }
    expect(await linesOf(server)).toHaveLength(found.length);
  });

  test('and no other argument is taken for one', async () => {
    const { others } = await sorted();
    const server = await start();
    for (const { tool, name } of others) await server.call(tool, { [name]: 'one.txt' });
    for (const line of await linesOf(server)) expect(line).not.toHaveProperty('files');
  });

  test('all of them at once, in one line, whatever form they have', async () => {
    const server = await start();
    const files = { requests_file: 'a.json', rows_file: 'b.csv', join_file: 'c.csv', output_file: 'd.md' };
    await server.fails('submit_batch', {
      ...files,
      labels: ['no-file.txt'],
      input_files: ['e/*.txt', '!e/f.txt'],
    });
    await server.fails('submit_batch', {
      requests_file: 7,
      rows_file: null,
      output_file: `\n${'x'.repeat(5_000)}`,
    });
    const [all, odd] = await linesOf(server);
    expect(new Set(all?.files)).toEqual(new Set(['a.json', 'b.csv', 'c.csv', 'd.md', 'e/*.txt', '!e/f.txt']));
    expect(odd?.files).toEqual(['7', `\n${'x'.repeat(4_095)}`]);
  });
});

test('no content and no key is in it, and only its owner can read it', async () => {
  const server = await start();
  const request = { task_id: CONTENT, prompt: CONTENT, system: CONTENT };
  const { batch_id } = await server.ok('submit_batch', { requests: [request], name: CONTENT });
  await server.ok('get_results', { batch_id });
  await server.fails('submit_batch', { requests: [{ ...request, wrong: CONTENT }] });
  const file = path.join(server.data, 'audit.jsonl');
  expect(await linesOf(server)).toHaveLength(3);
  expect(await readFile(file, 'utf8')).not.toMatch(new RegExp(`${CONTENT}|sk-ant`));
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test('two processes write one log, and nothing is ever taken out of it', async () => {
  const api = await startApi({ endsAtOnce: true });
  const one = await start({ api });
  const two = await start({ api, folder: one.folder });
  const calls = Array.from({ length: 20 }, (_, i) =>
    (i % 2 ? one : two).ok('submit_batch', { requests: prompts([`t${i}`]) }),
  );
  const ids = (await Promise.all(calls)).map(({ batch_id }) => batch_id);
  expect(new Set((await linesOf(one)).map(({ batch_id }) => batch_id))).toEqual(new Set(ids));
  expect(await linesOf(one)).toHaveLength(20);
});

test('a log that cannot be written keeps no call from its reply', async () => {
  const server = await start();
  await mkdir(path.join(server.data, 'audit.jsonl'), { recursive: true });
  const { batch_id } = await server.ok('submit_batch', work);
  expect(await server.ok('get_results', { batch_id })).toMatchObject({ totals: { succeeded: 2 } });
});
