import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, get } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  type Answer,
  callOf,
  type HttpTestServer,
  headersFor,
  modernRequest,
  newUser,
  type RawRequest,
  startHttpServer,
} from './http-harness.ts';

const ana = newUser('ana');
const reader = newUser('reader', 'batch:read');
const submitter = newUser('submitter', 'batch:submit');

const list = callOf('list_batches');
const hello = modernRequest('tools/list');

type Attempt = {
  name: string;
  request: RawRequest | ((server: HttpTestServer) => RawRequest);
  status: number;
  /** What the body says, or the header that tells why. */
  says?: RegExp;
  json?: object;
};

/** A message as Ana's client sends it, but for these. */
const as = (message: unknown, headers: Record<string, string | string[]> = {}, user = ana): RawRequest => ({
  method: 'POST',
  path: '/mcp',
  headers: { ...headersFor(message, user), ...headers },
  body: typeof message === 'string' ? message : JSON.stringify(message),
});

function without(name: string, { headers = {}, ...request }: RawRequest): RawRequest {
  return {
    ...request,
    headers: Object.fromEntries(Object.entries(headers).filter(([each]) => each !== name)),
  };
}

const callers: Attempt[] = [
  { name: 'no token', request: without('authorization', as(list)), status: 401, says: /unauthorized/ },
  { name: 'an unknown token', request: as(list, {}, newUser('ana')), status: 401, says: /invalid_token/ },
  { name: 'the name for a token', request: as(list, { authorization: 'Bearer ana' }), status: 401 },
  { name: 'an empty token', request: as(list, { authorization: 'Bearer ' }), status: 401 },
  {
    name: 'a password',
    request: as(list, { authorization: `Basic ${btoa(`ana:${ana.token}`)}` }),
    status: 401,
    says: /not a bearer token/,
  },
  {
    name: 'a token in the address',
    request: { ...without('authorization', as(list)), path: `/mcp?access_token=${ana.token}` },
    status: 401,
  },
  { name: 'two tokens', request: as(list, { authorization: `Bearer x, Bearer ${ana.token}` }), status: 401 },
  {
    name: 'a very long token',
    request: as(list, { authorization: `Bearer ${'a'.repeat(20_000)}` }),
    status: 401,
  },
  {
    name: 'a reader who submits',
    request: as(callOf('submit_batch', { requests: ['Hello.'] }), {}, reader),
    status: 403,
    says: /insufficient_scope.*batch:submit/,
  },
  {
    name: 'a reader who cancels, in the new era',
    request: as(modernRequest('tools/call', { name: 'cancel_batch', arguments: {} }), {}, reader),
    status: 403,
    says: /batch:cancel/,
  },
  {
    name: 'a reader who submits behind a look, in an array',
    request: as([list, callOf('submit_batch', { requests: ['Hello.'] })], {}, reader),
    status: 403,
  },
  {
    name: 'who may only submit, and looks',
    request: as(list, {}, submitter),
    status: 403,
    says: /batch:read/,
  },
  {
    name: 'who may only submit, and follows a task',
    request: as(modernRequest('tasks/get', { taskId: 'batch_01J00000000000000000000000' }), {}, submitter),
    status: 403,
  },
  {
    name: 'who may only submit, and reads resources',
    request: as(modernRequest('resources/read', { uri: 'batch-mcp://task-types' }), {}, submitter),
    status: 403,
  },
];

