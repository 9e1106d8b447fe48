import type { Agent, IncomingMessage } from 'node:http';
import { pipeline, Readable, Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { NotConnected, notConnected, watchConnection } from './connection.ts';
import { createProxyAgent, routeTo } from './proxy.ts';
import { sendBody } from './send-body.ts';

type FetchOptions = {
  /** Once it returns true, no further piece of a body is sent. */
  isLate?: () => boolean;
  /** Nothing is changed by the request, whatever its method, so it may be sent again. Default: true for GET alone. */
  isRead?: boolean;
};

/**
 * `fetch` over Node's own HTTP client. The real `fetch` loads and compiles a parser in WebAssembly, which takes longer
 * than a first look at a batch and ends the process if memory is scarce; it ignores proxies on Node 20; and it does not
 * tell whether a connection was made. A redirect is an error: it would be followed with the credentials.
 */
export async function fetchByHttp(
  url: string | URL | Request,
  init: RequestInit = {},
  { isLate = () => false, isRead = init.method === undefined || init.method === 'GET' }: FetchOptions = {},
): Promise<Response> {
  const { body, ...described } = await exchange(url, init, { isLate, isRead });
  return new Response(mayHaveBody(described.status) ? streamOf(limited(body)) : null, described);
}

/**
 * The same for a large download: the body of a good answer is had from `downloadBody`. `fetch` copies a body twice, which
 * doubles the CPU time and takes 30 MB more until the copies are collected.
 */
export async function fetchDownload(url: string | URL | Request, init: RequestInit = {}): Promise<Response> {
  const { body, ...described } = await exchange(url, init, { isLate: () => false, isRead: true });
  if (described.status > 299) return new Response(streamOf(limited(body)), described);
  const answer = new Response(null, described);
  bodies.set(answer, body);
  return answer;
}

/** The bodies of downloads. Passing a piece through a web stream would take as long again as receiving it. */
const bodies = new WeakMap<Response, Readable>();

/** The body of a good answer from `fetchDownload`, whose own body is null. */
export function downloadBody(response: Response): Readable {
  return bodies.get(response) ?? Readable.from([]);
}

/** Longer than any answer but a download: a page of a thousand batches takes a twentieth of it. */
const LONGEST_ANSWER_BYTES = 10 * 1024 * 1024;

/** An answer is longer than any genuine one, and was not read to its end. */
export class AnswerTooLong extends Error {
  constructor() {
    super(`the answer is longer than ${LONGEST_ANSWER_BYTES / 1024 / 1024} MB, and was not read on`);
  }
}

/** Limits the body of an answer that will be held in memory, counting its bytes after decompression. */
function limited(body: Readable): Readable {
  let bytes = 0;
  const counter = new Transform({
    transform(piece: Uint8Array, _encoding, done) {
      bytes += piece.length;
      if (bytes > LONGEST_ANSWER_BYTES) done(new AnswerTooLong());
      else done(null, piece);
    },
  });
  return pipeline(body, counter, () => {});
}

/**
 * A body that closes its connection when it is cancelled. The stream's own iterator would not before it was read from, and an
 * answer without an end would keep the process from ending.
 */
function streamOf(body: Readable): ReadableStream<Uint8Array> {
  const pieces: AsyncIterator<Uint8Array> = body[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      async pull(stream) {
        const { done, value } = await pieces.next();
        if (done) stream.close();
        else stream.enqueue(value);
      },
      cancel: () => void body.destroy(),
    },
    { highWaterMark: 0 },
  );
}

/** The answer is a redirect, which is not followed. */
export class Redirected extends Error {
  constructor(status: number, location: string | undefined, from: URL) {
    const to = URL.canParse(location ?? '', from.href) ? `, to ${new URL(location ?? '', from).host}` : '';
    super(`the answer redirects elsewhere (${status})${to}`);
  }
}

/** A `Response` refuses a body for these (Fetch standard, null body status); 304 is a redirect here. */
const mayHaveBody = (status: number) => status !== 204 && status !== 205;

/** Four times as much as Node reads: firewalls and gateways add cookies and policies of their own. */
const LONGEST_HEADERS_BYTES = 64 * 1024;

type Answer = { status: number; headers: Record<string, string>; body: Readable };

