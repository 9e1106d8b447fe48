import { readdir, stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { StoredObject } from '../../../src/store/objects/objects.ts';
import { contentOf, piecesOf } from '../contract/pieces.ts';
import { cachedBucket } from './open-tested.ts';

async function open(limitBytes: number) {
  const opened = await cachedBucket(limitBytes);
  const { s3, objects, folder } = opened;
  return {
    ...opened,
    write: (name: string, bytes: number) => objects.write(`b/${name}`, piecesOf(Buffer.alloc(bytes, name))),
    gets: () => s3.seen.filter(({ method }) => method === 'GET').length,
    held: async () => {
      const sizes = await Promise.all(
        (await readdir(folder)).map(async (name) => (await stat(path.join(folder, name))).size),
      );
      return sizes.toSorted((a, b) => a - b);
    },
    copyOf: ({ sha256 }: StoredObject) => path.join(folder, sha256),
  };
}

test('what was read is read from this machine the next time, whole and in pieces', async () => {
  const { objects, write, gets, held } = await open(10_000_000);
  const object = await write('a', 500_000);
  expect(gets()).toBe(0);
  const span = { offset: 400_000, length: 3 };
  for (let i = 0; i < 3; i += 1) {
    expect(await contentOf(objects.read(object))).toBe('a'.repeat(500_000));
    expect(await objects.readRanges(object, [span])).toEqual([Buffer.from('aaa')]);
    expect(await contentOf(objects.read(object, 499_999))).toBe('a');
  }
  expect([gets(), await held()]).toEqual([1, [500_000]]);
  // A piece brings all of it along.
  const other = await write('b', 1_000);
  await objects.readRanges(other, [{ offset: 5, length: 3 }]);
  await objects.readRanges(other, [{ offset: 900, length: 3 }]);
  expect(gets()).toBe(2);
});

test('what was not read for longest makes room, and what is too large is not kept', async () => {
  const { objects, write, held } = await open(1_000_000);
  const [first, second, third] = [
    await write('a', 400_000),
    await write('b', 400_001),
    await write('c', 400_002),
  ];
  for (const object of [first, second, first, third]) await contentOf(objects.read(object));
  expect(await held()).toEqual([400_000, 400_002]);
  const large = await write('d', 600_000);
  expect(await contentOf(objects.read(large))).toBe('d'.repeat(600_000));
  expect(await held()).toEqual([400_000, 400_002]);
});

test('a copy that was harmed is fetched again, and reading it is never wrong', async () => {
  const { objects, write, copyOf } = await open(10_000_000);
  const object = await write('a', 1_000);
  await contentOf(objects.read(object));
  await truncate(copyOf(object), 10);
  expect(await contentOf(objects.read(object))).toBe('a'.repeat(1_000));
  await writeFile(copyOf(object), 'b'.repeat(1_000));
  await expect(contentOf(objects.read(object))).rejects.toMatchObject({ code: 'store_damaged' });
  expect(await contentOf(objects.read(object))).toBe('a'.repeat(1_000));
});

test('a folder that takes no copies costs nothing but the copies', async () => {
  const { objects, write, folder, logged } = await open(10_000_000);
  await writeFile(folder, 'no folder');
  const object = await write('a', 1_000);
  for (let i = 0; i < 2; i += 1) expect(await contentOf(objects.read(object))).toBe('a'.repeat(1_000));
  expect(await objects.readRanges(object, [{ offset: 0, length: 1 }])).toEqual([Buffer.from('a')]);
  expect(logged.join()).toContain(folder);
});

test('reading that is left in the middle leaves nothing', async () => {
  const { objects, write, held } = await open(10_000_000);
  const object = await write('a', 900_000);
  for await (const piece of objects.read(object)) {
    expect(piece[0]).toBe(97);
    break;
  }
  expect(await held()).toEqual([]);
});