const places: Attempt[] = [
  { name: 'another host', request: as(list, { host: 'evil.example' }), status: 421, says: /wrong_host/ },
  { name: 'a name that begins as ours', request: as(list, { host: 'localhost.evil.example' }), status: 421 },
  { name: 'a name behind a user', request: as(list, { host: 'localhost@evil.example' }), status: 421 },
  { name: 'an address of this network', request: as(list, { host: '192.168.0.1' }), status: 421 },
  { name: 'two hosts', request: as(list, { host: 'localhost, evil.example' }), status: 421 },
  {
    name: 'a host passed on',
    request: as(list, { host: 'evil.example', 'x-forwarded-host': 'localhost' }),
    status: 421,
  },
  { name: 'our name with a dot at its end', request: as(list, { host: 'LOCALHOST.:80' }), status: 200 },
  {
    name: 'a web page of somebody',
    request: as(list, { origin: 'https://evil.example' }),
    status: 403,
    says: /wrong_origin/,
  },
  { name: 'a web page without a name', request: as(list, { origin: 'null' }), status: 403 },
  { name: 'a page on another port here', request: as(list, { origin: 'http://localhost:1' }), status: 403 },
  { name: 'an allowed page', request: as(list, { origin: 'https://app.example' }), status: 200 },
  {
    name: 'a page whose name ends as an allowed one',
    request: as(list, { origin: 'https://evilapp.example' }),
    status: 403,
  },
  {
    name: 'an allowed page without its encryption',
    request: as(list, { origin: 'http://app.example' }),
    status: 403,
  },
  {
    name: 'what a browser asks before it lets such a page',
    request: { method: 'OPTIONS', path: '/mcp', headers: { origin: 'https://evil.example' } },
    status: 403,
  },
  {
    name: 'a stream of its own',
    request: { ...without('content-type', as(list)), method: 'GET', body: '' },
    status: 405,
    says: /POST/,
  },
  {
    name: 'the end of a session',
    request: { ...without('content-type', as(list)), method: 'DELETE', body: '' },
    status: 405,
  },
  { name: 'another method', request: { ...as(list), method: 'PATCH' }, status: 405 },
  { name: 'a path below', request: { ...as(list), path: '/mcp/' }, status: 404 },
  { name: 'an encoded path', request: { ...as(list), path: '/%6dcp' }, status: 404 },
  { name: 'a path on the way', request: { ...as(list), path: '/healthz/../mcp' }, status: 404 },
  { name: 'a whole address', request: { ...as(list), path: 'http://evil.example/mcp' }, status: 404 },
  {
    name: 'health, to whatever host',
    request: { path: '/healthz', headers: { host: '10.0.0.7' } },
    status: 200,
    says: /^ok/,
  },
  { name: 'health, for writing', request: { path: '/healthz', method: 'POST' }, status: 405 },
];

