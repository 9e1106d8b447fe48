import { createHash } from 'node:crypto';
import { truncateSync } from 'node:fs';
import { rm, truncate, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import type { Objects, StoredObject } from '../../../src/store/objects/objects.ts';
import { createS3Objects, type S3ObjectsOptions } from '../../../src/store/s3/objects.ts';
import type { Pieces } from '../../../src/store/store.ts';
import { eachNth, eachNthOf, long } from '../../long.ts';
import { bucketOf, optionsFor } from '../objects/open-tested.ts';
import { type Fault, type S3Options, type Seen, startS3 } from './s3-server.ts';

const KEY = 'batch_1/tasks.jsonl.01k';
const MB = 1024 * 1024;

/** Bytes that differ from place to place. */
function contentOf(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at += 1) bytes[at] = (at * 7 + (at >> 9)) % 251;
  return bytes;
}

async function* inPieces(content: Buffer, size = 200_000): Pieces {
  for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size);
}

async function readAll(pieces: Pieces): Promise<Buffer> {
  const found: Uint8Array[] = [];
  for await (const piece of pieces) found.push(piece);
  return Buffer.concat(found);
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** Does this to the first `times` requests of a kind. */
function atFirst(fault: Fault, times: number, isMeant: (request: Seen) => boolean): S3Options['fault'] {
  let left = times;
  return (request) => {
    if (left === 0 || !isMeant(request)) return undefined;
    left -= 1;
    return fault;
  };
}

const isBegin = ({ method, query }: Seen) => method === 'POST' && query.has('uploads');
const isPart = ({ query }: Seen) => query.has('partNumber');
const isComplete = ({ method, query }: Seen) => method === 'POST' && query.has('uploadId');
const isPut = ({ method, query }: Seen) => method === 'PUT' && !query.has('partNumber');
const isHead = ({ method }: Seen) => method === 'HEAD';
const isGet = ({ method }: Seen) => method === 'GET';

const steps: Record<string, (request: Seen) => boolean> = { isPut, isHead, isBegin, isPart, isComplete };
const passing: Record<string, Fault> = {
  '500': { status: 500, code: 'InternalError' },
  '503': { status: 503, code: 'SlowDown' },
  '429': { status: 429, code: 'TooManyRequests' },
  'a time that was up': { status: 400, code: 'RequestTimeout' },
  'a dropped connection': 'drop',
  'a lost answer': 'lose',
};

const impatient: Partial<S3ObjectsOptions> = { patience: { pauseMs: 1, answerMs: 1_000, stallMs: 1_000 } };

async function open(
  fault: S3Options['fault'],
  more: Partial<S3ObjectsOptions> = {},
  options: S3Options = {},
) {
  const s3 = await startS3({ ...options, ...(fault && { fault }) });
  return { s3, objects: createS3Objects({ ...optionsFor(s3), ...more }) };
}

/** Writes an object without faults; gives it with its content. */
async function written(objects: Objects, length = 3.5 * MB) {
  const content = contentOf(length);
  return { content, object: await objects.write(KEY, inPieces(content)) };
}

describe('what is written', () => {
  const cases = Object.entries(steps).flatMap(([step, isMeant]) =>
    Object.entries(passing)
      // An answer to HEAD has no body, and so no code that says so.
      .filter(([name]) => step !== 'isHead' || name !== 'a time that was up')
      .map(([name, fault]) => ({ step, name, isMeant, fault })),
  );
  eachNthOf(28, cases)('is whole after $name at $step, two times', async ({ step, isMeant, fault }) => {
    const { s3, objects } = await open(atFirst(fault, 2, isMeant), impatient);
    const content = contentOf(step === 'isPut' ? 300_000 : 2.5 * MB);
    const object = await objects.write(KEY, inPieces(content));
    expect(object).toEqual({ key: KEY, bytes: content.length, sha256: sha256(content) });
    expect(await s3.keys()).toEqual([`team/${KEY}`]);
    expect(sha256(await readAll(objects.read(object)))).toBe(sha256(content));
    // What a begin whose answer was lost left open is nobody's: the owner's lifecycle rule removes it.
    if (step !== 'isBegin') expect(await s3.openUploads()).toBe(0);
  });

  test('is whole after an error that comes late, and after answers that never come', long, async () => {
    for (const fault of ['late error', 'hang'] as const) {
      const { objects } = await open(atFirst(fault, 2, isComplete), impatient);
      const { content, object } = await written(objects);
      expect(sha256(await readAll(objects.read(object)))).toBe(sha256(content));
    }
  });

  eachNthOf(6, [0, 1, MB - 1, MB, MB + 1, 2 * MB, 3 * MB + 7])(
    'is put whole or in parts: %d bytes',
    async (length) => {
      const { s3, objects } = await bucketOf();
      const { content, object } = await written(objects, length);
      expect(sha256(await readAll(objects.read(object)))).toBe(sha256(content));
      expect(s3.seen.filter(isPart)).toHaveLength(length > MB ? Math.ceil(length / MB) : 0);
      const made = s3.seen.filter((request) => isPut(request) || isComplete(request));
      expect(made.map(({ headers }) => headers['if-none-match'])).toEqual(['*']);
    },
  );

  test('needs no bucket that knows conditions, which is asked once', async () => {
    const { s3, objects } = await bucketOf({ knowsConditions: false });
    for (const key of ['b/one.1', 'b/two.2']) {
      const object = await objects.write(key, inPieces(contentOf(1_000)));
      expect(sha256(await readAll(objects.read(object)))).toBe(sha256(contentOf(1_000)));
    }
    expect(s3.seen.filter(isPut).map(({ headers }) => headers['if-none-match'])).toEqual([
      '*',
      undefined,
      undefined,
    ]);
  });

  test('leaves nothing when what it is made from fails', async () => {
    const { s3, objects } = await bucketOf();
    const failure = new Error('the line broke');
    async function* failing(): Pieces {
      yield contentOf(2.5 * MB);
      throw failure;
    }
    await expect(objects.write(KEY, failing())).rejects.toBe(failure);
    expect([await s3.keys(), await s3.openUploads()]).toEqual([[], 0]);
  });

  test('is not whole where the bucket keeps less than it was given', async () => {
    const { s3, objects } = await open((request) => {
      if (isHead(request)) truncateSync(s3.fileOf(request.key), 10);
      return undefined;
    });
    await expect(written(objects)).rejects.toMatchObject({ code: 'store_failed' });
  });

  test('that a dead writer left half is removed', async () => {
    const { s3, objects } = await open((request) => (isPart(request) ? 'hang' : undefined), {
      patience: { pauseMs: 1, answerMs: 60_000 },
    });
    void written(objects).catch(() => {});
    await expect.poll(() => s3.openUploads()).toBe(1);
    await objects.removeUnfinished(KEY);
    expect([await s3.keys(), await s3.openUploads()]).toEqual([[], 0]);
  });
});

describe('what is read', () => {
  const { 'a lost answer': _lost, ...refusals } = passing;
  const faults: Record<string, Fault> = {
    ...refusals,
    'an answer that is cut': 'cut',
    'an answer that stalls': 'stall',
  };
  eachNth(12, Object.entries(faults))('comes whole after %s, two times', async (_what, fault) => {
    const { s3, objects } = await open(atFirst(fault, 2, isGet), impatient);
    const { content, object } = await written(objects);
    expect(sha256(await readAll(objects.read(object)))).toBe(object.sha256);
    expect(s3.seen.filter(isGet)).toHaveLength(3);
    expect((await readAll(objects.read(object, 2 * MB))).equals(content.subarray(2 * MB))).toBe(true);
  });

  test('comes on from where it was cut, however often, while it comes on at all', async () => {
    const { s3, objects } = await open((request) => (isGet(request) ? 'cut' : undefined), impatient);
    const { content, object } = await written(objects, 600_000);
    expect((await readAll(objects.read(object))).equals(content)).toBe(true);
    const starts = s3.seen.filter(isGet).map(({ headers }) => Number(/\d+/.exec(headers.range ?? '')?.[0]));
    expect(starts).toEqual(starts.toSorted((a, b) => a - b));
    expect(starts.length).toBeGreaterThan(8);
  });

  test('is read in few requests where its pieces stand together', async () => {
    const { s3, objects } = await open(atFirst('cut', 1, isGet), impatient);
    const { content, object } = await written(objects);
    const spans = [2_000_000, 5, 100, 2_000_100, 3_000_000].map((offset) => ({ offset, length: 50 }));
    const found = await objects.readRanges(object, spans);
    expect(found).toEqual(spans.map(({ offset }) => content.subarray(offset, offset + 50)));
    expect(s3.seen.filter(isGet)).toHaveLength(3 + 1);
  });

  type Harm = (file: string) => Promise<void>;
  const harms: Record<string, Harm> = {
    'that is gone': (file) => rm(file),
    'that was cut short': (file) => truncate(file, 1_000_000),
    'that was made longer': (file) => truncate(file, 4_000_000),
    'that is another of that length': (file) => writeFile(file, Buffer.alloc(3.5 * MB, 'x')),
  };
  test.for(Object.entries(harms))('%s is damage', async ([name, harm]) => {
    const { s3, objects } = await bucketOf();
    const { object } = await written(objects);
    await harm(s3.fileOf(`team/${KEY}`));
    const damage = { code: 'store_damaged', message: expect.stringContaining(`s3://batches/team/${KEY}`) };
    await expect(readAll(objects.read(object))).rejects.toMatchObject(damage);
    if (name === 'that is another of that length') return;
    await expect(objects.readRanges(object, [{ offset: 2_000_000, length: 10 }])).rejects.toMatchObject(
      damage,
    );
    await expect(readAll(objects.read(object, 5))).rejects.toMatchObject(damage);
  });
});

describe('other services than Amazon', () => {
  const isWrite = ({ method, query }: Seen) => method === 'PUT' || query.has('uploadId');
  const refusing =
    (status: number, code: string, isMissed: (request: Seen) => boolean): S3Options['fault'] =>
    (request) =>
      isWrite(request) && isMissed(request) ? { status, code } : undefined;
  const isConditional = ({ headers }: Seen) => headers['if-none-match'] !== undefined;
  const isWithoutMd5 = ({ method, headers }: Seen) =>
    method === 'PUT' && headers['content-md5'] === undefined;
  const alwaysFor =
    (isMeant: (request: Seen) => boolean, fault: Fault): S3Options['fault'] =>
    (request) =>
      isMeant(request) ? fault : undefined;
  const services: Record<string, S3Options['fault']> = {
    'refuse conditions as an argument': refusing(400, 'InvalidArgument', isConditional),
    'refuse conditions as a request': refusing(400, 'InvalidRequest', isConditional),
    'refuse conditions without a code': refusing(501, '', isConditional),
    'want an MD5 of what is written': refusing(400, 'InvalidRequest', isWithoutMd5),
    'want an MD5, and refuse conditions': refusing(
      400,
      'InvalidRequest',
      (request) => isWithoutMd5(request) || isConditional(request),
    ),
    'know no ranges': alwaysFor(isGet, 'no ranges'),
    'tell no total with a range': alwaysFor(isGet, 'no total'),
    'tell no length of what they do not send': alwaysFor(isHead, 'no length'),
  };
  test.for(Object.entries(services))('that %s', async ([, fault]) => {
    const { s3, objects } = await open(fault, impatient);
    for (const length of [1_000, 2.5 * MB]) {
      const { content, object } = await written(objects, length);
      expect(sha256(await readAll(objects.read(object)))).toBe(sha256(content));
      expect((await readAll(objects.read(object, 700))).equals(content.subarray(700))).toBe(true);
      const spans = [
        { offset: 10, length: 20 },
        { offset: length - 50, length: 50 },
      ];
      expect(await objects.readRanges(object, spans)).toEqual(
        spans.map((span) => content.subarray(span.offset, span.offset + span.length)),
      );
      await objects.remove(KEY);
    }
    const before = s3.seen.length;
    await written(objects, 1_000);
    // What they want was learnt from what was written first.
    expect(s3.seen.slice(before).filter(isPut)).toHaveLength(1);
  });

  test('are not taken for such where a key has expired', async () => {
    const { s3, objects } = await open(atFirst({ status: 400, code: 'ExpiredToken' }, 1, isPut));
    await expect(written(objects, 10)).rejects.toThrow('The session token has expired');
    await written(objects, 10);
    expect(s3.seen.filter(isPut).map(({ headers }) => headers['if-none-match'])).toEqual(['*', '*']);
  });
});

describe('what does not pass', () => {
  const always =
    (fault: Fault): S3Options['fault'] =>
    () =>
      fault;
  type Case = {
    name: string;
    fault?: Fault;
    options?: Partial<S3ObjectsOptions>;
    says: string;
  };
  const cases: Case[] = [
    { name: 'errors that stay', fault: { status: 500, code: 'InternalError' }, says: '500 InternalError' },
    { name: 'connections that break', fault: 'drop', says: 'what was sent is looked after' },
    {
      name: 'answers that never come',
      fault: 'hang',
      options: { patience: { answerMs: 200, stallMs: 200 } },
      says: 'no answer in time',
    },
    { name: 'what is not allowed', fault: { status: 403, code: 'AccessDenied' }, says: 'Allow this key' },
    { name: 'a quota', fault: { status: 403, code: 'QuotaExceeded' }, says: 'make room' },
    {
      name: 'a wrong secret',
      options: { secretAccessKey: 'another-secret-access-key' },
      says: 'AWS_SECRET_ACCESS_KEY',
    },
    { name: 'another key', options: { accessKeyId: 'AKIDEXAMPLE0000002' }, says: 'AWS_ACCESS_KEY_ID' },
    { name: 'a wrong token', options: { sessionToken: 'a-session-token' }, says: 'AWS_SESSION_TOKEN' },
    { name: 'another region', options: { region: 'us-east-1' }, says: 'AWS_REGION' },
    { name: 'nobody there', options: { address: 'http://127.0.0.1:1/batches/' }, says: 'ECONNREFUSED' },
    {
      name: 'a host that is none',
      options: { address: 'http://no-such-host.invalid/batches/' },
      says: 'ENOTFOUND|EAI_AGAIN',
    },
  ];
  test.for(cases)('fails with what to do: $name', async ({ fault, options, says }) => {
    const { s3, objects } = await open(fault && always(fault), {
      ...options,
      patience: { tries: 2, pauseMs: 1, ...options?.patience },
    });
    const object: StoredObject = { key: KEY, bytes: 10, sha256: sha256(contentOf(10)) };
    const attempts = [
      () => objects.write(KEY, inPieces(contentOf(10))),
      () => written(objects),
      () => readAll(objects.read(object)),
      () => objects.readRanges(object, [{ offset: 1, length: 2 }]),
    ];
    for (const attempt of attempts) {
      const message = expect.stringMatching(new RegExp(`s3://batches/team.*(?:${says})`));
      await expect(attempt()).rejects.toMatchObject({ code: 'store_failed', message });
    }
    expect(await s3.keys()).toEqual([]);
  });

  test('is no bucket, and no secret is told', async () => {
    const s3 = await startS3();
    const objects = createS3Objects({ ...optionsFor(s3), address: `${s3.endpoint}/other/` });
    const failure = await objects.write(KEY, inPieces(contentOf(10))).catch(String);
    expect(failure).toContain('There is no such bucket');
    for (const secret of [s3.key.accessKeyId, s3.key.secretAccessKey, 'Signature'])
      expect(failure).not.toContain(secret);
  });

  test('does not hide a token that is right', async () => {
    const key = { sessionToken: 'the-session-token' };
    const { objects } = await bucketOf({ key });
    const { content, object } = await written(objects, 10);
    expect(sha256(await readAll(objects.read(object)))).toBe(sha256(content));
  });
});
