import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ids, prompts, startApi } from '../api.ts';
import { apiError, hang, json } from '../api-server.ts';
import { spawnServer } from '../harness.ts';
import { long } from '../long.ts';
import { hasSignals } from '../programs.ts';
import { type RawServer, startRawServer, toolCall } from './raw-server.ts';

/** What the product promises, and what a busy machine may take on top. */
const LONGEST_END_MS = 5_500 + 8_000;

const requests = prompts(ids(3));

/** Every line is a whole MCP message, and there is nothing besides. */
function expectFramesOnly(text: string): void {
  expect(text === '' || text.endsWith('\n')).toBe(true);
  for (const line of text.split('\n').slice(0, -1))
    expect(JSON.parse(line)).toMatchObject({ jsonrpc: '2.0' });
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
}

describe('what clients do wrong is survived', () => {
  const messages: { name: string; message: unknown; code?: number }[] = [
    {
      name: 'a request before initialize',
      message: { jsonrpc: '2.0', id: 7, method: 'server/discover' },
      code: -32601,
    },
    { name: 'tools/list before initialize', message: { jsonrpc: '2.0', id: 7, method: 'tools/list' } },
    { name: 'a line of garbage', message: 'this is no JSON {{{' },
    { name: 'an empty line', message: '' },
    { name: 'JSON that is no message', message: '[1, 2, 3]' },
    { name: 'null', message: 'null' },
    { name: 'a line of a megabyte of garbage', message: 'x'.repeat(1024 * 1024) },
    { name: 'an unknown notification', message: { jsonrpc: '2.0', method: 'notifications/nobody' } },
    { name: 'a reply that nobody asked for', message: { jsonrpc: '2.0', id: 99, result: {} } },
  ];
  test('before and after initialize', async () => {
    const server = await startRawServer();
    for (const { message } of messages) server.send(message);
    await server.initialize();
    for (const { message } of messages) server.send(message);
    server.send({ jsonrpc: '2.0', id: 8, method: 'resources/nothing' });
    expect(await server.reply(8)).toMatchObject({ error: { code: -32601 } });
    expect(await server.reply(7)).toMatchObject({ error: { code: -32601 } });
    server.send(toolCall(9, 'no_such_tool'));
    expect((await server.reply(9)).error.message).toMatch(/submit_batch, batch_status/);
    server.send(toolCall(10, 'list_batches'));
    expect(await server.reply(10)).toMatchObject({ result: { structuredContent: { batches: [] } } });
    expectFramesOnly(server.stdout());
    expect(server.stderr()).not.toContain('this is no JSON');
  });
});

const ends: { name: string; end: (server: RawServer) => void; stdoutClosed?: boolean }[] = [
  { name: 'the end of stdin', end: (server) => server.closeStdin() },
  {
    name: 'a closed stdout',
    end: (server) => {
      server.closeStdout();
      server.send(toolCall(50, 'list_batches'));
    },
    stdoutClosed: true,
  },
];
if (hasSignals) {
  ends.push(
    { name: 'SIGTERM', end: (server) => server.kill('SIGTERM') },
    { name: 'SIGINT', end: (server) => server.kill('SIGINT') },
    {
      name: 'the end of stdin and both signals at once',
      end: (server) => {
        server.closeStdin();
        server.kill('SIGTERM');
        server.kill('SIGINT');
      },
    },
  );
}

describe.each(ends)('$name ends it in time', ({ end, stdoutClosed }) => {
  async function expectEnds(server: RawServer): Promise<void> {
    const asked = Date.now();
    end(server);
    expect(await server.ended).toEqual({ code: 0, signal: null });
    expect(Date.now() - asked).toBeLessThan(LONGEST_END_MS);
    if (!stdoutClosed) expectFramesOnly(server.stdout());
    expect(server.stderr()).not.toMatch(/Error|at file:/);
  }

  test('while it is idle', async () => {
    const server = await startRawServer();
    await server.initialize();
    await expectEnds(server);
  });

  test('with the sandbox running and a call that waits', long, async () => {
    const server = await startRawServer({ env: { BATCH_MCP_SANDBOX_SECONDS: '600' } });
    await server.initialize();
    server.send(toolCall(2, 'submit_batch', { requests, sandbox: true }));
    const { batch_id } = (await server.reply(2)).result.structuredContent;
    server.send(toolCall(3, 'batch_status', { batch_id, wait_seconds: 20 }));
    server.send(toolCall(4, 'list_batches'));
    await server.reply(4);
    await expectEnds(server);
  });
});

test('a create that is not answered does not keep it, and what is on disk tells of it', long, async () => {
  const api = await startApi();
  api.override('create', hang);
  const server = await startRawServer({ api });
  await server.initialize();
  server.send(toolCall(2, 'submit_batch', { requests }));
  await expect.poll(() => api.creates.length).toBe(1);
  const asked = Date.now();
  server.closeStdin();
  expect(await server.ended).toEqual({ code: 0, signal: null });
  expect(Date.now() - asked).toBeLessThan(LONGEST_END_MS);
  expectFramesOnly(server.stdout());

  const next = await spawnServer({ folder: server.folder, api });
  await next.client.listTools();
  const [batch] = (await next.ok('list_batches')).batches;
  expect(await next.ok('batch_status', { batch_id: batch.batch_id })).toMatchObject({
    processing_status: 'unconfirmed',
    request_count: 3,
  });
  expect(api.creates).toHaveLength(1);
  const unfinished = (await filesBelow(server.data)).map((file) => path.relative(server.data, file));
  expect(unfinished.filter((file) => /^(tmp|staging)\/|\.tmp$/.test(file))).toEqual([]);
});

