import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { AwsV4Signer } from 'aws4fetch';
import { NotConnected } from '../../lib/http/connection.ts';
import { downloadBody, fetchByHttp, fetchDownload, Redirected } from '../../lib/http/http-fetch.ts';
import { type Refusal, s3Failure } from './failure.ts';

export type S3Settings = {
  /** Where the bucket's objects are, `https://bucket.s3.eu-central-1.amazonaws.com/` or `http://host:9000/bucket/`. */
  address: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
};

/** Timeouts, in milliseconds. */
export type S3Patience = {
  /** For a request with a body, in all. */
  answerMs: number;
  /** For one without, for a download until its first byte, and between pieces. */
  stallMs: number;
  tries: number;
  /** Before the second try; twice as long before each next one. */
  pauseMs: number;
};

export const PATIENCE: S3Patience = { answerMs: 120_000, stallMs: 20_000, tries: 5, pauseMs: 200 };

export type S3Request = {
  method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** Empty for the bucket itself. */
  key: string;
  query?: Readonly<Record<string, string>>;
  headers?: Readonly<Record<string, string>>;
  body?: Uint8Array | string;
};

/** An answer that another try would not change. `code` is S3's, empty for success. */
export type S3Answer = Refusal & { headers: Headers; text: string };

export type S3Client = {
  /** Retries what may be transient; throws `store_failed` where it is not. `doing` says in messages what it is for. */
  send(doing: string, request: S3Request): Promise<S3Answer>;
  /** One try of a download: its body, or what came in its place. */
  open(request: S3Request): Promise<{ headers: Headers; body: Readable } | Refusal>;
  /** Waits before another try; false where there were enough. */
  again(tries: number): Promise<boolean>;
  /** Whether the failure may be transient. */
  mayPass(refusal: Refusal): boolean;
};

const sha256 = (data: Uint8Array | string) => createHash('sha256').update(data).digest('hex');

const PASSING_STATUS = [0, 408, 429, 500, 502, 503, 504];
/** 400 and 409 that S3 asks to try again. */
const PASSING_CODE = ['RequestTimeout', 'ConditionalRequestConflict', 'OperationAborted'];
/** None of these is transient: no redirect is followed with a signature, and no certificate gets better. */
const LASTING_CODE = ['Redirected', 'NotImplemented', 'ENOTFOUND'];

/** S3 answers some requests with 200 before it knows how they end, and with an error in the body. */
const codeIn = (text: string) => /<Error\b[^>]*>[\s\S]*?<Code>(\w+)<\/Code>/.exec(text)?.[1];

export function createS3Client(
  place: string,
  settings: S3Settings,
  patience: S3Patience = PATIENCE,
): S3Client {
  // What is derived from the secret for a day.
  const cache = new Map<string, ArrayBuffer>();

  async function signed({ method, key, query = {}, headers = {}, body }: S3Request) {
    const url = new URL(key, settings.address);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const { address: _address, ...credentials } = settings;
    const hash = { 'x-amz-content-sha256': sha256(body ?? '') };
    const signer = new AwsV4Signer({
      ...credentials,
      method,
      url: url.href,
      headers: { ...headers, ...hash },
      service: 's3',
      cache,
    });
    const request = await signer.sign();
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    if (bytes !== undefined) request.headers.set('content-length', String(bytes.length));
    // Not signed: some services change it on the way. A compressed body would have no ranges.
    request.headers.set('accept-encoding', 'identity');
    return {
      url: request.url,
      init: {
        method,
        headers: request.headers,
        ...(bytes?.length && { body: ReadableStream.from([bytes]) }),
      },
    };
  }

  async function attempt(request: S3Request): Promise<S3Answer> {
    const signal = AbortSignal.timeout(request.body === undefined ? patience.stallMs : patience.answerMs);
    const { url, init } = await signed(request);
    try {
      const response = await fetchByHttp(url, { ...init, signal });
      const { status, headers } = response;
      const text = request.method === 'HEAD' ? '' : await response.text();
      const code = codeIn(text);
      if (status < 300) return { status: code === undefined ? status : 500, code: code ?? '', headers, text };
      return { status, code: code ?? '', headers, text: '' };
    } catch (error) {
      return { status: 0, code: reasonOf(error), headers: new Headers(), text: '' };
    }
  }

  const mayPass = ({ status, code }: Refusal) =>
    (PASSING_STATUS.includes(status) || PASSING_CODE.includes(code)) && !LASTING_CODE.includes(code);

  async function again(tries: number): Promise<boolean> {
    if (tries >= patience.tries) return false;
    // Random, or those who were refused together would all come back together.
    await sleep(patience.pauseMs * 2 ** (tries - 1) * (0.5 + Math.random() / 2));
    return true;
  }

  return {
    mayPass,
    again,

    async send(doing, request) {
      for (let tries = 1; ; tries += 1) {
        const answer = await attempt(request);
        if (!mayPass(answer) && answer.status !== 0) return answer;
        if (!mayPass(answer) || !(await again(tries))) throw s3Failure(doing, place, answer);
      }
    },

    async open(request) {
      const stall = new AbortController();
      const timer = setTimeout(() => stall.abort(), patience.stallMs);
      const { url, init } = await signed(request);
      try {
        const response = await fetchDownload(url, { ...init, signal: stall.signal });
        if (response.ok) return { headers: response.headers, body: downloadBody(response) };
        return { status: response.status, code: codeIn(await response.text()) ?? '' };
      } catch (error) {
        return { status: 0, code: reasonOf(error) };
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** Why there was no answer, in a word that holds neither an address nor a signature. */
function reasonOf(error: unknown): string {
  if (error instanceof NotConnected) return error.reason;
  if (error instanceof Redirected) return 'Redirected';
  if (!(error instanceof Error)) return 'no answer';
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return 'no answer in time';
  return 'code' in error ? String(error.code) : 'no answer';
}
