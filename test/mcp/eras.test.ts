import { describe, expect, test } from 'vitest';
import { advertised } from '../../src/tools/advertised.ts';
import { ids, prompts, startApi } from '../api.ts';
import { hang } from '../api-server.ts';
import { type Reply, spawnServer } from '../harness.ts';
import { eachNthOf, long } from '../long.ts';
import { startRawServer, toolCall } from '../server/raw-server.ts';
import { envelopeOf, followsTasks, startModernClient, startModernServer } from './modern-client.ts';

const requests = prompts(ids(3));

describe('the official client of the new era', () => {
  test('speaks it, and is told the same as one of the old era', async () => {
    const { client, folder } = await startModernClient();
    const old = await spawnServer({ folder });
    expect(client.getNegotiatedProtocolVersion()).toBe('2026-07-28');
    expect(client.getServerVersion()).toMatchObject({ name: 'batch-mcp' });
    expect(client.getInstructions()).toBe(old.client.getInstructions());
    expect(client.getInstructions()).toBe(advertised.instructions);
    expect((await client.listTools()).tools).toEqual(advertised.all);
    const { honoredFilter, closed } = await client.listen({ toolsListChanged: true });
    expect(honoredFilter).toEqual({});
    expect(await closed).toBe('graceful');
  });

  test('does the main job', long, async () => {
    const { client } = await startModernClient();
    const submitted = await client.callTool({ name: 'submit_batch', arguments: { requests, sandbox: true } });
    expect(submitted.isError).not.toBe(true);
    const { batch_id } = submitted.structuredContent as Reply;
    const status = await client.callTool({ name: 'batch_status', arguments: { batch_id, wait_seconds: 20 } });
    expect(status.structuredContent).toMatchObject({ processing_status: 'ended', results_state: 'saved' });
    const results = await client.callTool({ name: 'get_results', arguments: { batch_id } });
    expect(results.structuredContent).toMatchObject({ totals: { total: 3, succeeded: 3 } });
  });

  test('is told how far a call is', long, async () => {
    const { client } = await startModernClient({ env: { BATCH_MCP_SANDBOX_SECONDS: '3' } });
    const submitted = await client.callTool({ name: 'submit_batch', arguments: { requests, sandbox: true } });
    const { batch_id } = submitted.structuredContent as Reply;
    const told: unknown[] = [];
    await client.callTool(
      { name: 'batch_status', arguments: { batch_id, wait_seconds: 20 } },
      { onprogress: (progress) => told.push(progress) },
    );
    expect(told).not.toEqual([]);
  });
});

/** Calls that change nothing, whose answers are therefore the same whoever asks. */
const calls: { name: string; tool: string; args: unknown }[] = [
  { name: 'a list', tool: 'list_batches', args: {} },
  { name: 'arguments as JSON text', tool: 'list_batches', args: '{"limit": "5"}' },
  {
    name: 'an estimate',
    tool: 'estimate_cost',
    args: { request_count: 10, input_tokens_per_request: 100, output_tokens_per_request: 50 },
  },
  { name: 'an unknown argument', tool: 'estimate_cost', args: { prompts: ['x'] } },
  { name: 'arguments that are none', tool: 'batch_status', args: 'all of them' },
  { name: 'an unknown batch', tool: 'batch_status', args: { batch_id: 'batch_01J00000000000000000000000' } },
  { name: 'no key', tool: 'submit_batch', args: { requests: ['Hello.'] } },
];

test('both eras answer alike: tools, replies and errors', async () => {
  const modern = await startModernServer();
  const old = await startRawServer({ folder: modern.folder });
  await old.initialize();
  for (const [number, { name, tool, args }] of calls.entries()) {
    const params = { name: tool, arguments: args };
    old.send({ jsonrpc: '2.0', id: `old ${number}`, method: 'tools/call', params });
    const { resultType, _meta, ...result } = (await modern.ask('tools/call', params)).result;
    expect(resultType, name).toBe('complete');
    expect(_meta, name).toMatchObject({ 'io.modelcontextprotocol/serverInfo': { name: 'batch-mcp' } });
    expect((await old.reply(`old ${number}`)).result, name).toEqual(result);
  }
  for (const [number, params] of [{ name: 'no_such_tool' }, {}, { name: 7 }].entries()) {
    old.send({ jsonrpc: '2.0', id: `bad ${number}`, method: 'tools/call', params });
    const { error } = await modern.ask('tools/call', params);
    expect(error).toMatchObject({ code: -32602, message: expect.stringContaining('submit_batch') });
    expect((await old.reply(`bad ${number}`)).error).toEqual(error);
  }
});