const bodies: Attempt[] = [
  { name: 'a form', request: as(list, { 'content-type': 'application/x-www-form-urlencoded' }), status: 415 },
  {
    name: 'a text, as a page may send it unasked',
    request: as(list, { 'content-type': 'text/plain' }),
    status: 415,
  },
  {
    name: 'a compressed body',
    request: { ...as(list, { 'content-encoding': 'gzip' }), body: gzipSync(JSON.stringify(list)) },
    status: 415,
  },
  {
    name: 'a body that is said to be as it is',
    request: as(list, { 'content-encoding': 'Identity' }),
    status: 200,
  },
  { name: 'a body without a word of how it is', request: as(list, { 'content-encoding': '' }), status: 200 },
  {
    name: 'a large body',
    request: as({ ...list, params: { x: 'x'.repeat(60_000) } }),
    status: 413,
    says: /too_large/,
  },
  {
    name: 'a large body of unknown length',
    request: as({ ...list, params: { x: 'x'.repeat(60_000) } }, { 'transfer-encoding': 'chunked' }),
    status: 413,
  },
  {
    name: 'no JSON',
    request: as('{"jsonrpc": "2.0", '),
    status: 400,
    json: { error: { code: -32700 } },
  },
  { name: 'nothing', request: as(''), status: 400 },
  { name: 'a number', request: as('7'), status: 400, json: { error: { code: -32600 } } },
  { name: 'an empty array', request: as([]), status: 400 },
  {
    name: 'more messages than are taken at a time',
    request: as(Array.from({ length: 51 }, (_, id) => ({ ...list, id }))),
    status: 400,
    json: { error: { code: -32600, message: expect.stringContaining('At most 50') } },
  },
  { name: 'an array in an array', request: as([[list]]), status: 200 },
  { name: 'a reply to nothing', request: as({ jsonrpc: '2.0', id: 1, result: {} }), status: 202 },
  {
    name: 'a notification',
    request: as({ jsonrpc: '2.0', method: 'notifications/initialized' }),
    status: 202,
  },
  { name: 'half an id', request: as({ ...list, id: 1.5 }), status: 200, json: { error: { code: -32600 } } },
  {
    name: 'no id at all that can be told',
    request: as({ ...list, id: {} }),
    status: 200,
    json: { error: { code: -32600 } },
  },
  {
    name: 'params of null',
    request: as({ ...list, method: 'tools/list', params: null }),
    status: 200,
    json: { result: {} },
  },
  {
    name: 'an unknown method',
    request: as({ ...list, method: 'nobody/knows' }),
    status: 200,
    json: { error: { code: -32601 } },
  },
  {
    name: 'an unknown method of the new era',
    request: as(modernRequest('nobody/knows')),
    status: 404,
    json: { error: { code: -32601 } },
  },
  {
    name: 'a task, for a client that follows none',
    request: as(modernRequest('tasks/cancel', { taskId: 'batch_01J00000000000000000000000' })),
    status: 400,
    json: {
      error: {
        code: -32021,
        data: { requiredCapabilities: { extensions: { 'io.modelcontextprotocol/tasks': {} } } },
      },
    },
  },
  {
    name: 'a tool named as something of every object',
    request: as(callOf('__proto__')),
    status: 200,
    json: { error: { code: -32602 } },
  },
  {
    name: 'a header that names another method',
    request: as(modernRequest('tools/call', { name: 'submit_batch', arguments: {} }), {
      'mcp-method': 'tools/list',
    }),
    status: 400,
    json: { error: { code: -32020 } },
  },
  {
    name: 'a header that names another tool',
    request: as(modernRequest('tools/call', { name: 'submit_batch', arguments: {} }), {
      'mcp-name': 'list_batches',
    }),
    status: 400,
    json: { error: { code: -32020 } },
  },
  {
    name: 'no header of the new era',
    request: without('mcp-method', as(hello)),
    status: 400,
    json: { error: { code: -32020 } },
  },
  {
    name: 'headers of the new era, and nothing of it in the message',
    request: as(list, { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/list' }),
    status: 400,
    json: {
      error: { code: -32602, message: expect.stringMatching(/protocolVersion, \S+clientCapabilities$/) },
    },
  },
  {
    name: 'a client of the new era that does not say what it can do',
    request: as({
      ...list,
      params: { _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } },
    }),
    status: 400,
    json: { error: { code: -32602, message: expect.stringMatching(/: \S+clientCapabilities$/) } },
  },
  {
    name: 'headers of the old era',
    request: as(hello, { 'mcp-protocol-version': '2025-11-25' }),
    status: 400,
  },
  {
    name: 'a version of the old era in each message',
    request: without(
      'mcp-method',
      as({
        ...list,
        params: { ...list.params, _meta: { 'io.modelcontextprotocol/protocolVersion': '2025-11-25' } },
      }),
    ),
    status: 400,
    json: { error: { code: -32022, data: { supported: ['2026-07-28'], requested: '2025-11-25' } } },
  },
  {
    name: 'a version that nobody speaks',
    request: as(list, { 'mcp-protocol-version': '1999-01-01' }),
    status: 400,
  },
  { name: 'an unknown session', request: as(list, { 'mcp-session-id': 'abc' }), status: 200 },
  {
    name: 'a client that takes documents alone',
    request: as(list, { accept: 'application/json' }),
    status: 200,
    json: { result: {} },
  },
  {
    name: 'a client that takes streams alone',
    request: as(list, { accept: 'text/event-stream' }),
    status: 200,
    says: /^event: message\ndata: /,
  },
];

describe('attempts', () => {
  let server: HttpTestServer;
  beforeAll(async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'batch-mcp-'));
    server = await startHttpServer({
      folder,
      isShared: true,
      users: [ana, reader, submitter],
      env: { BATCH_MCP_HTTP_ORIGINS: 'https://app.example' },
      limits: { messageBytes: 50_000 },
    });
    return async () => {
      await server.close();
      await rm(folder, { recursive: true, force: true });
    };
  });

  test.each([...callers, ...places, ...bodies])(
    '$name',
    async ({ request, status, says = /(?:)/, json = {} }) => {
      const answer: Answer = await server.send(typeof request === 'function' ? request(server) : request);
      expect(answer.status, answer.text).toBe(status);
      expect(
        `${answer.text} ${answer.headers.allow ?? ''} ${answer.headers['www-authenticate'] ?? ''}`,
      ).toMatch(says);
      expect(answer.json).toMatchObject(json);
      if (status === 401 || status === 403) expect(answer.text).not.toContain(ana.token);
    },
  );

  test('who may not use a tool is not told of it', async () => {
    const tools = await server.post({ jsonrpc: '2.0', id: 1, method: 'tools/list' }, reader);
    const names = tools.json.result.tools.map(({ name }: { name: string }) => name);
    expect(names).toEqual(['batch_status', 'get_results', 'estimate_cost', 'list_batches']);
  });
});

