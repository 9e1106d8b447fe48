import type { Agent, IncomingMessage } from 'node:http';
import { pipeline, Readable, Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { NotConnected, notConnected, watchConnection } from './connection.ts';
import { createProxyAgent, routeTo } from './proxy.ts';
import { sendBody } from './send-body.ts';

/**
 * `fetch` over Node's own HTTP client. `fetch` itself has a parser in WebAssembly to load and to compile, which takes
 * longer than a first look at a batch does, and ends the process where memory is scarce; it knows no proxy on Node 20;
 * and it does not tell whether a connection had been made. A redirect, which would be followed with the credentials,
 * is an error. Once `isLate` says so, no more of a body that comes in pieces is sent.
 */
export async function fetchByHttp(
  url: string | URL | Request,
  init: RequestInit = {},
  isLate: () => boolean = () => false,
): Promise<Response> {
  const { body, ...described } = await exchange(url, init, isLate);
  return new Response(mayHaveBody(described.status) ? ReadableStream.from(limited(body)) : null, described);
}

/**
 * The same for a large download: the body of a good answer is what `downloadBody` gives. `fetch` makes two copies of a
 * body, which takes twice the processor's time, and 30 MB more until they are collected.
 */
export async function fetchDownload(url: string | URL | Request, init: RequestInit = {}): Promise<Response> {
  const { body, ...described } = await exchange(url, init, () => false);
  if (described.status > 299) return new Response(ReadableStream.from(limited(body)), described);
  const answer = new Response(null, described);
  bodies.set(answer, body);
  return answer;
}

/** The bodies of downloads. As a web stream each of their pieces would take as long again as to receive it. */
const bodies = new WeakMap<Response, Readable>();

/** The body of a good answer of `fetchDownload`, which has none itself. */
export function downloadBody(response: Response): Readable {
  return bodies.get(response) ?? Readable.from([]);
}

/** More than any answer has that is no download: a page of a thousand batches takes a twentieth. */
const LONGEST_ANSWER_BYTES = 10 * 1024 * 1024;

/** An answer is longer than any can be; it was not read on. */
export class AnswerTooLong extends Error {
  constructor() {
    super(`the answer is longer than ${LONGEST_ANSWER_BYTES / 1024 / 1024} MB, and was not read on`);
  }
}

/** The body of an answer that is held in memory, counted as it is when it was decompressed. */
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

/** An answer that points elsewhere, where nothing is sent. */
export class Redirected extends Error {
  constructor(status: number, location: string | undefined, from: URL) {
    const to = URL.canParse(location ?? '', from.href) ? `, to ${new URL(location ?? '', from).host}` : '';
    super(`the answer redirects elsewhere (${status})${to}`);
  }
}

/** A `Response` refuses a body for these (Fetch standard, null body status); 304 is a redirect here. */
const mayHaveBody = (status: number) => status !== 204 && status !== 205;

type Answer = { status: number; headers: Record<string, string>; body: Readable };

async function exchange(
  address: string | URL | Request,
  init: RequestInit,
  isLate: () => boolean,
): Promise<Answer> {
  const url = new URL(address instanceof Request ? address.url : address);
  const way = await wayTo(url, init.method ?? 'GET');
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

/** Without an `import`, whose names include WebSocket: that alone would load all of `fetch`, in 25 ms. */
const client = (url: URL) => process.getBuiltinModule(url.protocol === 'https:' ? 'node:https' : 'node:http');

const agents = new Map<string, Promise<Agent>>();

type Way = { agent: Agent; proxy: URL | undefined };

/**
 * The agent for a request, ours and not Node's global one, which Node's own switch sends through a proxy even to this
 * machine. Reads keep their connections. Whatever changes something gets one of its own: a kept one can break just when
 * it is used again, and nobody could say whether the request had arrived.
 */
async function wayTo(url: URL, method: string): Promise<Way> {
  const route = routeTo(url);
  if (route.kind === 'none') throw new NotConnected(route.why);
  const keepAlive = method === 'GET';
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
    headers: { 'accept-encoding': ENCODINGS, ...Object.fromEntries(new Headers(headers)) },
    ...(signal && { signal }),
  });
  const connection = watchConnection(request, url, proxy);
  return new Promise((resolve, reject) => {
    const fail = (error: Error) =>
      reject(connection.isMade() ? error : notConnected(error, connection.isAtProxy()));
    request.on('response', resolve).on('error', fail);
    // A switch to another protocol is neither an answer nor an error.
    request.on('close', () => fail(new Error('the connection was closed without an answer')));
    if (body === null || body === undefined) request.end();
    else if (typeof body === 'string') request.end(body);
    else if (!(Symbol.asyncIterator in body))
      request.destroy(new TypeError('a body of this kind is not sent'));
    else {
      // A body that breaks off is no failure to connect, though the request ends with the same error.
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

/** `deflate` is read but not asked for: some servers send it without the head that it has to have (RFC 9110, 8.4.1.2). */
const ENCODINGS = 'gzip, br';
const decoders = new Map([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
]);

/** Each takes memory of its own, and a header has room for thousands. */
const MOST_ENCODINGS = 5;

function decoded(response: IncomingMessage): Readable {
  const named = (response.headers['content-encoding'] ?? '').toLowerCase().split(',');
  const encodings = named.map((name) => name.trim()).filter((name) => name !== '' && name !== 'identity');
  // Some gateways name a character set here: what can't be read as it is shows soon enough.
  if (encodings.length > MOST_ENCODINGS || encodings.some((name) => !decoders.has(name))) return response;
  // What was done last is undone first. What fails reaches the reader through the last stream, which the pipeline destroys with it.
  return encodings
    .toReversed()
    .flatMap((name) => decoders.get(name) ?? [])
    .reduce<Readable>(
      (from, decoder) => pipeline(from, decoder({ chunkSize: 64 * 1024 }), () => {}),
      response,
    );
}
