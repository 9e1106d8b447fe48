import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { createStore } from '../../../src/store/files/create-store.ts';
import type { BatchRecord } from '../../../src/store/record.ts';
import type { Store } from '../../../src/store/store.ts';
import { eachNthOf } from '../../long.ts';
import { temporaryFolder } from '../../temporary-folder.ts';
import { recordOf } from '../contract/batches.ts';

const names = { name: 'names', schema: z.string(), make: (record: BatchRecord) => record.name };
/** As many as are worth a file. */
const MANY = 50;

const openStore = (data: string) => createStore({ path: data, log: () => {} });

async function commit(store: Store, name: string): Promise<string> {
  const staging = await store.stage();
  await staging.commit({ ...recordOf(staging.batchId), name });
  return staging.batchId;
}

const rename = (store: Store, id: string, name: string) =>
  store.record(id).update((record) => record && { ...record, name });

const recordFolder = (data: string, id: string) => join(data, 'batches', id, 'record');

/** A time that is certainly past, and the same for every folder that is given it. */
const LONG_AGO = new Date('2026-11-01T00:00:00Z');

/** Sets the time of a record's folder. */
async function touch(data: string, id: string, time: Date): Promise<void> {
  await utimes(recordFolder(data, id), time, time);
}

async function storeWith(count: number) {
  const data = join(await temporaryFolder(), 'data');
  const store = openStore(data);
  const ids: string[] = [];
  for (let i = 0; i < count; i += 1) ids.push(await commit(store, `batch ${i}`));
  for (const id of ids) await touch(data, id, LONG_AGO);
  return { data, store, ids, first: ids[0] ?? '' };
}

test('are given in the order asked for, and follow the records', async () => {
  const { store, ids, first } = await storeWith(3);
  const read = store.summaries(names);
  expect(await read(ids.toReversed())).toEqual({ found: ['batch 2', 'batch 1', 'batch 0'], damaged: [] });
  await rename(store, first, 'renamed');
  expect((await read(ids)).found).toEqual(['renamed', 'batch 1', 'batch 2']);
  await store.removeBatch(first);
  expect((await read(ids)).found).toEqual(['batch 1', 'batch 2']);
});

test('are kept for the next process, and made again of what it finds changed', async () => {
  const { data, store, ids, first } = await storeWith(MANY);
  await store.summaries(names)(ids);
  const [record = ''] = await readdir(recordFolder(data, first));
  // Written in place, so that the folder keeps its time: whoever gives the old name has not read it.
  await writeFile(join(recordFolder(data, first), record), 'nothing to be read');
  await touch(data, first, LONG_AGO);
  await rename(store, ids[1] ?? '', 'renamed');

  const { found, damaged } = await openStore(data).summaries(names)(ids);
  expect(damaged).toEqual([]);
  expect(found.slice(0, 3)).toEqual(['batch 0', 'renamed', 'batch 2']);
});

test('of a record that changed just now are not relied on: a file system may give both changes one time', async () => {
  const { data, store, ids, first } = await storeWith(1);
  const read = store.summaries(names);
  const now = new Date();
  await touch(data, first, now);
  expect((await read(ids)).found).toEqual(['batch 0']);
  await rename(store, first, 'renamed');
  await touch(data, first, now);
  expect((await read(ids)).found).toEqual(['renamed']);
});

eachNthOf(4, ['', '{"cut', '[]', '{"batch_1":{"changed":"?","summary":5}}'])(
  'are made again where the file holds %j',
  async (text) => {
    const { data, store, ids } = await storeWith(MANY);
    await store.summaries(names)(ids);
    const file = join(data, 'cache', 'names.json');
    await writeFile(file, text);
    expect((await openStore(data).summaries(names)(ids)).found).toHaveLength(MANY);
  },
);

test('a kept one is not believed in a file that is not as it was written', async () => {
  const { data, store, ids } = await storeWith(MANY);
  const final = { ...names, isFinal: () => true };
  await store.summaries(final)(ids);
  const file = join(data, 'cache', 'names.json');
  await writeFile(file, (await readFile(file, 'utf8')).replace('"batch 0"', '"batch X"'));
  expect((await openStore(data).summaries(final)(ids)).found[0]).toBe('batch 0');
});

test('those that are not asked for now are not made again later', async () => {
  const { data, store, ids, first } = await storeWith(3);
  let made = 0;
  const counted = {
    ...names,
    make: (record: BatchRecord) => {
      made += 1;
      return record.name;
    },
  };
  const read = store.summaries(counted);
  await read(ids);
  expect((await read([first])).found).toEqual(['batch 0']);
  expect((await read(ids)).found).toEqual(['batch 0', 'batch 1', 'batch 2']);
  expect(made).toBe(3);
  await touch(data, first, new Date(LONG_AGO.getTime() + 1));
  await read(ids.slice(1));
  await read(ids);
  expect(made).toBe(4);
});

test('those of batches that are gone leave the file', async () => {
  const { data, store, ids, first } = await storeWith(MANY);
  const read = store.summaries(names);
  await read(ids.slice(0, 1));
  await store.removeBatch(first);
  const more = await commit(store, 'more');
  await read([...ids.slice(1), more]);
  expect(await readFile(join(data, 'cache', 'names.json'), 'utf8')).not.toContain(first);
});

test('a record that cannot be read is named, and the others are there', async () => {
  const { data, store, ids, first } = await storeWith(2);
  await writeFile(join(recordFolder(data, first), '00000002.json'), '{');
  const { found, damaged } = await store.summaries(names)(ids);
  expect(found).toEqual(['batch 1']);
  expect(damaged).toMatchObject([{ batch_id: first }]);
});