async function exchange(
  address: string | URL | Request,
  init: RequestInit,
  { isLate, isRead }: Required<FetchOptions>,
): Promise<Answer> {
  const url = new URL(address instanceof Request ? address.url : address);
  const way = await wayTo(url, isRead);
  if (isLate()) throw new NotConnected('its time was up');
  const response = await send(url, init, way, isLate);
  const { statusCode: status = 0, headers } = response;
  if (status >= 300 && status < 400) {
    response.destroy();
    throw new Redirected(status, headers.location, url);
  }
  if (status === 407) {
    response.destroy();
    throw new NotConnected('the proxy asks for a user name and password');
  }
  const plain = Object.entries(headers).flatMap(([name, value]) =>
    typeof value === 'string' ? [[name, value] satisfies [string, string]] : [],
  );
  return { status, headers: Object.fromEntries(plain), body: decoded(response) };
}

/** Not an `import`: linking its named exports, WebSocket among them, would load all of `fetch`, in 25 ms. */
const client = (url: URL) => process.getBuiltinModule(url.protocol === 'https:' ? 'node:https' : 'node:http');

const agents = new Map<string, Promise<Agent>>();

type Way = { agent: Agent; proxy: URL | undefined };

/**
 * The agent for a request. Ours, as NODE_USE_ENV_PROXY sends Node's global one through a proxy even to this machine. Reads
 * keep their connections alive. Whatever changes something gets a new connection: a kept one can break just as it is used
 * again, and nobody could tell whether the request had arrived.
 */
async function wayTo(url: URL, keepAlive: boolean): Promise<Way> {
  const route = routeTo(url);
  if (route.kind === 'none') throw new NotConnected(route.why);
  const proxy = route.kind === 'proxy' ? route.proxy : undefined;
  const key = [url.protocol, keepAlive, proxy?.href].join(' ');
  const made =
    agents.get(key) ??
    (proxy
      ? createProxyAgent(proxy, url.protocol === 'https:', keepAlive)
      : Promise.resolve(new (client(url).Agent)({ keepAlive })));
  agents.set(key, made);
  return { agent: await made, proxy };
}

async function send(
  url: URL,
  init: RequestInit,
  { agent, proxy }: Way,
  isLate: () => boolean,
): Promise<IncomingMessage> {
  const { method = 'GET', headers, body, signal } = init;
  const request = client(url).request(url, {
    method,
    agent,
    maxHeaderSize: LONGEST_HEADERS_BYTES,
    headers: { 'accept-encoding': ENCODINGS, ...Object.fromEntries(new Headers(headers)) },
    ...(signal && { signal }),
  });
  const connection = watchConnection(request, url, proxy);
  return new Promise((resolve, reject) => {
    const fail = (error: Error) =>
      reject(connection.isMade() ? error : notConnected(error, connection.isAtProxy()));
    request.on('response', resolve).on('error', fail);
    // A switch to another protocol gives neither a response nor an error.
    request.on('close', () => fail(new Error('the connection was closed without an answer')));
    if (body === null || body === undefined) request.end();
    else if (typeof body === 'string') request.end(body);
    else if (!(Symbol.asyncIterator in body))
      request.destroy(new TypeError('a body of this kind is not sent'));
    else {
      // A body that breaks off is not a failed connection, though the request ends with the same error.
      const breakOff = (error: unknown) => {
        reject(error);
        request.destroy();
      };
      const pieces: AsyncIterable<Uint8Array> = body;
      const begin = () => {
        if (isLate()) throw new NotConnected('its time was up');
        return sendBody(request, pieces, isLate);
      };
      connection.made.then(begin).catch(breakOff);
    }
  });
}

/** `deflate` is read but not asked for: some servers send it without the required zlib header (RFC 9110, 8.4.1.2). */
const ENCODINGS = 'gzip, br';
const decoders = new Map([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
]);

/** Each decoder takes memory, and a header has room for thousands. */
const MOST_ENCODINGS = 5;

function decoded(response: IncomingMessage): Readable {
  const named = (response.headers['content-encoding'] ?? '').toLowerCase().split(',');
  const encodings = named.map((name) => name.trim()).filter((name) => name !== '' && name !== 'identity');
  // Some gateways name a character set here. A body that really can't be read shows it soon enough.
  if (encodings.length > MOST_ENCODINGS || encodings.some((name) => !decoders.has(name))) return response;
  // The last encoding is undone first. The pipeline destroys the last stream with any failure, so that the reader gets it.
  return encodings
    .toReversed()
    .flatMap((name) => decoders.get(name) ?? [])
    .reduce<Readable>(
      (from, decoder) => pipeline(from, decoder({ chunkSize: 64 * 1024 }), () => {}),
      response,
    );
}
