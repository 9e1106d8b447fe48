import { open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createFileBlobs } from '../../src/store/files/blobs.ts';
import { partResultsIndex } from '../../src/store/names.ts';
import {
  createResultsIndexBuilder,
  type ResultPlace,
  type ResultsIndex,
  readResultsIndex,
  writeResultsIndex,
} from '../../src/store/results-index.ts';
import { outcomes } from '../../src/store/saved-results.ts';
import type { Blobs } from '../../src/store/store.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const BYTES = 6_000_000_000;

function place(ordinal: number): ResultPlace {
  const outcome = outcomes[ordinal % outcomes.length] ?? 'missing';
  return { ordinal, outcome, declined: ordinal % 2 === 1, offset: ordinal * 5_000_000, length: ordinal + 1 };
}

const PART = 3;

/** The blobs of a batch on disk, and where the index of its third part stands. */
async function ofBatch() {
  const folder = await temporaryFolder();
  const blobs = createFileBlobs({ folder, temporary: join(folder, 'tmp') });
  return { blobs, path: blobs.describe(partResultsIndex(PART)) };
}

/** Every third ordinal, added in an order that is no order. */
function build(count: number): ResultsIndex {
  const builder = createResultsIndexBuilder(count);
  for (let i = 0; i < count; i += 1) {
    const position = (i * 7) % count;
    builder.add(position, place(position * 3));
  }
  return builder.finish(BYTES);
}

const listed = (index: ResultsIndex | null) =>
  Array.from({ length: index?.count ?? 0 }, (_, i) => index?.at(i));

describe('where results stand', () => {
  it('is sorted by ordinal, and found by it', () => {
    const index = build(1_000);
    expect(listed(index)).toEqual(Array.from({ length: 1_000 }, (_, i) => place(i * 3)));
    expect(index.find(0)).toEqual(place(0));
    expect(index.find(2_997)).toEqual(place(2_997));
    expect([index.find(1), index.find(-1), index.find(3_000)]).toEqual([null, null, null]);
    expect([index.ordinal(5), index.outcome(5), index.declined(5)]).toEqual([15, place(15).outcome, true]);
  });

  it.each([
    ['without a gap', [7, 8, 9, 10]],
    ['with two', [2, 7, 8, 10]],
    ['of one', [7]],
    ['of none', []],
  ])('is found where ordinals are %s', (_what, ordinals) => {
    const builder = createResultsIndexBuilder(11);
    for (const ordinal of ordinals.toReversed()) {
      const place = {
        ordinal,
        outcome: 'succeeded',
        declined: false,
        offset: ordinal * 10,
        length: 5,
      } as const;
      builder.add(ordinal, place);
    }
    const index = builder.finish(BYTES);
    const found = Array.from({ length: 14 }, (_, ordinal) => index.find(ordinal)).filter(Boolean);
    expect(found).toEqual(
      ordinals.map((ordinal) => ({
        ordinal,
        outcome: 'succeeded',
        declined: false,
        offset: ordinal * 10,
        length: 5,
      })),
    );
  });

  it('survives being written and read, in 17 bytes each', async () => {
    const { blobs, path } = await ofBatch();
    const index = build(1_000);
    await writeResultsIndex(blobs, PART, index);
    expect(listed(await readResultsIndex(blobs, PART, BYTES))).toEqual(listed(index));
    expect((await stat(path)).size).toBe(24 + 17_000);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await writeResultsIndex(blobs, PART, build(10));
    expect((await readResultsIndex(blobs, PART, BYTES))?.count).toBe(10);
  });

  it('can be of no results', async () => {
    const { blobs } = await ofBatch();
    await writeResultsIndex(blobs, PART, createResultsIndexBuilder(5).finish(0));
    expect((await readResultsIndex(blobs, PART, 0))?.count).toBe(0);
  });

  it('takes no more than it was made for', () => {
    const builder = createResultsIndexBuilder(1);
    builder.add(0, place(0));
    expect(() => builder.add(1, place(1))).toThrow(expect.objectContaining({ code: 'internal' }));
  });

  const edit = (at: number, value: number) => async (path: string) => {
    const bytes = await readFile(path);
    bytes.writeUInt8(value, at);
    await writeFile(path, bytes);
  };
  it.each<[string, (path: string) => Promise<void>]>([
    ['missing', (path) => rm(path)],
    ['empty', (path) => truncate(path, 0)],
    ['cut short', (path) => truncate(path, 24 + 17 * 9)],
    ['too long', async (path) => writeFile(path, Buffer.concat([await readFile(path), Buffer.alloc(17)]))],
    ['of another kind', edit(0, 65)],
    ['of another version', edit(4, 99)],
    ['changed in one byte', edit(40, 255)],
  ])('counts as missing when it is %s', async (_what, damage) => {
    const { blobs, path } = await ofBatch();
    await writeResultsIndex(blobs, PART, build(10));
    await damage(path);
    expect(await readResultsIndex(blobs, PART, BYTES)).toBeNull();
  });

  it('counts as missing when the results are not of the size it was made for', async () => {
    const { blobs } = await ofBatch();
    await writeResultsIndex(blobs, PART, build(10));
    expect(await readResultsIndex(blobs, PART, BYTES - 1)).toBeNull();
  });

  it('counts as missing where it goes while it is read, for another process writes its own', async () => {
    const { blobs } = await ofBatch();
    await writeResultsIndex(blobs, PART, build(10));
    const going: Blobs = {
      ...blobs,
      async size(name) {
        const size = await blobs.size(name);
        await blobs.remove(name);
        return size;
      },
    };
    expect(await readResultsIndex(going, PART, BYTES)).toBeNull();
  });

  it('stays where it is written once more, for others may read it', async () => {
    const { blobs, path } = await ofBatch();
    await writeResultsIndex(blobs, PART, build(10));
    const opened = await open(path);
    await writeResultsIndex(blobs, PART, build(10));
    expect((await stat(path)).ino).toBe((await opened.stat()).ino);
    await opened.close();
  });
});
