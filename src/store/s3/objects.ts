import type { Readable } from 'node:stream';
import { spanRuns } from '../files/read-file.ts';
import { checked, type Objects, type StoredObject, summed } from '../objects/objects.ts';
import type { Pieces, Span } from '../store.ts';
import { damaged } from '../stored-json.ts';
import { createS3Client, PATIENCE, type S3Patience, type S3Settings } from './client.ts';
import { type Refusal, s3Failure } from './failure.ts';
import { firstWay, PART_BYTES, type S3Bucket, writeObject } from './write-object.ts';

export type S3ObjectsOptions = S3Settings & {
  /** What all keys begin with; empty, or ending in a slash. */
  prefix: string;
  place: string;
  patience?: Partial<S3Patience>;
  /** The size of the parts in which larger objects are sent. */
  partBytes?: number;
};

const READS_AT_ONCE = 4;

/** Objects in a bucket that speaks S3. Creating it sends no request. */
export function createS3Objects(options: S3ObjectsOptions): Objects {
  const { prefix, place, patience: given, partBytes = PART_BYTES, ...settings } = options;
  const patience = { ...PATIENCE, ...given };
  const client = createS3Client(place, settings, patience);
  const bucket: S3Bucket = { client, place, partBytes, way: firstWay };
  const describe = (key: string) => `${place}/${key}`;

  /** From one byte of it to another. What a cut-off answer lacks is requested again. */
  async function* readPieces(object: StoredObject, from: number, end: number): Pieces {
    const key = prefix + object.key;
    for (let position = from, tries = 1; position < end; tries += 1) {
      const range = `bytes=${position}-${end - 1}`;
      const answer = await client.open({ method: 'GET', key, headers: { range } });
      let refusal: Refusal = { status: 0, code: 'its answers are cut off' };
      if ('body' in answer) {
        const { start, total } = partIn(answer.headers);
        if (total !== null && total !== object.bytes) {
          answer.body.destroy();
          throw damaged(describe(object.key), `it has ${total} bytes instead of ${object.bytes}`);
        }
        if (start > position) {
          answer.body.destroy();
          refusal = { status: 0, code: 'it gives another part than was asked for' };
        } else {
          const pieces = untilCut(answer.body, patience.stallMs);
          for await (const piece of between(pieces, position - start, end - start)) {
            position += piece.length;
            tries = 1;
            yield piece;
          }
          if (position >= end) return;
        }
      } else refusal = answer;
      if (refusal.code === 'NoSuchKey') throw damaged(describe(object.key), 'it is missing');
      if (refusal.status === 416) throw damaged(describe(object.key), 'it was cut short');
      if (!client.mayPass(refusal) || !(await client.again(tries))) {
        throw s3Failure(`read ${object.key}`, place, refusal);
      }
    }
  }

  async function readRun(object: StoredObject, { offset, length }: Span): Promise<Buffer> {
    const bytes = Buffer.alloc(length);
    let filled = 0;
    for await (const piece of readPieces(object, offset, offset + length)) {
      bytes.set(piece, filled);
      filled += piece.length;
    }
    return bytes;
  }

  async function remove(key: string): Promise<void> {
    const doing = `remove ${key}`;
    const answer = await client.send(doing, { method: 'DELETE', key: prefix + key });
    if (answer.status > 299 && answer.code !== 'NoSuchKey') throw s3Failure(doing, place, answer);
  }

  return {
    place,

    async write(key, pieces) {
      const all = summed(pieces);
      await writeObject(bucket, prefix + key, all.pieces);
      return { key, ...all.sum() };
    },

    read(object, start = 0) {
      const pieces = readPieces(object, start, object.bytes);
      return start === 0 ? checked(pieces, object, describe(object.key)) : pieces;
    },

    async readRanges(object, spans) {
      const found: Buffer[] = [];
      const runs = spanRuns(spans);
      const work = async () => {
        for (let run = runs.pop(); run !== undefined; run = runs.pop()) {
          const bytes = await readRun(object, run);
          for (const { index, span } of run.members) {
            const start = span.offset - run.offset;
            // Copied, as a run can be many times longer than what is wanted of it.
            found[index] = Buffer.from(bytes.subarray(start, start + span.length));
          }
        }
      };
      await Promise.all(Array.from({ length: READS_AT_ONCE }, work));
      return found;
    },

    remove,

    async removeUnfinished(key) {
      const query = { uploads: '', prefix: prefix + key };
      const doing = `list the uploads of ${key}`;
      const { text } = await client.send(doing, { method: 'GET', key: '', query });
      for (const [, uploadId = ''] of text.matchAll(/<UploadId>([^<]+)<\/UploadId>/g)) {
        await client.send(`give up ${key}`, { method: 'DELETE', key: prefix + key, query: { uploadId } });
      }
      await remove(key);
    },
  };
}

/** Where an answer begins in its object, and how long that is, as far as it says so. A range may be ignored (RFC 9110, 14.2). */
function partIn(headers: Headers): { start: number; total: number | null } {
  const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get('content-range') ?? '') ?? [];
  if (start !== undefined) return { start: Number(start), total: total === '*' ? null : Number(total) };
  // The length of something compressed in transit is not its own.
  const length = headers.has('content-encoding') ? null : headers.get('content-length');
  return { start: 0, total: length === null ? null : Number(length) };
}

/** The bytes of an answer from one to another. An answer that ends there is read to its end, to keep the connection. */
async function* between(pieces: Pieces, from: number, to: number): Pieces {
  let position = 0;
  for await (const piece of pieces) {
    const wanted = piece.subarray(Math.max(0, from - position), Math.max(0, to - position));
    if (wanted.length > 0) yield wanted;
    position += piece.length;
    if (position > to) return;
  }
}

/** The pieces to the end, or until the connection breaks or stalls: the reader counts the bytes. */
async function* untilCut(body: Readable, stallMs: number): Pieces {
  const stall = () => void body.destroy();
  let timer = setTimeout(stall, stallMs);
  try {
    for await (const piece of body) {
      clearTimeout(timer);
      yield piece;
      timer = setTimeout(stall, stallMs);
    }
  } catch {
    // The error that it broke off with is not ours: the network's, or a timeout.
  } finally {
    clearTimeout(timer);
  }
}