test('a create that is under way when stdin ends is seen through', async () => {
  const api = await startApi();
  const answer = api.hold('create');
  const server = await startRawServer({ api });
  await server.initialize();
  server.send(toolCall(2, 'submit_batch', { requests }));
  await expect.poll(() => api.creates.length).toBe(1);
  server.closeStdin();
  answer();
  expect(await server.ended).toEqual({ code: 0, signal: null });

  const next = await startRawServer({ folder: server.folder, api });
  await next.initialize();
  next.send(toolCall(2, 'list_batches'));
  expect((await next.reply(2)).result.structuredContent.batches).toMatchObject([
    { processing_status: 'in_progress', request_count: 3 },
  ]);
  expect(api.creates).toHaveLength(1);
});

test('a call that takes its time is answered after the end of stdin, unless a signal comes', async () => {
  const server = await startRawServer({ env: { BATCH_MCP_SANDBOX_SECONDS: '3600' } });
  await server.initialize();
  server.send(toolCall(2, 'submit_batch', { requests, sandbox: true }));
  const { batch_id } = (await server.reply(2)).result.structuredContent;
  server.send(toolCall(3, 'batch_status', { batch_id, wait_seconds: 2.5 }));
  server.closeStdin();
  expect((await server.reply(3)).result.structuredContent).toMatchObject({
    processing_status: 'in_progress',
  });
  expect(await server.ended).toEqual({ code: 0, signal: null });

  const next = await startRawServer({ folder: server.folder });
  await next.initialize();
  next.send(toolCall(2, 'batch_status', { batch_id, wait_seconds: 20 }));
  const start = performance.now();
  next.closeStdin();
  if (hasSignals) next.kill('SIGTERM');
  expect(await next.ended).toEqual({ code: 0, signal: null });
  expect(performance.now() - start).toBeLessThan(LONGEST_END_MS);
});

describe('nothing but frames goes to stdout, and the key goes nowhere', () => {
  const key = 'sk-ant-api03-this-is-the-secret';
  const settings = { ANTHROPIC_LOG: 'debug', BATCH_MCP_LOG_LEVEL: 'debug', DEBUG: '*', NODE_DEBUG: '' };

  test('over a whole job at log level debug', async () => {
    const api = await startApi({ key, endsAtOnce: true });
    const server = await startRawServer({ api, env: settings });
    await server.initialize();
    server.send(toolCall(2, 'submit_batch', { requests, output_file: 'out.jsonl' }));
    const { batch_id } = (await server.reply(2)).result.structuredContent;
    server.send(toolCall(3, 'get_results', { batch_id, detail: 'full' }));
    expect((await server.reply(3)).result.structuredContent.totals).toMatchObject({ succeeded: 3 });
    server.send('garbage');
    server.closeStdin();
    await server.ended;

    expectFramesOnly(server.stdout());
    expect(server.stderr()).toMatch(/ debug /);
    for (const text of [server.stdout(), server.stderr()]) expect(text).not.toContain(key);
    expect(server.stderr()).not.toContain('The question of');
    const files = await filesBelow(server.folder);
    expect(files.length).toBeGreaterThan(5);
    for (const file of files) expect(await readFile(file, 'utf8'), file).not.toContain(key);
  });

  test('where the API quotes it', long, async () => {
    const api = await startApi({ key });
    api.override('create', json(400, apiError('invalid_request_error', `Your key ${key} is not right`)));
    const server = await startRawServer({ api, env: settings });
    await server.initialize();
    server.send(toolCall(2, 'submit_batch', { requests }));
    expect(JSON.stringify(await server.reply(2))).toMatch(/not_sent.*is not right/);
    server.closeStdin();
    await server.ended;
    expectFramesOnly(server.stdout());
    for (const text of [server.stdout(), server.stderr()]) expect(text).not.toContain(key);
    for (const file of await filesBelow(server.data)) {
      expect(await readFile(file, 'utf8'), file).not.toContain(key);
    }
  });
});

test('a setting that cannot be used is said on stderr, and nothing is started', async () => {
  const env = { BATCH_MCP_PROVIDER: 'openai', BATCH_MCP_MAX_COST_USD: 'much' };
  const server = await startRawServer({ env });
  expect(await server.ended).toEqual({ code: 2, signal: null });
  expect(server.stdout()).toBe('');
  expect(server.stderr()).toMatch(/BATCH_MCP_PROVIDER.*anthropic, sandbox/);
  expect(server.stderr()).toMatch(/BATCH_MCP_MAX_COST_USD/);
  expect(await readdir(server.folder)).toEqual(['work']);
});
