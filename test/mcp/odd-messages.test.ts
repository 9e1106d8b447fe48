import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { finished } from 'node:stream/promises';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import { createContext } from '../../src/config/create-context.ts';
import { createServer } from '../../src/mcp/create-server.ts';
import { envelope } from '../../src/mcp/protocol.ts';
import { StdioTransport } from '../../src/mcp/stdio-transport.ts';
import { temporaryFolder } from '../harness.ts';
import { startRawServer } from '../server/raw-server.ts';

type Odd = { name: string; method?: string; id?: number; more: Record<string, unknown>; answer: object };

const list = {
  result: { tools: expect.arrayContaining([expect.objectContaining({ name: 'submit_batch' })]) },
};
const batches = { result: { structuredContent: { batches: [] } } };
const hello = { result: { serverInfo: { name: 'batch-mcp' } } };
const clientInfo = { name: 'odd', version: '1' };
const protocolVersion = '2025-06-18';
const call = { name: 'list_batches' };

const rows: Odd[] = [
  { name: 'no params', method: 'tools/list', more: {}, answer: list },
  { name: 'params null', method: 'tools/list', more: { params: null }, answer: list },
  { name: 'params []', method: 'tools/list', more: { params: [] }, answer: list },
  { name: 'params ""', method: 'tools/list', more: { params: '' }, answer: list },
  { name: 'a null cursor', method: 'tools/list', more: { params: { cursor: null } }, answer: list },
  { name: 'a number for a cursor', method: 'tools/list', more: { params: { cursor: 5 } }, answer: list },
  { name: '_meta null', method: 'tools/list', more: { params: { _meta: null } }, answer: list },
  { name: '_meta []', method: 'tools/list', more: { params: { _meta: [] } }, answer: list },
  {
    name: 'a null progress token',
    method: 'tools/list',
    more: { params: { _meta: { progressToken: null } } },
    answer: list,
  },
  {
    name: 'an object for a progress token',
    method: 'tools/list',
    more: { params: { _meta: { progressToken: {} } } },
    answer: list,
  },
  {
    name: 'a task in _meta that is none',
    method: 'tools/list',
    more: { params: { _meta: { 'io.modelcontextprotocol/related-task': 7 } } },
    answer: list,
  },
  { name: 'a key beside the protocol’s', method: 'tools/list', more: { sessionId: 'x' }, answer: list },
  { name: 'no jsonrpc', method: 'tools/list', more: { jsonrpc: undefined }, answer: list },
  { name: 'another jsonrpc', method: 'tools/list', more: { jsonrpc: '1.0' }, answer: list },
  { name: 'ping with params null', method: 'ping', more: { params: null }, answer: { result: {} } },
  { name: 'no arguments', method: 'tools/call', more: { params: call }, answer: batches },
  {
    name: 'arguments null',
    method: 'tools/call',
    more: { params: { ...call, arguments: null } },
    answer: batches,
  },
  {
    name: 'arguments []',
    method: 'tools/call',
    more: { params: { ...call, arguments: [] } },
    answer: batches,
  },
  {
    name: 'arguments ""',
    method: 'tools/call',
    more: { params: { ...call, arguments: '' } },
    answer: batches,
  },
  ...['null', '  ', JSON.stringify('{"limit": 5}')].map(
    (given): Odd => ({
      name: `arguments ${JSON.stringify(given)}`,
      method: 'tools/call',
      more: { params: { ...call, arguments: given } },
      answer: batches,
    }),
  ),
  {
    name: 'arguments as JSON text',
    method: 'tools/call',
    more: { params: { ...call, arguments: '{"limit": 5}' } },
    answer: batches,
  },
  { name: 'a null task', method: 'tools/call', more: { params: { ...call, task: null } }, answer: batches },
  {
    name: 'a task of 2025-11-25, which is not offered',
    method: 'tools/call',
    more: { params: { ...call, task: { ttl: 60_000 } } },
    answer: batches,
  },
  {
    name: 'params as JSON text',
    method: 'tools/call',
    more: { params: JSON.stringify(call) },
    answer: batches,
  },
  {
    name: 'a call with params in their places',
    method: 'tools/call',
    more: { params: ['list_batches', {}] },
    answer: { error: { code: -32602, message: expect.stringContaining('submit_batch') } },
  },
  {
    name: 'a tool called __proto__',
    method: 'tools/call',
    more: { params: { name: '__proto__' } },
    answer: { error: { code: -32602, message: expect.stringContaining('submit_batch') } },
  },
  ...['', 'Tools/List', 'rpc.discover', '__proto__', 'constructor', 'notifications/initialized'].map(
    (method): Odd => ({
      name: `the method "${method}"`,
      method,
      more: {},
      answer: { error: { code: -32601 } },
    }),
  ),
  ...['prompts/get', 'resources/read'].map(
    (method): Odd => ({
      name: `${method} of nothing`,
      method,
      more: {},
      answer: { error: { code: -32602 } },
    }),
  ),
  {
    name: 'arguments that are none',
    method: 'tools/call',
    more: { params: { ...call, arguments: 'all of them' } },
    answer: { result: { isError: true, content: [{ text: expect.stringContaining('an object') }] } },
  },
  {
    name: 'a list of arguments',
    method: 'tools/call',
    more: { params: { ...call, arguments: [5] } },
    answer: { result: { isError: true, content: [{ text: expect.stringContaining('an object') }] } },
  },
  {
    name: 'no name',
    method: 'tools/call',
    more: { params: {} },
    answer: { error: { code: -32602, message: expect.stringContaining('submit_batch') } },
  },
  {
    name: 'a call with params null',
    method: 'tools/call',
    more: { params: null },
    answer: { error: { code: -32602, message: expect.stringContaining('submit_batch') } },
  },
  {
    name: 'a number for a name',
    method: 'tools/call',
    more: { params: { name: 7 } },
    answer: { error: { code: -32602, message: expect.stringContaining('submit_batch') } },
  },
  {
    name: 'capabilities []',
    method: 'initialize',
    more: { params: { protocolVersion, capabilities: [], clientInfo } },
    answer: hello,
  },
  {
    name: 'capabilities null',
    method: 'initialize',
    more: { params: { protocolVersion, capabilities: null, clientInfo } },
    answer: hello,
  },
  {
    name: 'capabilities of odd shapes',
    method: 'initialize',
    more: {
      params: {
        protocolVersion,
        capabilities: { roots: true, sampling: [], experimental: null },
        clientInfo,
      },
    },
    answer: hello,
  },
  {
    name: 'no client info',
    method: 'initialize',
    more: { params: { protocolVersion, capabilities: {} } },
    answer: hello,
  },
  {
    name: 'client info without a version',
    method: 'initialize',
    more: { params: { protocolVersion, capabilities: {}, clientInfo: { name: 'odd' } } },
    answer: hello,
  },
  { name: 'initialize with params null', method: 'initialize', more: { params: null }, answer: hello },
  {
    name: 'prompts/list',
    method: 'prompts/list',
    more: {},
    answer: {
      result: { prompts: expect.arrayContaining([expect.objectContaining({ name: 'classify_table' })]) },
    },
  },
  {
    name: 'resources/list',
    method: 'resources/list',
    more: { params: null },
    answer: { result: { resources: [{ uri: 'batch-mcp://task-types' }] } },
  },
  {
    name: 'resources/templates/list',
    method: 'resources/templates/list',
    more: { params: [] },
    answer: { result: { resourceTemplates: [{ uriTemplate: 'batch-mcp://batches/{batch_id}' }] } },
  },
  {
    name: 'logging/setLevel',
    method: 'logging/setLevel',
    more: { params: { level: 'debug' } },
    answer: { result: {} },
  },
  {
    name: 'logging/setLevel to nothing',
    method: 'logging/setLevel',
    more: { params: null },
    answer: { result: {} },
  },
  {
    name: 'an unknown method',
    method: 'nobody/knows',
    more: { params: null },
    answer: { error: { code: -32601 } },
  },
  { name: 'no method', more: { params: {} }, answer: { error: { code: -32600 } } },
  { name: 'a number for a method', more: { method: 5 }, answer: { error: { code: -32600 } } },
  { name: 'half an id', id: 1.5, method: 'ping', more: {}, answer: { id: 1.5, error: { code: -32600 } } },
  // What says nothing of its era is of that of the message before it.
  {
    name: 'no client info in the new era',
    method: 'tools/list',
    more: {
      params: {
        _meta: { [envelope.version]: '2026-07-28', [envelope.clientCapabilities]: [] },
      },
    },
    answer: list,
  },
  {
    name: 'an envelope that lacks the capabilities',
    method: 'tools/list',
    more: { params: { _meta: { [envelope.version]: '2026-07-28' } } },
    answer: { error: { code: -32602, message: expect.stringMatching(/Missing: \S+clientCapabilities$/) } },
  },
  {
    name: 'a version that is to come',
    method: 'tools/list',
    more: { params: { _meta: { [envelope.version]: '2030-01-01' } } },
    answer: { error: { code: -32022, data: { requested: '2030-01-01' } } },
  },
  {
    name: 'a version that is none, from whoever began with initialize',
    method: 'tools/call',
    more: { params: { ...call, _meta: { [envelope.version]: 5 } } },
    answer: batches,
  },
];

