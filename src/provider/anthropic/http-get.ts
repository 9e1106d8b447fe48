import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { pipeline, Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';

/**
 * `fetch` over Node's own HTTP client, for a GET without a body. `fetch` itself has a parser to load and to compile,
 * which takes longer than a first look at a batch does. A redirect, which would be followed with the credentials, is
 * an error.
 */
export async function fetchByGet(url: string | URL | Request, init: RequestInit = {}): Promise<Response> {
  const { body, ...described } = await get(url, init);
  return new Response(mayHaveBody(described.status) ? ReadableStream.from(body) : null, described);
}

/**
 * The same for a large download: the body of a good answer is what `downloadBody` gives. `fetch` makes two copies of a
 * body, which takes twice the processor's time, and 30 MB more until they are collected.
 */
export async function fetchDownload(url: string | URL | Request, init: RequestInit = {}): Promise<Response> {
  const { body, ...described } = await get(url, init);
  if (described.status > 299) return new Response(ReadableStream.from(body), described);
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

/** A `Response` refuses a body for these (Fetch standard, null body status); 304 is a redirect here. */
const mayHaveBody = (status: number) => status !== 204 && status !== 205;

type Answer = { status: number; headers: Record<string, string>; body: Readable };

async function get(url: string | URL | Request, init: RequestInit): Promise<Answer> {
  const response = await send(new URL(url instanceof Request ? url.url : url), init);
  const { statusCode: status = 0, headers } = response;
  if (status >= 300 && status < 400) {
    response.destroy();
    throw new Error(`the API redirected elsewhere (${status})`);
  }
  const plain = Object.entries(headers).flatMap(([name, value]) =>
    typeof value === 'string' ? [[name, value] satisfies [string, string]] : [],
  );
  return { status, headers: Object.fromEntries(plain), body: decoded(response) };
}

function send(url: URL, { headers, signal }: RequestInit): Promise<IncomingMessage> {
  const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
    headers: { ...Object.fromEntries(new Headers(headers)), 'accept-encoding': 'gzip, deflate, br' },
    ...(signal && { signal }),
  });
  return new Promise((resolve, reject) => {
    request.on('response', resolve).on('error', reject).end();
  });
}

const decoders = new Map([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
]);

function decoded(response: IncomingMessage): Readable {
  const encoding = response.headers['content-encoding']?.trim().toLowerCase() ?? '';
  const decoder = decoders.get(encoding);
  // Some gateways name a character set here: what can't be read as it is shows soon enough.
  if (decoder === undefined) return response;
  // What fails reaches the reader through the last stream, which the pipeline destroys with it.
  return pipeline(response, decoder({ chunkSize: 64 * 1024 }), () => {});
}
