import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { openPieceChannel, receivePieces, sendPieces } from '../../src/threads/pieces.ts';

const MEGABYTE = 1024 * 1024;

/** Bytes that do not repeat, so that a piece in the wrong place shows. */
function bytes(length: number): Buffer {
  const all = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) all.writeUInt32LE(at, at);
  return all;
}

async function* inPieces(all: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < all.length; at += size) yield all.subarray(at, at + size);
}

const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');

async function hashOf(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
}

describe('pieces sent over a channel', () => {
  it.each([
    ['none', 0, 1],
    ['one byte', 1, 1],
    ['a slot, in small pieces', MEGABYTE, 1000],
    ['a slot and a byte', MEGABYTE + 1, 64 * 1024],
    ['many times round, in pieces of an odd size', 11 * MEGABYTE + 7, 65_521],
    ['pieces larger than all slots', 13 * MEGABYTE, 6 * MEGABYTE],
  ])('arrive as they were: %s', async (_name, length, size) => {
    const all = bytes(length);
    const { near, far } = openPieceChannel();
    const [, hash] = await Promise.all([sendPieces(near, inPieces(all, size)), hashOf(receivePieces(far))]);
    expect(hash).toBe(sha256(all));
  });

  it('wait while the other end is behind', async () => {
    const { near, far } = openPieceChannel();
    let taken = 0;
    const sent = sendPieces(
      near,
      (async function* () {
        for (; taken < 20; taken += 1) yield Buffer.alloc(MEGABYTE);
      })(),
    );
    await sleep(50);
    expect(taken).toBeLessThan(6);
    await hashOf(receivePieces(far));
    await sent;
    expect(taken).toBe(20);
  });

  it('fail at both ends where they fail, after what came before', async () => {
    const { near, far } = openPieceChannel();
    const sent = sendPieces(
      near,
      (async function* () {
        yield bytes(3 * MEGABYTE);
        throw new Error('the source is broken');
      })(),
    );
    let received = 0;
    const receiving = (async () => {
      for await (const piece of receivePieces(far)) received += piece.length;
    })();
    const [sending, taking] = await Promise.allSettled([sent, receiving]);
    expect(sending).toMatchObject({ reason: { message: 'the source is broken' } });
    expect(taking).toMatchObject({
      reason: { code: 'internal', message: expect.stringMatching(/broke off/) },
    });
    expect(received).toBe(3 * MEGABYTE);
  });

  it('are asked for no more, and their source closed, where the receiver stops', async () => {
    const { near, far } = openPieceChannel();
    let closed = false;
    const sent = sendPieces(
      near,
      (async function* () {
        try {
          for (;;) {
            await sleep(1);
            yield Buffer.alloc(MEGABYTE);
          }
        } finally {
          closed = true;
        }
      })(),
    );
    for await (const piece of receivePieces(far)) {
      expect(piece.length).toBe(MEGABYTE);
      break;
    }
    await sent;
    expect(closed).toBe(true);
  });

  it('fail at the receiver where the sender is gone', async () => {
    const { near, far } = openPieceChannel();
    near.port.close();
    await expect(hashOf(receivePieces(far))).rejects.toMatchObject({ code: 'internal' });
  });
});
