import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

/**
 * `fetch` for a large download: a GET without a body, over Node's own HTTP client. Of a body of 300 MB `fetch` makes
 * two copies, which takes twice the processor's time, and 30 MB more until they are collected. A redirect, which
 * would be followed with the credentials, is an error.
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
  return new Response(ReadableStream.from(decoded(response)), { status, headers: Object.fromEntries(plain) });
}

function send(url: URL, { headers, signal }: RequestInit): Promise<IncomingMessage> {
  const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
    headers: { ...Object.fromEntries(new Headers(headers)), 'accept-encoding': 'gzip' },
    ...(signal && { signal }),
  });
  return new Promise((resolve, reject) => {
    request.on('response', resolve).on('error', reject).end();
  });
}

function decoded(response: IncomingMessage): Readable {
  const encoding = response.headers['content-encoding'] ?? 'identity';
  if (encoding === 'identity') return response;
  if (encoding !== 'gzip') {
    response.destroy();
    throw new Error('the download came in an encoding that was not asked for');
  }
  // What fails reaches the reader through the last stream, which the pipeline destroys with it.
  return pipeline(response, createGunzip({ chunkSize: 64 * 1024 }), () => {});
}
