import { createServer, type IncomingMessage } from 'node:http';
import { describe, expect, onTestFinished, test } from 'vitest';
import { NotConnected } from '../../../src/lib/http/connection.ts';
import { fetchByHttp } from '../../../src/lib/http/http-fetch.ts';

/** A server that reads what comes once it is let, and tells how much that was and whether it was whole. */
async function startReader() {
  const seen = { bytes: 0, whole: false, closed: false, requests: 0 };
  let let_ = () => {};
  const mayRead = new Promise<void>((resolve) => {
    let_ = resolve;
  });
  const read = async (request: IncomingMessage) => {
    seen.requests += 1;
    request.on('close', () => {
      seen.closed = true;
    });
    await mayRead;
    try {
      for await (const piece of request) seen.bytes += piece.length;
      seen.whole = request.complete;
    } catch {
      seen.whole = false;
    }
  };
  const server = createServer((request, response) => {
    void read(request).then(() => response.end('{}'));
  });
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/`;
  return { url, seen, read: () => let_() };
}

const PIECE = Buffer.alloc(64 * 1024, 'x');

/** A body of `count` pieces, which tells how many were taken. */
function bodyOf(count: number, onPiece: (index: number) => void = () => {}) {
  return (async function* () {
    for (let index = 0; index < count; index += 1) {
      onPiece(index);
      yield PIECE;
    }
  })();
}

const send = (url: string, count: number, isLate: () => boolean, onPiece?: (index: number) => void) =>
  fetchByHttp(
    url,
    {
      method: 'POST',
      headers: { 'content-length': String(count * PIECE.length) },
      body: ReadableStream.from(bodyOf(count, onPiece)),
    },
    { isLate },
  );

describe('a body in pieces', () => {
  test.each([1, 2, 200])('of %i pieces arrives whole', async (count) => {
    const { url, seen, read } = await startReader();
    read();
    await (await send(url, count, () => false)).text();
    expect(seen).toMatchObject({ bytes: count * PIECE.length, whole: true });
  });

  test('is not begun once it is late: there is no connection', async () => {
    const { url, seen } = await startReader();
    await expect(send(url, 1, () => true)).rejects.toThrow(NotConnected);
    expect(seen.requests).toBe(0);
  });

  test.each([
    ['before its first piece', 1],
    ['before its end', 2],
  ])('that becomes late %s is never whole, and its connection is closed', async (_when, question) => {
    const { url, seen, read } = await startReader();
    read();
    // Asked before connecting, before the first piece and before the last bytes.
    let asked = 0;
    const isLate = () => {
      asked += 1;
      return asked > question + 1;
    };
    await expect(send(url, 1, isLate)).rejects.toThrow(/time .*up/);
    if (seen.requests > 0) await expect.poll(() => seen.closed).toBe(true);
    expect(seen.whole).toBe(false);
  });

  test('that becomes late while the other side does not read is never whole', async () => {
    const { url, seen, read } = await startReader();
    let late = false;
    let taken = 0;
    const sending = send(
      url,
      1_000,
      () => late,
      (index) => {
        taken = index;
      },
    );
    const failed = expect(sending).rejects.toThrow('the time to send it was up');
    // The system holds a few megabytes, and this process no more than a piece or two.
    await expect.poll(() => taken).toBeGreaterThan(10);
    late = true;
    read();
    await failed;
    await expect.poll(() => seen.closed).toBe(true);
    expect(seen.whole).toBe(false);
    expect(taken).toBeLessThan(999);
  });
});
