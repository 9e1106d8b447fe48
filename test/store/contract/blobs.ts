import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { openBlobWriter } from '../../../src/store/blob-writer.ts';
import type { Blobs, Pieces } from '../../../src/store/store.ts';
import type { StoreDriver } from '../contract.ts';
import { commitBatch } from './batches.ts';
import { contentOf, piecesOf } from './pieces.ts';

/** Bytes that differ from place to place. */
const pattern = (length: number, seed = 0) =>
  Buffer.from(Array.from({ length }, (_, i) => (i * 7 + seed) % 251));

const everywhere = ['of a batch', 'in staging'] as const;

export function describeBlobs(
  driver: StoreDriver,
  places: readonly (typeof everywhere)[number][] = everywhere,
): void {
  describe.each(places)('blobs %s', (where) => {
    async function opener(): Promise<() => Blobs> {
      const { open } = await driver();
      if (where === 'of a batch') {
        const batchId = await commitBatch(open());
        return () => open().blobs(batchId);
      }
      const staging = await open().stage();
      return () => staging.blobs;
    }

    it('hold what was written, for each who opens them', async () => {
      const open = await opener();
      expect(await open().write('a.txt', piecesOf('hello, ', '', 'wörld'))).toBe(13);
      expect(await contentOf(open().read('a.txt'))).toBe('hello, wörld');
      expect(await open().size('a.txt')).toBe(13);
      expect(await contentOf(open().read('a.txt', 7))).toBe('wörld');
      expect(await contentOf(open().read('a.txt', 13))).toBe('');
    });

    it('can be empty', async () => {
      const blobs = (await opener())();
      expect(await blobs.write('empty', piecesOf())).toBe(0);
      expect([await blobs.size('empty'), await contentOf(blobs.read('empty'))]).toEqual([0, '']);
      expect(await blobs.readRanges('empty', [{ offset: 0, length: 0 }])).toEqual([Buffer.alloc(0)]);
    });

    it('are written once: of any number at a time one, and none after it', async () => {
      const open = await opener();
      const names = Array.from({ length: 8 }, (_, i) => `writer ${i}`);
      const written = await Promise.all(names.map((name) => open().write('a', piecesOf(name))));
      expect(written.filter((bytes) => bytes !== null)).toEqual([8]);
      expect(await contentOf(open().read('a'))).toBe(names[written.findIndex((bytes) => bytes !== null)]);
      expect(await open().write('a', piecesOf('late'))).toBeNull();
      expect(await open().size('a')).toBe(8);
    });

    it('are nowhere when what they are written from fails, whose error comes through', async () => {
      const open = await opener();
      const failure = new Error('the line broke');
      async function* failing(): Pieces {
        yield pattern(300_000);
        throw failure;
      }
      await expect(open().write('a', failing())).rejects.toBe(failure);
      expect(await open().size('a')).toBeNull();
      expect(await open().write('a', piecesOf('whole'))).toBe(5);
    });

    it('are not seen before they are whole', async () => {
      const open = await opener();
      const seen: (number | null)[] = [];
      async function* watching(): Pieces {
        for (let i = 0; i < 3; i += 1) {
          yield pattern(200_000);
          if (where === 'of a batch') seen.push(await open().size('a'));
        }
      }
      expect(await open().write('a', watching())).toBe(600_000);
      expect(seen.filter((bytes) => bytes !== null)).toEqual([]);
    });

    it('give pieces out of their middle, in the order asked for', async () => {
      const blobs = (await opener())();
      const whole = pattern(1_000_000);
      await blobs.write(
        'a',
        piecesOf(whole.subarray(0, 1), whole.subarray(1, 999_999), whole.subarray(999_999)),
      );
      const spans = [
        { offset: 999_990, length: 10 },
        { offset: 0, length: 1 },
        { offset: 262_140, length: 10 },
        { offset: 5, length: 0 },
        { offset: 0, length: 1_000_000 },
      ];
      const found = await blobs.readRanges('a', spans);
      expect(found).toHaveLength(spans.length);
      for (const [i, { offset, length }] of spans.entries()) {
        expect(found[i]?.equals(whole.subarray(offset, offset + length))).toBe(true);
      }
      expect(await blobs.readRanges('a', [])).toEqual([]);
    });

    it.each([
      { offset: 0, length: 6 },
      { offset: 4, length: 2 },
      { offset: 5, length: 1 },
      { offset: 900, length: 1 },
    ])('call a piece that they do not hold damage: %j', async (span) => {
      const blobs = (await opener())();
      await blobs.write('a', piecesOf('12345'));
      await expect(blobs.readRanges('a', [{ offset: 0, length: 1 }, span])).rejects.toMatchObject({
        code: 'store_damaged',
        message: expect.stringContaining(blobs.describe('a')),
      });
    });

    it('call a missing one damage when it is read, and remove it without a word', async () => {
      const blobs = (await opener())();
      const failure = { code: 'store_damaged', message: expect.stringContaining(blobs.describe('a')) };
      await expect(contentOf(blobs.read('a'))).rejects.toMatchObject(failure);
      await expect(blobs.readRanges('a', [{ offset: 0, length: 1 }])).rejects.toMatchObject(failure);
      expect(await blobs.size('a')).toBeNull();
      await blobs.remove('a');
    });

    it('are gone when removed, and their name is free', async () => {
      const open = await opener();
      await open().write('a', piecesOf('one'));
      await open().write('b', piecesOf('other'));
      await open().remove('a');
      expect([await open().size('a'), await open().size('b')]).toEqual([null, 5]);
      expect(await open().write('a', piecesOf('two'))).toBe(3);
      expect(await contentOf(open().read('a'))).toBe('two');
    });

    it('can be left in the middle of reading', async () => {
      const blobs = (await opener())();
      await blobs.write('a', piecesOf(pattern(900_000)));
      for await (const piece of blobs.read('a')) {
        expect(piece[0]).toBe(0);
        break;
      }
      await blobs.remove('a');
      expect(await blobs.size('a')).toBeNull();
    });

    it('can be large, and written from small pieces', async () => {
      const open = await opener();
      const hash = createHash('sha256');
      const writer = openBlobWriter(open(), 'large', hash);
      const line = Buffer.from(`${'x'.repeat(997)}ü\n`);
      for (let i = 0; i < 12_000; i += 1)
        await (i % 100 === 0 ? writer.give(Buffer.from(line)) : writer.write(line));
      expect(writer.position).toBe(12_000_000);
      expect(await writer.finish()).toBe(12_000_000);
      const read = createHash('sha256');
      for await (const piece of open().read('large')) read.update(piece);
      expect(read.digest('hex')).toBe(hash.digest('hex'));
    });

    it('are nowhere when their writer gives up, and tell a writer that their name is taken', async () => {
      const open = await opener();
      const givenUp = openBlobWriter(open(), 'a');
      await givenUp.write(pattern(500_000));
      await givenUp.abort();
      expect(await open().size('a')).toBeNull();
      await open().write('a', piecesOf('first'));
      const late = openBlobWriter(open(), 'a');
      for (let i = 0; i < 10; i += 1) await late.write(pattern(100_000));
      expect(await late.finish()).toBeNull();
      await late.abort();
      expect(await contentOf(open().read('a'))).toBe('first');
    });

    it.each(['', '.', '..', '../x', 'a/b', 'a\\b', '/etc/passwd', 'a..b', '.hidden', 'a\0', 'a\n', 'A', 'ü'])(
      'refuse the name %j',
      async (name) => {
        const blobs = (await opener())();
        const refusal = expect.objectContaining({ code: 'invalid_input' });
        await expect(blobs.write(name, piecesOf('x'))).rejects.toThrow(refusal);
        await expect(contentOf(blobs.read(name))).rejects.toThrow(refusal);
        await expect(blobs.readRanges(name, [])).rejects.toThrow(refusal);
        await expect(blobs.size(name)).rejects.toThrow(refusal);
        await expect(blobs.remove(name)).rejects.toThrow(refusal);
      },
    );
  });
}