function messageOf({ method, more }: Odd, id: unknown): object {
  return { jsonrpc: '2.0', id, ...(method !== undefined && { method }), ...more };
}

/** No reader is shown what a validator has to say. */
const DUMP = /invalid_type|invalid_union|"path"|ZodError|unrecognized_keys/;

/** What is answered to these bytes, in the order of the answers. */
async function answersTo(bytes: string | Buffer): Promise<object[]> {
  const stdin = new PassThrough();
  const stdout = new PassThrough();
  const folder = await temporaryFolder();
  const env = { BATCH_MCP_DATA_DIR: folder, BATCH_MCP_WORK_DIR: folder };
  const context = await createContext(readConfig({ env, argv: [], home: folder }), () => {});
  onTestFinished(() => context.close());
  const work: Promise<unknown>[] = [];
  const onWork = (each: Promise<unknown>) => void work.push(each);
  const server = createServer(context, { version: '0', redact: (text) => text, onWork });
  await server.connect(new StdioTransport(stdin, stdout));
  // As they come through a pipe: in pieces.
  for (let start = 0; start < bytes.length; start += 7) stdin.write(bytes.slice(start, start + 7));
  stdin.end();
  await finished(stdin, { writable: false });
  await Promise.all(work);
  await server.close();
  stdout.end();
  const lines = (await text(stdout)).trim().split('\n');
  return lines.filter(Boolean).map((line) => JSON.parse(line));
}

