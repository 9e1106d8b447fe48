import { createServer, type RequestListener } from 'node:http';
import { text as textOfStream } from 'node:stream/consumers';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { downloadBody, fetchByHttp, fetchDownload } from '../../../src/lib/http/http-fetch.ts';
import { eachNth } from '../../long.ts';

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/file`;
}

const text = 'a line of a file\n'.repeat(50_000);

const ways: [name: string, fetch: typeof fetchByHttp, textOf: (response: Response) => Promise<string>][] = [
  ['fetchByHttp', fetchByHttp, (response) => response.text()],
  ['fetchDownload', fetchDownload, (response) => textOfStream(downloadBody(response))],
];

describe.each(ways)('%s', (_name, fetchIt, textOf) => {
  test('gives what was sent, with its status and headers', async () => {
    const url = await serve((request, response) => {
      response.writeHead(request.headers.authorization === 'Bearer key' ? 200 : 401, {
        'request-id': 'req_1',
      });
      response.end(text);
    });
    const response = await fetchIt(url, { headers: new Headers({ authorization: 'Bearer key' }) });
    expect(response.status).toBe(200);
    expect(response.headers.get('request-id')).toBe('req_1');
    expect((await textOf(response)) === text).toBe(true);
    expect((await fetchIt(url)).status).toBe(401);
  });

  test.each([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['GZIP', gzipSync],
    ['identity, gzip', gzipSync],
    ['gzip, gzip', (plain: string) => gzipSync(gzipSync(plain))],
    ['br,gzip', (plain: string) => gzipSync(brotliCompressSync(plain))],
  ])('decodes %s', async (encoding, encode) => {
    const url = await serve((request, response) => {
      expect(request.headers['accept-encoding']).toBe('gzip, br');
      response.writeHead(200, { 'content-encoding': encoding }).end(encode(text));
    });
    expect((await textOf(await fetchIt(url))) === text).toBe(true);
  });

  test.each([401, 529])('gives the body of a %i as fetch does, for the SDK reads it', async (status) => {
    const url = await serve((_request, response) => {
      response.writeHead(status, { 'content-encoding': 'gzip' }).end(gzipSync('{"type":"error"}'));
    });
    expect(await (await fetchIt(url)).json()).toEqual({ type: 'error' });
  });

  test('takes headers of 20 KB, as a gateway with cookies and policies sends', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'set-cookie': 'c'.repeat(20_000) }).end(text);
    });
    expect((await textOf(await fetchIt(url))) === text).toBe(true);
  });

  test('gives nothing of an answer without a body', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(204).end();
    });
    expect(await textOf(await fetchIt(url))).toBe('');
  });

  test('fails where gzip is cut short', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(text).subarray(0, -200));
    });
    await expect(textOf(await fetchIt(url))).rejects.toThrow(/unexpected end of file/);
  });

  test.each(['utf-8', '', 'identity'])('gives as it came what is in no encoding: %j', async (encoding) => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-encoding': encoding }).end(text);
    });
    expect((await textOf(await fetchIt(url))) === text).toBe(true);
  });

  test('follows no redirect', async () => {
    let elsewhere = 0;
    const other = await serve((_request, response) => {
      elsewhere += 1;
      response.end(text);
    });
    const url = await serve((_request, response) => {
      response.writeHead(307, { location: other }).end();
    });
    await expect(fetchIt(url)).rejects.toThrow(/redirects elsewhere \(307\)/);
    expect(elsewhere).toBe(0);
  });

  test('fails where the connection does, in the middle of the body', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': text.length });
      response.write(text.slice(0, 1000), () => setTimeout(() => response.destroy(), 20));
    });
    await expect(textOf(await fetchIt(url))).rejects.toThrow(/aborted|terminated/);
  });

  test('is stopped by its signal, before the headers and in the body', async () => {
    const silent = await serve(() => {});
    await expect(fetchIt(silent, { signal: AbortSignal.timeout(50) })).rejects.toThrow(/abort/i);
    const stalled = await serve((_request, response) => {
      response.writeHead(200).write('something');
    });
    const stop = new AbortController();
    const reading = textOf(await fetchIt(stalled, { signal: stop.signal }));
    stop.abort();
    await expect(reading).rejects.toThrow(/abort/i);
  });
});

eachNth(3, [
  ['in memory', 200, (url: string) => fetchByHttp(url)],
  ['of a refusal', 400, (url: string) => fetchByHttp(url)],
  ['of a download that is refused', 400, (url: string) => fetchDownload(url)],
])(
  'a body %s is not read beyond what an answer can have, as it is when decompressed',
  async (_what, status, get) => {
    const blanks = gzipSync(Buffer.alloc(40_000_000, ' '));
    const url = await serve((_request, response) => {
      response.writeHead(status, { 'content-encoding': 'gzip' }).end(blanks);
    });
    await expect((await get(url)).text()).rejects.toThrow('the answer is longer than 10 MB');
  },
);
