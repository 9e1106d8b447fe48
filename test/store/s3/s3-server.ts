import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { onTestFinished } from 'vitest';
import { temporaryFolder } from '../../temporary-folder.ts';
import { problemOfSignature, type S3Key } from './signature.ts';

/** What is done to a request on purpose. */
export type Fault =
  /** Answers with an error, and does nothing. */
  | { status: number; code: string }
  /** `drop`: nothing is done and the connection breaks; `lose`: it is done, and its answer never comes; `hang`: nothing ever comes. */
  | 'drop'
  | 'lose'
  | 'hang'
  /** Half of the body comes, and the connection breaks. */
  | 'cut'
  /** Half of the body comes, and then nothing. */
  | 'stall'
  /** Answers 200 at once, and then with an error, as S3 does where it takes long. */
  | 'late error'
  /** The whole comes in place of a range; a range comes without the length of the whole; HEAD without any. */
  | 'no ranges'
  | 'no total'
  | 'no length';

export type Seen = {
  method: string;
  key: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
};

export type S3Options = {
  key?: Partial<S3Key>;
  region?: string;
  /** Whether it knows `If-None-Match` on what is written. */
  knowsConditions?: boolean;
  fault?: (request: Seen) => Fault | undefined;
};

/** What stands in for a bucket: it checks signatures, and knows what of S3 is used here. */
export type S3Server = {
  /** Without the bucket. */
  endpoint: string;
  bucket: string;
  region: string;
  key: S3Key;
  /** All requests that were signed rightly, in the order in which they came. */
  seen: Seen[];
  keys(): Promise<string[]>;
  /** How many uploads in parts are neither completed nor given up. */
  openUploads(): Promise<number>;
  /** The file that holds an object. */
  fileOf(key: string): string;
};

type Answer = { status: number; headers?: Record<string, string>; body?: string };