/** What a raw connection hears until it ends. */
function hear(server: HttpTestServer, text: string): { heard: Promise<string>; write(text: string): void } {
  const { port } = new URL(server.url);
  const socket = connect({ host: '127.0.0.1', port: Number(port) });
  onTestFinished(() => void socket.destroy());
  let all = '';
  socket.on('data', (piece) => {
    all += String(piece);
  });
  socket.on('error', () => {});
  socket.write(text);
  return {
    heard: new Promise((resolve) => socket.on('close', () => resolve(all))),
    write: (more) => void socket.write(more),
  };
}

const head = (token: string, length: number) =>
  `POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: Bearer ${token}\r\nContent-Length: ${length}\r\n\r\n`;

describe('who takes their time', () => {
  test('with the headers is let go', async () => {
    const server = await startHttpServer({ users: [ana], limits: { headersMs: 100 } });
    const { heard } = hear(server, 'POST /mcp HTTP/1.1\r\nHost: localhost\r\nX-');
    expect(await heard).toMatch(/^HTTP\/1.1 408/);
  });

  test('between two requests keeps the connection, for longer than a proxy would', async () => {
    const server = await startHttpServer({ users: [ana] });
    const agent = new Agent({ keepAlive: true });
    onTestFinished(() => agent.destroy());
    const asked = get(`${server.url}/healthz`, { agent });
    const [response] = await once(asked, 'response');
    response.resume();
    const seconds = Number(/^timeout=(\d+)$/.exec(response.headers['keep-alive'])?.[1]);
    expect(seconds).toBeGreaterThan(120);
  });

  test('with the body is told so, and let go', async () => {
    const server = await startHttpServer({ users: [ana], limits: { messageMs: 100 } });
    const { heard } = hear(server, `${head(ana.token, 100)}{"json`);
    expect(await heard).toMatch(/^HTTP\/1.1 408[\s\S]*too_slow/);
  });

  test('and has many requests open gets no more of them, and others do', async () => {
    const bea = newUser('bea');
    const server = await startHttpServer({ users: [ana, bea], limits: { answersEach: 2 } });
    const open: { write(text: string): void }[] = [];
    // A request that comes while the question itself is open is refused, and has to be opened anew.
    const asked = async () => {
      open.push(hear(server, `${head(ana.token, 100)}{"json`));
      return (await server.post(list, ana)).status;
    };
    await expect.poll(asked).toBe(429);
    expect((await server.post(list, bea)).status).toBe(200);
    for (const each of open) each.write(' '.repeat(100));
    await expect.poll(async () => (await server.post(list, ana)).status).toBe(200);
  });

  test('and leaves a stream open hears that it is still there, and its end', async () => {
    const env = { BATCH_MCP_SANDBOX_SECONDS: '60' };
    const first = await startHttpServer({ env });
    const limits = { silenceMs: 50, answerMs: 500 };
    const server = await startHttpServer({ env, folder: first.folder, limits });
    const submitted = await first.post(callOf('submit_batch', { requests: ['Hello.'] }));
    const { batch_id } = submitted.json.result.structuredContent;
    const body = JSON.stringify(callOf('batch_status', { batch_id, wait_seconds: 20 }));
    const { heard } = hear(
      server,
      head('none', Buffer.byteLength(body)).replace('Host', 'Accept: text/event-stream\r\nHost') + body,
    );
    expect(await heard).toMatch(/text\/event-stream[\s\S]*: still here/);
  });
});

test('an address for all needs users, and a name', async () => {
  await expect(startHttpServer({ env: { BATCH_MCP_HTTP: '0.0.0.0:0' } })).rejects.toMatchObject({
    problems: [
      { problem: expect.stringContaining('without saying who they are') },
      { problem: expect.stringContaining('Host') },
    ],
  });
});
