import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { type HttpTestServer, newUser, startHttpServer } from './http-harness.ts';

/** Bytes as no client library would send them, of a user who may do all. */

const ana = newUser('ana');
let server: HttpTestServer;

beforeAll(async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'batch-mcp-wire-'));
  server = await startHttpServer({ users: [ana], folder, isShared: true });
  return async () => {
    await server.close();
    await rm(folder, { recursive: true, force: true });
  };
});

const LIST = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' });

type Sent = { first?: string; host?: string; headers?: string[]; body?: string };

/** Each character is a byte. A body says how long it is, where no header does. */
function bytesOf({
  first = 'POST /mcp HTTP/1.1',
  host = 'Host: localhost',
  headers = [],
  body = LIST,
}: Sent) {
  const saysLength = headers.some((header) => /^(?:content-length|transfer-encoding):/i.test(header));
  const head = [
    first,
    host,
    `Authorization: Bearer ${ana.token}`,
    'Content-Type: application/json',
    'Connection: close',
    ...headers,
    ...(saysLength ? [] : [`Content-Length: ${body.length}`]),
  ];
  return Buffer.from(`${head.filter((line) => line !== '').join('\r\n')}\r\n\r\n${body}`, 'latin1');
}

/** What came back until the server ended the connection. */
function exchange(bytes: Buffer): Promise<string> {
  const { hostname, port } = new URL(server.url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    let text = '';
    socket.on('data', (piece) => {
      text += piece.toString();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
  });
}

const chunked = (body: string, extension = '') =>
  `${body.length.toString(16)}${extension}\r\n${body}\r\n0\r\n\r\n`;

const upload = (headers: string[]): Sent => ({
  first: 'PUT /files/rows.csv HTTP/1.1',
  body: 'a,b\n',
  headers,
});

const attempts: (Sent & { name: string; status: number; says?: RegExp })[] = [
  { name: 'the plain request', status: 200, says: /submit_batch/ },
  { name: 'HTTP/1.0', first: 'POST /mcp HTTP/1.0', status: 200 },
  { name: 'HTTP/1.0 without a host', first: 'POST /mcp HTTP/1.0', host: '', status: 421 },
  { name: 'no host', host: '', status: 400 },
  { name: 'a second host', headers: ['Host: evil.example'], status: 421 },
  { name: 'a second token', headers: ['Authorization: Bearer other'], status: 401, says: /several/ },
  { name: 'two lengths', headers: [`Content-Length: ${LIST.length}`, 'Content-Length: 5'], status: 400 },
  {
    name: 'a length and chunks',
    headers: [`Content-Length: ${LIST.length}`, 'Transfer-Encoding: chunked'],
    status: 400,
  },
  { name: 'a length below nothing', headers: ['Content-Length: -1'], status: 400 },
  { name: 'a length in another base', headers: ['Content-Length: 0x2e'], status: 400 },
  { name: 'chunks', headers: ['Transfer-Encoding: Chunked'], body: chunked(LIST), status: 200 },
  {
    name: 'chunks that say more of themselves',
    headers: ['Transfer-Encoding: chunked'],
    body: chunked(LIST, ';a=b'),
    status: 200,
  },
  {
    name: 'compressed chunks',
    headers: ['Transfer-Encoding: gzip, chunked'],
    body: chunked(LIST),
    status: 501,
    says: /or chunked/,
  },
  { name: 'a chunk of no length', headers: ['Transfer-Encoding: chunked'], body: 'zz\r\n\r\n', status: 400 },
  { name: 'a header over two lines', headers: ['X-A: 1\r\n 2'], status: 400 },
  { name: 'a NUL in a header', headers: ['X-A: a\0b'], status: 400 },
  { name: 'a large header', headers: [`X-A: ${'a'.repeat(40_000)}`], status: 431 },
  { name: 'a wish for a newer HTTP', headers: ['Upgrade: h2c'], status: 200 },
  { name: 'an expectation of nobody', headers: ['Expect: the-moon'], status: 417 },
  { name: 'a path of somewhere else', first: 'POST //evil.example/mcp HTTP/1.1', status: 404 },
  { name: 'a path in no ASCII', first: 'POST /m\xe9cp HTTP/1.1', status: 400 },
  { name: 'an unknown method', first: 'FOO /mcp HTTP/1.1', status: 400 },
  { name: 'a mark before the body', body: `\xef\xbb\xbf${LIST}`, status: 200 },
  { name: 'a body in UTF-16', body: LIST.replaceAll(/./g, '$&\0'), status: 400, says: /UTF-8/ },
  {
    name: 'a body in Latin-1',
    headers: ['Content-Type: application/json; charset=iso-8859-1'],
    body: LIST.replace('}', ',"params":{"name":"caf\xe9"}}'),
    status: 400,
    says: /UTF-8/,
  },
  { name: 'an upload', ...upload([]), status: 201 },
  { name: 'a compressed upload', ...upload(['Content-Encoding: gzip']), status: 415, says: /not compressed/ },
  { name: 'a part of an upload', ...upload(['Content-Range: bytes 5-8/20']), status: 400, says: /the whole/ },
  {
    name: 'an upload in compressed chunks',
    ...upload(['Transfer-Encoding: gzip, chunked']),
    body: chunked('a,b\n'),
    status: 501,
  },
  {
    name: 'an address with odd signs',
    first: 'GET /results/x/y?user=%zz&expires=1&signature=%ff HTTP/1.1',
    status: 403,
  },
];

test.each(attempts)('$name: $status', async ({ status, says = /^HTTP/, ...sent }) => {
  const answer = await exchange(bytesOf(sent));
  expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect(answer).toMatch(says);
  expect(answer).not.toContain(ana.token);
});

test('what stands behind a body is another request, of nobody', async () => {
  const first = bytesOf({}).toString('latin1').replace('Connection: close\r\n', '');
  const behind = 'GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
  const answer = await exchange(Buffer.from(first + behind));
  expect(answer.match(/^HTTP\/1\.1 \d+/gm)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 401']);
});
