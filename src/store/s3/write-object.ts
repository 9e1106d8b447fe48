import { createHash } from 'node:crypto';
import { gatherBytes } from '../../lib/gathered-bytes.ts';
import type { Pieces } from '../store.ts';
import type { S3Answer, S3Client, S3Request } from './client.ts';
import { s3Failure } from './failure.ts';

/** S3 takes no smaller parts except the last, and at most 10,000. */
export const PART_BYTES = 8 * 1024 * 1024;

export type S3Bucket = {
  client: S3Client;
  place: string;
  partBytes: number;
  /** Learned from the first refusal. */
  way: Way;
};

/** Which headers a bucket takes on a write: `If-None-Match`, and whether it wants `Content-MD5`, as buckets with object lock do. */
type Way = { knowsConditions: boolean; wantsMd5: boolean };

export const firstWay: Way = { knowsConditions: true, wantsMd5: false };
const otherWays: readonly Way[] = [
  { knowsConditions: false, wantsMd5: false },
  { knowsConditions: true, wantsMd5: true },
  { knowsConditions: false, wantsMd5: true },
];

/** What services answer to headers that they don't know, or require. */
const isAboutHeaders = ({ status, code }: S3Answer) =>
  status === 501 ||
  (status === 400 && ['InvalidArgument', 'InvalidRequest', 'NotImplemented'].includes(code));

const isDone = ({ status }: Pick<S3Answer, 'status'>) => status >= 200 && status < 300;

const textIn = (xml: string, tag: string) => new RegExp(`<${tag}>([^<]+)</${tag}>`).exec(xml)?.[1];

/** Writes an object of any length, with at most two parts of it in memory. `key` is complete, with the prefix. */
export async function writeObject(bucket: S3Bucket, key: string, pieces: Pieces): Promise<void> {
  let upload: Upload | undefined;
  let sending: Promise<void> = Promise.resolve();
  let bytes = 0;
  try {
    for await (const part of inParts(pieces, bucket.partBytes)) {
      bytes += part.bytes.length;
      if (part.isLast && upload === undefined) {
        await putOnce(bucket, key, bytes, { method: 'PUT', key, body: part.bytes });
        return;
      }
      await sending;
      upload ??= await beginUpload(bucket, key);
      sending = upload.send(part.number, part.bytes);
      // Whoever awaits it gets the error; a failure of the pieces may come first.
      sending.catch(() => {});
    }
    await sending;
    await upload?.complete(bytes);
  } catch (error) {
    await sending.catch(() => {});
    await upload?.abort();
    throw error;
  }
}

type Upload = {
  send(number: number, part: Uint8Array): Promise<void>;
  complete(bytes: number): Promise<void>;
  abort(): Promise<void>;
};

async function beginUpload(bucket: S3Bucket, key: string): Promise<Upload> {
  const { client, place } = bucket;
  const doing = `write ${key}`;
  const begun = await client.send(doing, { method: 'POST', key, query: { uploads: '' } });
  const uploadId = textIn(begun.text, 'UploadId');
  if (uploadId === undefined) throw s3Failure(doing, place, begun);
  const tags = new Map<number, string>();
  return {
    async send(number, body) {
      const query = { partNumber: String(number), uploadId };
      const answer = await sendInItsWay(bucket, doing, { method: 'PUT', key, query, body });
      const tag = answer.headers.get('etag');
      if (!isDone(answer) || tag === null) throw s3Failure(doing, place, answer);
      tags.set(number, tag);
    },

    async complete(bytes) {
      const parts = [...tags].map(
        ([number, tag]) => `<Part><PartNumber>${number}</PartNumber><ETag>${tag}</ETag></Part>`,
      );
      const body = `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`;
      await putOnce(bucket, key, bytes, { method: 'POST', key, query: { uploadId }, body });
    },

    async abort() {
      // If this fails too, it is swept with what dead writers left.
      await client.send(`give up ${key}`, { method: 'DELETE', key, query: { uploadId } }).catch(() => {});
    },
  };
}

/** What a retry gets after an earlier try succeeded: that answer was lost, and the object or its upload is no longer open. */
const isPerhapsThere = ({ status, code }: S3Answer) => status === 412 || code === 'NoSuchUpload';

/**
 * Makes the object, unless there is one. The key is this writer's own, so one that is there by now is its own from a try whose answer
 * was lost.
 */
async function putOnce(bucket: S3Bucket, key: string, bytes: number, request: S3Request): Promise<void> {
  const { client, place } = bucket;
  const doing = `write ${key}`;
  const answer = await sendInItsWay(bucket, doing, request);
  if (!isDone(answer) && !isPerhapsThere(answer)) throw s3Failure(doing, place, answer);
  const { status, length } = await sizeOf(client, doing, key);
  if (length === bytes) return;
  throw s3Failure(doing, place, isDone(answer) ? { status, code: 'it is not whole' } : answer);
}

/** Sends a write with the headers that its bucket takes; where it refuses them, others are tried. */
async function sendInItsWay(bucket: S3Bucket, doing: string, request: S3Request): Promise<S3Answer> {
  const send = (way: Way) => bucket.client.send(doing, { ...request, headers: headersOf(request, way) });
  const answer = await send(bucket.way);
  if (!isAboutHeaders(answer)) return answer;
  for (const way of otherWays) {
    const other = await send(way);
    if (isAboutHeaders(other)) continue;
    if (isDone(other)) bucket.way = way;
    return other;
  }
  return answer;
}

function headersOf({ method, query, body = '' }: S3Request, { knowsConditions, wantsMd5 }: Way) {
  const isPart = query?.partNumber !== undefined;
  return {
    ...(knowsConditions && !isPart && { 'if-none-match': '*' }),
    ...(wantsMd5 && method === 'PUT' && { 'content-md5': createHash('md5').update(body).digest('base64') }),
  };
}

/** How long an object is, as far as its bucket says so. */
async function sizeOf(client: S3Client, doing: string, key: string) {
  const { status, headers } = await client.send(doing, { method: 'HEAD', key });
  const length = headers.get('content-length');
  if (!isDone({ status }) || length !== null)
    return { status, length: length === null ? null : Number(length) };
  // Some proxies drop the length where there is no body.
  const part = await client.send(doing, { method: 'GET', key, headers: { range: 'bytes=0-0' } });
  const total = /\/(\d+)$/.exec(part.headers.get('content-range') ?? '')?.[1];
  return { status, length: total === undefined ? null : Number(total) };
}

/** `bytes` is valid only until the part after the next is asked for: a part can be sent while the next one fills. */
type UploadPart = { number: number; bytes: Uint8Array; isLast: boolean };

/** Most blobs are smaller. */
const EXPECTED_BYTES = 64 * 1024;

/** The same bytes in parts of one size, numbered from 1; the last may be smaller, and an only one empty. */
async function* inParts(pieces: Pieces, partBytes: number): AsyncGenerator<UploadPart> {
  const buffers = [gatherBytes(Math.min(EXPECTED_BYTES, partBytes)), gatherBytes(0)] as const;
  let [filling, other] = buffers;
  let number = 1;
  for await (const piece of pieces) {
    for (let taken = 0; taken < piece.length; ) {
      if (filling.length === partBytes) {
        yield { number, bytes: filling.bytes(), isLast: false };
        number += 1;
        [filling, other] = [other, filling];
        filling.clear();
      }
      taken += filling.add(piece.subarray(taken, taken + partBytes - filling.length));
    }
  }
  yield { number, bytes: filling.bytes(), isLast: true };
}