const refuse = (status: number, code: string): Answer => ({
  status,
  headers: { 'content-type': 'application/xml' },
  body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>`,
});

const late: Answer = {
  status: 200,
  body: '<?xml version="1.0"?>\n  <Error xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Code>InternalError</Code></Error>',
};

const namesIn = (folder: string) => readdir(folder).catch(() => []);

export async function startS3(options: S3Options = {}): Promise<S3Server> {
  const { region = 'eu-central-1', knowsConditions = true, fault = () => undefined } = options;
  const key: S3Key = {
    accessKeyId: 'AKIDEXAMPLE0000001',
    secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
    ...options.key,
  };
  const bucket = 'batches';
  const root = await temporaryFolder();
  const [objects, uploads, received] = ['objects', 'uploads', 'received'].map((name) =>
    path.join(root, name),
  );
  if (objects === undefined || uploads === undefined || received === undefined) throw new Error('no folders');
  for (const folder of [objects, uploads, received]) await mkdir(folder);
  const fileOf = (name: string) => path.join(objects, encodeURIComponent(name));
  const seen: Seen[] = [];
  /** Of the parts of open uploads. */
  const tags = new Map<string, string>();
  const exists = (file: string) =>
    stat(file).then(
      ({ size }) => size,
      () => null,
    );

  /** Makes a received file an object, unless a condition of the request forbids it. */
  async function put({ key: name, headers }: Seen, file: string): Promise<Answer> {
    if (headers['if-none-match'] !== undefined) {
      if (!knowsConditions) return refuse(501, 'NotImplemented');
      if ((await exists(fileOf(name))) !== null) return refuse(412, 'PreconditionFailed');
    }
    await rename(file, fileOf(name));
    return { status: 200 };
  }

  async function complete(request: Seen, file: string): Promise<Answer> {
    const folder = path.join(uploads ?? '', request.query.get('uploadId') ?? '');
    const parts = await namesIn(folder);
    if (parts.length === 0) return refuse(404, 'NoSuchUpload');
    const asked = [
      ...(await readFile(file, 'utf8')).matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>([^<]+)</g),
    ];
    const whole = `${file}.whole`;
    for (const [index, [, number = '', tag]] of asked.entries()) {
      const part = path.join(folder, number);
      if (tag === undefined || tag !== tags.get(part)) return refuse(400, 'InvalidPart');
      if (Number(number) !== index + 1) return refuse(400, 'InvalidPartOrder');
      await pipeline(createReadStream(part), createWriteStream(whole, { flags: 'a' }));
    }
    const answer = await put(request, whole);
    if (answer.status === 200) await rm(folder, { recursive: true });
    return answer;
  }

  async function act(request: Seen, file: string, sha256: string): Promise<Answer> {
    const { method, key: name, query } = request;
    const uploadId = query.get('uploadId');
    if (method === 'GET' && query.has('uploads')) {
      const found = await Promise.all(
        (await namesIn(uploads ?? '')).map(async (id) => ({
          id,
          of: decodeURIComponent(id.split(' ')[1] ?? ''),
        })),
      );
      const listed = found.filter(({ of }) => of.startsWith(query.get('prefix') ?? ''));
      return {
        status: 200,
        body: listed
          .map(({ id, of }) => `<Upload><Key>${of}</Key><UploadId>${id}</UploadId></Upload>`)
          .join(''),
      };
    }
    if (method === 'POST' && query.has('uploads')) {
      const id = `${randomUUID()} ${encodeURIComponent(name)}`;
      await mkdir(path.join(uploads ?? '', id));
      return {
        status: 200,
        body: `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
      };
    }
    if (method === 'PUT' && uploadId !== null) {
      const part = path.join(uploads ?? '', uploadId, query.get('partNumber') ?? '');
      if ((await exists(path.dirname(part))) === null) return refuse(404, 'NoSuchUpload');
      await rename(file, part);
      tags.set(part, `"${sha256}"`);
      return { status: 200, headers: { etag: `"${sha256}"` } };
    }
    if (method === 'POST' && uploadId !== null) return complete(request, file);
    if (method === 'DELETE' && uploadId !== null) {
      await rm(path.join(uploads ?? '', uploadId), { recursive: true, force: true });
      return { status: 204 };
    }
    if (method === 'DELETE') {
      await rm(fileOf(name), { force: true });
      return { status: 204 };
    }
    return method === 'PUT' ? put(request, file) : refuse(405, 'MethodNotAllowed');
  }

  /** GET and HEAD of an object, whole or a range of it. */
  async function give(
    request: Seen,
    response: ServerResponse,
    harm: Fault | undefined,
  ): Promise<Answer | null> {
    const size = await exists(fileOf(request.key));
    if (size === null) return refuse(404, 'NoSuchKey');
    const range = harm === 'no ranges' ? null : /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    const start = Number(range?.[1] ?? 0);
    const end = Math.min(Number(range?.[2] ?? size), size - 1);
    if (range !== null && start >= size) return refuse(416, 'InvalidRange');
    response.writeHead(range ? 206 : 200, {
      ...(harm !== 'no length' && { 'content-length': String(size === 0 ? 0 : end - start + 1) }),
      ...(range && { 'content-range': `bytes ${start}-${end}/${harm === 'no total' ? '*' : size}` }),
    });
    if (request.method === 'HEAD' || size === 0) {
      response.end();
      return null;
    }
    if (harm !== 'cut' && harm !== 'stall') {
      await pipeline(createReadStream(fileOf(request.key), { start, end }), response).catch(() => {});
      return null;
    }
    const half = start + Math.floor((end - start) / 2);
    for await (const piece of createReadStream(fileOf(request.key), { start, end: half }))
      response.write(piece);
    if (harm === 'cut') setTimeout(() => response.destroy(), 5);
    return null;
  }

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(incoming.url ?? '/', `http://${incoming.headers.host}`);
    const file = path.join(received ?? '', randomUUID());
    const [hash, md5] = [createHash('sha256'), createHash('md5')];
    incoming.on('data', (piece: Buffer) => [hash, md5].map((each) => each.update(piece)));
    await pipeline(incoming, createWriteStream(file));
    const { method = 'GET', headers } = incoming;
    const sha256 = hash.digest('hex');
    const problem = problemOfSignature({ method, url, headers, sha256 }, key, region);
    const [, asked, ...rest] = url.pathname.split('/');
    const request: Seen = {
      method,
      key: decodeURIComponent(rest.join('/')),
      query: url.searchParams,
      headers,
    };
    const say = ({ status, headers: own = {}, body = '' }: Answer) =>
      response
        .writeHead(status, { ...own, 'content-length': String(Buffer.byteLength(body)) })
        .end(method === 'HEAD' ? '' : body);
    if (problem !== null) return void say(refuse(403, problem));
    if (![undefined, md5.digest('base64')].includes(headers['content-md5']?.toString()))
      return void say(refuse(400, 'BadDigest'));
    if (asked !== bucket) return void say(refuse(404, 'NoSuchBucket'));
    seen.push(request);
    const harm = fault(request);
    if (harm === 'drop') return void incoming.socket.destroy();
    if (harm === 'hang') return;
    if (typeof harm === 'object') return void say(refuse(harm.status, harm.code));
    if (harm === 'late error') return void say(late);
    const isRead = method === 'HEAD' || (method === 'GET' && !request.query.has('uploads'));
    const answer = isRead ? await give(request, response, harm) : await act(request, file, sha256);
    await rm(file, { force: true });
    if (harm === 'lose') incoming.socket.destroy();
    else if (answer !== null) say(answer);
  }

  const server = createServer((incoming, response) => {
    handle(incoming, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    bucket,
    region,
    key,
    seen,
    fileOf,
    keys: async () => (await namesIn(objects)).map(decodeURIComponent).sort(),
    openUploads: async () => (await namesIn(uploads)).length,
  };
}
