import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { followsTasks } from '../modern-client.ts';
import {
  callOf,
  type HttpTestServer,
  headersFor,
  modernRequest,
  newUser,
  type RawRequest,
  startHttpServer,
} from './http-harness.ts';

/** How far somebody gets with a token of another place, with another's ids, with names and with bodies that are nested without end. */

const ana = newUser('ana');
const ben = newUser('ben');
const reader = newUser('reader', 'batch:read');
let server: HttpTestServer;
let batch = '';
let cursor = '';

beforeAll(async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'batch-mcp-reach-'));
  server = await startHttpServer({ folder, isShared: true, users: [ana, ben, reader] });
  const sent = await server.post(callOf('submit_batch', { requests: ['a', 'b', 'c'], name: 'payroll' }), ana);
  batch = sent.json.result.structuredContent.batch_id;
  await server.post(callOf('batch_status', { batch_id: batch, wait_seconds: 20 }), ana);
  const page = await server.post(callOf('get_results', { batch_id: batch, limit: 1 }), ana);
  cursor = page.json.result.structuredContent.next_cursor;
  return async () => {
    await server.close();
    await rm(folder, { recursive: true, force: true });
  };
});

type Attempt = { name: string; request: () => RawRequest; status: number; says: RegExp };

const as = (user: typeof ana, message: unknown, more: Record<string, string> = {}): RawRequest => ({
  method: 'POST',
  path: '/mcp',
  headers: { ...headersFor(message, user), ...more },
  body: typeof message === 'string' ? message : JSON.stringify(message),
});
const bare = (method: string, at: string, headers: Record<string, string> = {}, body = ''): RawRequest => ({
  method,
  path: at,
  headers: { 'content-length': String(body.length), ...headers },
  body,
});
const put = (name: string, user = ben): RawRequest =>
  bare('PUT', `/files/${name}`, { authorization: `Bearer ${user.token}` }, 'x');
