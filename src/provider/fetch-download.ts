import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { pipeline, Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';

/**
 * `fetch` for a large download: a GET without a body, over Node's own HTTP client. Of a body of 300 MB `fetch` makes
 * two copies, which takes twice the processor's time, and 30 MB more until they are collected. A redirect, which
 * would be followed with the credentials, is an error. The body of a good answer is what `downloadBody` gives.
 */
export async function fetchDownload(url: string | URL | Request, init: RequestInit = {}): Promise<Response> {
  const response = await send(new URL(url instanceof Request ? url.url : url), init);
  const { statusCode: status = 0, headers } = response;
  if (status >= 300 && status < 400) {
    response.destroy();
    throw new Error(`the download was redirected (${status})`);
  }
  const plain = Object.entries(headers).flatMap(([name, value]) =>
    typeof value === 'string' ? [[name, value] satisfies [string, string]] : [],
  );
  const described = { status, headers: Object.fromEntries(plain) };
  const body = decoded(response);
  if (status > 299) return new Response(ReadableStream.from(body), described);
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
  const encoding = response.headers['content-encoding']?.toLowerCase() ?? 'identity';
  if (encoding === 'identity') return response;
  const decoder = decoders.get(encoding);
  if (decoder === undefined) {
    response.destroy();
    throw new Error('the download came in an encoding that was not asked for');
  }
  // What fails reaches the reader through the last stream, which the pipeline destroys with it.
  return pipeline(response, decoder({ chunkSize: 64 * 1024 }), () => {});
}