/** Replies to the same two requests of a client of this name. */
const asking: Record<string, (name: string) => Promise<{ tools: Reply[]; result: Reply }>> = {
  async initialize(name) {
    const server = await startRawServer({ argv: ['--sandbox'] });
    const hello = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name, version: '1' } };
    server.send({ jsonrpc: '2.0', id: 1, method: 'initialize', params: hello });
    await server.reply(1);
    server.send({ jsonrpc: '2.0', id: 2, method: 'tools/list' });
    server.send(toolCall(3, 'list_batches', {}));
    const [list, call] = [await server.reply(2), await server.reply(3)];
    return { tools: list.result.tools, result: call.result };
  },
  async '2026-07-28'(name) {
    const server = await startRawServer({ argv: ['--sandbox'] });
    const _meta = { ...envelopeOf(), 'io.modelcontextprotocol/clientInfo': { name, version: '1' } };
    server.send({ jsonrpc: '2.0', id: 2, method: 'tools/list', params: { _meta } });
    const params = { name: 'list_batches', arguments: {}, _meta };
    server.send({ jsonrpc: '2.0', id: 3, method: 'tools/call', params });
    const [list, call] = [await server.reply(2), await server.reply(3)];
    return { tools: list.result.tools, result: call.result };
  },
};

describe.each(Object.entries(asking))('in the era of %s', (_era, ask) => {
  test('a client that would show its model both forms of a reply gets the text alone', async () => {
    const { tools, result } = await ask('@langchain/mcp-adapters');
    expect(tools).toHaveLength(advertised.all.length);
    for (const tool of tools) expect(tool).not.toHaveProperty('outputSchema');
    expect(result).not.toHaveProperty('structuredContent');
    expect(JSON.parse(result.content[0].text)).toMatchObject({ batches: [] });
  });

  test('any other gets both, which say the same', async () => {
    const { tools, result } = await ask('somebody');
    expect(tools).toEqual(advertised.all);
    expect(JSON.parse(result.content[0].text)).toEqual(result.structuredContent);
  });
});

