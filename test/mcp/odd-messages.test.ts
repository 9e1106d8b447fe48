import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import { createContext } from '../../src/config/create-context.ts';
import { createServer } from '../../src/mcp/create-server.ts';
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
  {
    name: 'arguments as JSON text',
    method: 'tools/call',
    more: { params: { ...call, arguments: '{"limit": 5}' } },
    answer: batches,
  },
  { name: 'a null task', method: 'tools/call', more: { params: { ...call, task: null } }, answer: batches },
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
];

function messageOf({ method, more }: Odd, id: unknown): object {
  return { jsonrpc: '2.0', id, ...(method !== undefined && { method }), ...more };
}

/** No reader is shown what a validator has to say. */
const DUMP = /invalid_type|invalid_union|"path"|ZodError|unrecognized_keys/;

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

  test('a byte order mark in front is nothing', async () => {
    const server = await startRawServer();
    server.send(`\uFEFF${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' })}`);
    expect(await server.reply(1)).toMatchObject({ result: {} });
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