describe('over stdio', () => {
  test('every odd request has an answer under its id', async () => {
    const server = await startRawServer();
    for (const [number, row] of rows.entries()) server.send(messageOf(row, row.id ?? number));
    for (const [number, row] of rows.entries()) {
      const answer = await server.reply(row.id ?? number);
      expect(answer, row.name).toMatchObject(row.answer);
      expect(JSON.stringify(answer), row.name).not.toMatch(DUMP);
    }
  });

  const ping = (id: unknown, more = {}) => JSON.stringify({ jsonrpc: '2.0', id, method: 'ping', ...more });
  const utf16 = (text: string) => Buffer.from(text, 'utf16le');
  const done = (id: unknown) => ({ id, result: {} });
  const invalid = { error: { code: -32600 } };
  const noJson = (id: unknown) => ({ id, error: { code: -32700 } });
  const last = '{"jsonrpc":"2.0","method":"ping","id":"last"}';

  test.each<[what: string, bytes: string | Buffer, answers: object[]]>([
    ['a byte order mark in front', `\uFEFF${ping(1)}\n`, [done(1)]],
    ['zeros in front', `\0\0${ping(1)}\n`, [done(1)]],
    ['UTF-16 with a mark', utf16(`\uFEFF${ping(1)}\n\uFEFF${ping('é')}\n`), [done(1), done('é')]],
    ['UTF-16 without one', utf16(`${ping(1)}\r\n`), [done(1)]],
    ['UTF-16 the other way round', utf16(`\uFEFF${ping(1)}\n`).swap16(), [done(1)]],
    ['CRLF', `${ping(1)}\r\n${ping(2)}\r\n`, [done(1), done(2)]],
    ['no end of the last line', `${ping(1)}\n${ping(2)}`, [done(1), done(2)]],
    ['CR alone', `${ping(1)}\r${ping(2)}\r`, [done(1), done(2)]],
    ['two messages in a line', `${ping(1)}${ping('}{"')} [${ping(3)}]\n`, [done(1), done('}{"'), done(3)]],
    [
      'a message over several lines',
      `${JSON.stringify(JSON.parse(ping(1)), null, 2)}\n${last}\n`,
      [done(1), done('last')],
    ],
    ['a brace before a message', `{\n${ping(1)}\n`, [noJson(null), done(1)]],
    ['half a message', `{"jsonrpc":"2.0","id":3,"meth`, [noJson(3)]],
    [
      'half a message and a whole one',
      `{"jsonrpc":"2.0","id":3,"method":"ping"\n${last}\n`,
      [noJson(3), done('last')],
    ],
    ['a comma too many', `{"jsonrpc":"2.0","method":"ping","id":"x",}\n`, [noJson('x')]],
    ['NaN in the params', `{"id":7,"method":"ping","params":{"a":NaN}}\n`, [noJson(7)]],
    ['single quotes', `{'id':7}\n${last}\n`, [noJson(null), done('last')]],
    ['words', `hello\n${last}\n`, [noJson(null), done('last')]],
    ['a header', `Content-Length: 44\r\n\r\n${ping(1)}\n`, [noJson(null), done(1)]],
    ['an empty list', `[]\n${last}\n`, [invalid, done('last')]],
    ['lists in lists', `[[${ping(1)}],[[${ping(2)}]]]\n`, [done(1), done(2)]],
    [
      'plain values',
      `5\n"ping"\nnull\n[true]\n${last}\n`,
      [invalid, invalid, invalid, invalid, done('last')],
    ],
    ['an id of null', `${ping(null)}\n${last}\n`, [invalid, done('last')]],
    ['an id that is an object', `${ping({ a: 1 })}\n${last}\n`, [invalid, done('last')]],
    ['ids of all kinds', `${ping(0)}\n${ping(-7)}\n${ping('')}\n`, [done(0), done(-7), done('')]],
    ['an id twice', `${ping(1)}\n${ping(1)}\n`, [done(1), done(1)]],
    ['a result beside a method', `${ping(1, { result: {} })}\n`, [done(1)]],
    [
      'answers to nothing',
      `{"jsonrpc":"2.0","id":4,"result":{}}\n{"id":5,"error":"x"}\n${last}\n`,
      [done('last')],
    ],
    [
      'notifications',
      `{"jsonrpc":"2.0","method":"notifications/cancelled"}\n{"jsonrpc":"2.0","method":"tools/list"}\n${last}\n`,
      [done('last')],
    ],
  ])('%s', async (_what, bytes, answers) => {
    expect(await answersTo(bytes)).toMatchObject(answers);
  });

  test('an id that no number can hold goes back as it came', async () => {
    const server = await startRawServer();
    server.send('{"jsonrpc":"2.0","id":12345678901234567890,"method":"ping"}');
    server.closeStdin();
    await server.ended;
    expect(server.stdout()).toContain('"id":12345678901234567890,"error"');
  });

  test('several messages in an array are each answered', async () => {
    const server = await startRawServer();
    server.send([
      { jsonrpc: '2.0', id: 1, method: 'ping', params: null },
      { jsonrpc: '2.0', method: 'notifications/initialized', id: null },
      { jsonrpc: '2.0', id: 'two', method: 'tools/list' },
      7,
    ]);
    expect(await server.reply(1)).toMatchObject({ result: {} });
    expect(await server.reply('two')).toMatchObject(list);
  });
});

test('any other transport is treated alike', async () => {
  const folder = await temporaryFolder();
  const env = { BATCH_MCP_DATA_DIR: folder, BATCH_MCP_WORK_DIR: folder };
  const context = await createContext(readConfig({ env, argv: [], home: folder }), () => {});
  onTestFinished(() => context.close());
  const server = createServer(context, { version: '0', redact: (text) => text });
  const [ours, theirs] = InMemoryTransport.createLinkedPair();
  await server.connect(ours);
  onTestFinished(() => server.close());
  const answers = new Map<unknown, unknown>();
  theirs.onmessage = (message) => void ('id' in message && answers.set(message.id, message));
  await theirs.start();
  for (const [number, row] of rows.entries()) {
    await theirs.send(JSON.parse(JSON.stringify(messageOf(row, row.id ?? number))));
  }
  for (const [number, row] of rows.entries()) {
    await expect.poll(() => answers.get(row.id ?? number), { message: row.name }).toMatchObject(row.answer);
  }
});