const asked = (method: string, params: object) => as(ben, modernRequest(method, params, followsTasks));
const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
const callWith = (args: string) =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"submit_batch","arguments":${args}}}`;
const hashOf = (token: string) => createHash('sha256').update(token).digest('hex');

const NOBODY = { status: 401, says: /unauthorized|invalid_token/ };
const NO_NAME = { status: 400, says: /wrong_name/ };
const NOT_MADE_HERE = { status: 403, says: /wrong_address/ };
const TOO_DEEP = { status: 200, says: /invalid_input: .*nested more than 500 levels/ };

const attempts: Attempt[] = [
  {
    name: 'a token beside a file',
    request: () => bare('GET', `/files?access_token=${ana.token}`),
    ...NOBODY,
  },
  {
    name: 'a token in a form',
    request: () =>
      bare(
        'POST',
        '/mcp',
        { 'content-type': 'application/x-www-form-urlencoded' },
        `access_token=${ana.token}`,
      ),
    ...NOBODY,
  },
  {
    name: 'a token in a cookie',
    request: () => bare('GET', '/files', { cookie: `access_token=${ana.token}` }),
    ...NOBODY,
  },
  {
    name: 'a token for a proxy',
    request: () => bare('GET', '/files', { 'proxy-authorization': `Bearer ${ana.token}` }),
    ...NOBODY,
  },
  {
    name: 'the hash out of the file of tokens',
    request: () => bare('GET', '/files', { authorization: `Bearer ${hashOf(ana.token)}` }),
    ...NOBODY,
  },
  { name: 'a reader who uploads', request: () => put('a.csv', reader), status: 403, says: /batch:submit/ },
  {
    name: 'a reader who retries by params in a text',
    request: () =>
      as(reader, {
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: '{"name":"retry_batch","arguments":{}}',
      }),
    status: 403,
    says: /batch:submit/,
  },
  {
    name: 'a reader whose message names two tools',
    request: () =>
      as(
        reader,
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_batches","name":"submit_batch","arguments":{"requests":["x"]}}}',
      ),
    status: 403,
    says: /batch:submit/,
  },
  {
    name: 'a reader who hides a tool in the prototype',
    request: () =>
      as(
        reader,
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"__proto__":{"name":"submit_batch"},"name":"list_batches"}}',
      ),
    status: 200,
    says: /"batches\\":\[\]/,
  },
  {
    name: 'the figures, for a user',
    request: () => bare('GET', '/metrics', { authorization: `Bearer ${ana.token}` }),
    status: 403,
    says: /batch:admin/,
  },
  {
    name: 'the task of another',
    request: () => asked('tasks/get', { taskId: batch }),
    status: 200,
    says: /-32602.*no such task/,
  },
  {
    name: 'the summary of another',
    request: () => asked('resources/read', { uri: `batch-mcp://batches/${batch}` }),
    status: 200,
    says: /-32602.*not_found/,
  },
  {
    name: 'the summary of another, encoded',
    request: () => asked('resources/read', { uri: `batch-mcp://batches/%62atch_${batch.slice(6)}` }),
    status: 200,
    says: /-32602.*not_found/,
  },
  {
    name: 'a resource on the way',
    request: () => asked('resources/read', { uri: `batch-mcp://batches/../batches/${batch}` }),
    status: 200,
    says: /-32602.*no such resource/,
  },
  ...['payroll', 'last', 'pay'].map((batch_id) => ({
    name: `another's batch as ${batch_id}`,
    request: () => as(ben, callOf('batch_status', { batch_id })),
    status: 200,
    says: /invalid_input.*(?:is not the id or the name of a batch|there is none yet)/,
  })),
  {
    name: "another's cursor, for a list",
    request: () => as(ben, callOf('list_batches', { cursor })),
    status: 200,
    says: /invalid_input: The cursor/,
  },
  {
    name: "another's cursor, for its batch",
    request: () => as(ben, callOf('get_results', { batch_id: batch, cursor })),
    status: 200,
    says: /not_found/,
  },
  ...[
    '..',
    '../ana/x',
    '..%2fx',
    '%2e%2e',
    'a%00b',
    'a/b',
    'a//b',
    '/etc/passwd',
    '.begun-x',
    '-rf',
    'a;v=1',
    'a#b',
    '%C3%A9.csv',
    'a'.repeat(129),
    '',
  ].map((name) => ({ name: `an upload as ${name.slice(0, 20)}`, request: () => put(name), ...NO_NAME })),
  {
    name: 'another method by a header',
    request: () =>
      bare('GET', '/files/a.csv', {
        authorization: `Bearer ${ben.token}`,
        'x-http-method-override': 'DELETE',
      }),
    status: 405,
    says: /wrong_method/,
  },
  {
    name: 'an upload of more than may be',
    request: () => ({
      ...put('a.csv'),
      headers: { authorization: `Bearer ${ben.token}`, 'content-length': '10000000000' },
    }),
    status: 413,
    says: /too_large/,
  },
  ...[
    '?user=ana',
    '?user=ana&user=ben&expires=9999999999999&signature=',
    '?user=ana&expires=-1&signature=AA',
    '?user=ana&expires=1e99&signature=AA',
    '/../../x?user=ana&expires=9999999999999&signature=AA',
  ].map((more) => ({
    name: `an address with ${more}`,
    request: () => bare('GET', `/results/${batch}/a.csv${more}`),
    ...NOT_MADE_HERE,
  })),
  {
    name: 'an array in 200,000 arrays',
    request: () => as(ana, nested(200_000)),
    status: 400,
    says: /-32600/,
  },
  {
    name: 'an id in 100,000 arrays',
    request: () => as(ana, `{"jsonrpc":"2.0","id":${nested(100_000)},"method":"ping"}`),
    status: 200,
    says: /-32600/,
  },
  {
    name: 'work in 100,000 arrays',
    request: () => as(ana, callWith(`{"requests":${nested(100_000)}}`)),
    ...TOO_DEEP,
  },
  {
    name: 'work in 100,000 arrays, as a text',
    request: () => as(ana, callWith(JSON.stringify(`{"requests":${nested(100_000)}}`))),
    ...TOO_DEEP,
  },
  {
    name: 'a schema in 5,000 schemas',
    request: () =>
      as(
        ana,
        callWith(
          `{"requests":["x"],"output_schema":${'{"type":"object","properties":{"a":'.repeat(5_000)}{}${'}}'.repeat(5_000)}}`,
        ),
      ),
    ...TOO_DEEP,
  },
];

test.each(attempts)('$name: $status', async ({ request, status, says }) => {
  const { text, ...answer } = await server.send(request());
  expect(answer.status, text).toBe(status);
  expect(text).toMatch(says);
  for (const { token } of [ana, ben, reader]) expect(text).not.toContain(token);
  expect(text).not.toContain('"name":"payroll"');
});

test('nothing of that was a fault of its own, and nothing was kept', async () => {
  expect(server.log()).not.toContain("fault of this server's own");
  expect((await server.send(bare('GET', '/files', { authorization: `Bearer ${ben.token}` }))).json).toEqual({
    files: [],
  });
});