describe('bare JSON-RPC of the new era', () => {
  test('says what is spoken and what there is', async () => {
    const server = await startModernServer();
    const { result } = await server.ask('server/discover');
    expect(result).toMatchObject({
      resultType: 'complete',
      supportedVersions: ['2026-07-28'],
      capabilities: { tools: {} },
      instructions: advertised.instructions,
      ttlMs: expect.any(Number),
      cacheScope: expect.stringMatching(/^(public|private)$/),
      _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'batch-mcp', version: expect.any(String) } },
    });
    for (const method of ['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list']) {
      expect((await server.ask(method)).result, method).toMatchObject({
        resultType: 'complete',
        ttlMs: expect.any(Number),
        cacheScope: expect.any(String),
      });
    }
  });

  test('needs no discover: the first request says enough', async () => {
    const server = await startModernServer();
    expect((await server.call('list_batches')).structuredContent).toMatchObject({ batches: [] });
  });

  eachNthOf(3, ['2099-01-01', '2025-11-25', 7, ''])(
    'of version %j is told what is spoken',
    async (version) => {
      const server = await startRawServer();
      const params = { _meta: envelopeOf({}, version) };
      server.send({ jsonrpc: '2.0', id: 1, method: 'server/discover', params });
      expect((await server.reply(1)).error).toMatchObject({
        code: -32022,
        data: { supported: ['2026-07-28'] },
      });
      await server.initialize();
    },
  );

  const odd: { name: string; message: object; answer: object }[] = [
    {
      name: 'no envelope',
      message: { method: 'tools/list' },
      answer: { error: { code: -32602, message: expect.stringContaining('clientCapabilities') } },
    },
    ...['tools/list', 'server/discover'].map((method) => ({
      name: `${method} without capabilities`,
      message: {
        method,
        params: { _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } },
      },
      answer: { error: { code: -32602, message: expect.stringContaining('clientCapabilities') } },
    })),
    {
      name: 'capabilities of odd shapes',
      message: {
        method: 'tools/list',
        params: { _meta: envelopeOf({ elicitation: 7, extensions: [], roots: null }) },
      },
      answer: { result: { tools: expect.any(Array) } },
    },
    ...[{}, { notifications: 7 }].map((params) => ({
      name: `a subscription to ${JSON.stringify(params)}`,
      message: { method: 'subscriptions/listen', params: { ...params, _meta: envelopeOf() } },
      answer: { error: { code: -32602, message: expect.stringContaining('params.notifications') } },
    })),
    {
      name: 'a subscription to what never changes',
      message: {
        id: 'subscribed',
        method: 'subscriptions/listen',
        params: { notifications: { resourceSubscriptions: ['x'] }, _meta: envelopeOf() },
      },
      answer: {
        result: {
          resultType: 'complete',
          _meta: { 'io.modelcontextprotocol/subscriptionId': 'subscribed' },
        },
      },
    },
    ...[{}, followsTasks].map((capabilities) => ({
      name: `a subscription to tasks with ${JSON.stringify(capabilities)}`,
      message: {
        method: 'subscriptions/listen',
        params: { notifications: { taskIds: ['x'] }, _meta: envelopeOf(capabilities) },
      },
      answer:
        capabilities === followsTasks
          ? { result: { resultType: 'complete' } }
          : { error: { code: -32021, data: { requiredCapabilities: followsTasks } } },
    })),
    ...['nobody/knows', 'ping', 'logging/setLevel', 'resources/subscribe', 'initialize'].map((method) => ({
      name: `the method ${method}`,
      message: { method, params: { _meta: envelopeOf() } },
      answer: { error: { code: -32601 } },
    })),
    { name: 'half an id', message: { id: 1.5, method: 'tools/list' }, answer: { error: { code: -32600 } } },
    { name: 'no method', message: { params: {} }, answer: { error: { code: -32600 } } },
  ];
  test('is answered whatever is odd about it', async () => {
    const server = await startModernServer();
    await server.ask('server/discover');
    for (const [number, { name, message, answer }] of odd.entries()) {
      const whole = { jsonrpc: '2.0', id: `odd ${number}`, ...message };
      server.send(whole);
      expect(await server.reply(whole.id), name).toMatchObject(answer);
    }
  });

  test('several messages in an array are each answered', async () => {
    const server = await startModernServer();
    const params = { _meta: envelopeOf() };
    server.send(['a', 'b'].map((id) => ({ jsonrpc: '2.0', id, method: 'tools/list', params })));
    expect(await server.reply('a')).toMatchObject({ result: { tools: expect.any(Array) } });
    expect(await server.reply('b')).toMatchObject({ result: { tools: expect.any(Array) } });
  });

  test('a call that is cancelled has no answer, and what it sent stays sent', async () => {
    const api = await startApi();
    const server = await startModernServer({ api });
    api.override('create', hang);
    server.send({
      jsonrpc: '2.0',
      id: 'gone',
      method: 'tools/call',
      params: { name: 'submit_batch', arguments: { requests }, _meta: envelopeOf() },
    });
    await expect.poll(() => api.creates.length).toBe(1);
    server.send({
      jsonrpc: '2.0',
      method: 'notifications/cancelled',
      params: { requestId: 'gone', _meta: envelopeOf() },
    });
    const { structuredContent } = await server.call('list_batches');
    expect(structuredContent.batches).toHaveLength(1);
    expect(server.stdout()).not.toContain('"gone"');
  });

  test('messages that came before the end of stdin are answered', async () => {
    const server = await startModernServer();
    const answer = server.ask('tools/call', { name: 'list_batches' });
    server.closeStdin();
    expect(await answer).toMatchObject({ result: { structuredContent: { batches: [] } } });
    expect(await server.ended).toMatchObject({ code: 0 });
  });
});

test('a client that asked what is spoken here may still begin with initialize', long, async () => {
  const server = await startModernServer();
  await server.ask('server/discover');
  server.send({
    jsonrpc: '2.0',
    id: 'hello',
    method: 'initialize',
    params: {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 'fallback', version: '1' },
    },
  });
  expect(await server.reply('hello')).toMatchObject({ result: { serverInfo: { name: 'batch-mcp' } } });
  server.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
  server.send(toolCall(77, 'list_batches'));
  const answer = await server.reply(77);
  expect(answer.result).not.toHaveProperty('resultType');
  expect(answer).toMatchObject({ result: { structuredContent: { batches: [] } } });
});

test('a client of the old era may repeat its version in each message', async () => {
  const server = await startRawServer();
  const _meta = envelopeOf({}, '2025-11-25');
  const hello = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } };
  server.send({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { ...hello, _meta } });
  expect(await server.reply(1)).toMatchObject({ result: { protocolVersion: '2025-11-25' } });
  server.send({ jsonrpc: '2.0', method: 'notifications/initialized', params: { _meta } });
  server.send({ jsonrpc: '2.0', id: 2, method: 'tools/list', params: { _meta } });
  expect((await server.reply(2)).result).toEqual({ tools: advertised.all });
  // Whatever else comes over its connection says itself what it is.
  server.send({ jsonrpc: '2.0', id: 3, method: 'tools/list', params: { _meta: envelopeOf() } });
  expect((await server.reply(3)).result).toMatchObject({ resultType: 'complete' });
  server.send({ jsonrpc: '2.0', id: 4, method: 'ping' });
  expect((await server.reply(4)).result).toEqual({});
});
