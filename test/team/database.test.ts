import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { createDatabaseStore } from '../../src/store/postgres/create-store.ts';
import type { SqlClient } from '../../src/store/postgres/database.ts';
import { migrations } from '../../src/store/postgres/migrations.ts';
import type { Pieces, Store } from '../../src/store/store.ts';
import { mostHeldDuring } from '../memory.ts';
import { commitBatch, recordOf } from '../store/contract/batches.ts';
import { contentOf, piecesOf } from '../store/contract/pieces.ts';
import { postgresForTests } from './postgres-server.ts';

const server = postgresForTests();

function poolOf(address: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: address });
  onTestFinished(() => pool.end());
  return pool;
}

function storeOf(client: SqlClient, schema = 'batch_mcp'): Store {
  const nextLook = () => ({ inMs: 0, subject: '' });
  return createDatabaseStore({
    client,
    schema,
    place: `test ${schema}`,
    nextLook,
    aliveMs: 30_000,
    log: () => {},
  });
}

/** The same client, with the texts of all queries that it ran. */
function counting(pool: pg.Pool) {
  const texts: string[] = [];
  const client: SqlClient = {
    query: (text, values) => {
      texts.push(text);
      return pool.query(text, values);
    },
  };
  return { client, texts };
}

describe('the tables', () => {
  test('are made once by any number of servers that start at once', async () => {
    const address = await server.newDatabase();
    const pools = Array.from({ length: 8 }, () => poolOf(address));
    expect(await Promise.all(pools.map((pool) => storeOf(pool).batchIds()))).toEqual(pools.map(() => []));
    const { rows } = await poolOf(address).query('select number from batch_mcp.migration');
    expect(rows).toEqual(migrations.map((_, index) => ({ number: index + 1 })));
  });

  test.for(['repeatable read', 'serializable'])(
    'are made, and written by many at once, where transactions are %s',
    async (isolation) => {
      const address = await server.newDatabase();
      const name = new URL(address).pathname.slice(1);
      await poolOf(address).query(
        `alter database ${name} set default_transaction_isolation = '${isolation}'`,
      );
      const stores = Array.from({ length: 4 }, () => storeOf(poolOf(address)));
      await Promise.all(stores.map((store) => store.batchIds()));
      await Promise.all(stores.map(commitBatch));
      const takeTwenty = async ({ turns }: Store) => {
        for (let turn = 0; turn < 20; turn += 1) await turns?.next('x', 60_000, 1_000);
      };
      await Promise.all(stores.flatMap((store) => [takeTwenty(store), takeTwenty(store)]));
    },
  );

  test('of two schemas know nothing of each other', async () => {
    const pool = poolOf(await server.newDatabase());
    const [one, other] = [storeOf(pool, 'one'), storeOf(pool, 'other')];
    const batchId = await commitBatch(one);
    expect([await one.batchIds(), await other.batchIds()]).toEqual([[batchId], []]);
  });

  test('are used by one who may create nothing', async () => {
    const pool = poolOf(await server.newDatabase());
    const batchId = await commitBatch(storeOf(pool));
    await pool.query(`create role humble login password 'humble-and-quiet'; grant usage on schema batch_mcp to humble;
      grant select, insert, update, delete on all tables in schema batch_mcp to humble`);
    const { port, database } = pool.options;
    const connectionString = `postgres://humble:humble-and-quiet@127.0.0.1:${port ?? new URL(pool.options.connectionString ?? '').port}/${database ?? new URL(pool.options.connectionString ?? '').pathname.slice(1)}`;
    const humble = storeOf(poolOf(connectionString));
    expect(await humble.batchIds()).toEqual([batchId]);
    await humble.sweep();
    await commitBatch(humble);
  });

  test('are made in a schema that is there by one who may make no other', async () => {
    const pool = poolOf(await server.newDatabase());
    await pool.query(`create role tenant login password 'humble-and-quiet';
      create schema batch_mcp authorization tenant`);
    const address = (pool.options.connectionString ?? '').replace(/\/\/[^@]*@/, '//tenant:humble-and-quiet@');
    const tenants = storeOf(poolOf(address));
    const batchId = await commitBatch(tenants);
    expect(await tenants.batchIds()).toEqual([batchId]);
    await expect(storeOf(poolOf(address), 'other').batchIds()).rejects.toThrow('let it create a schema');
  });

  test('of a newer version are worked on while that allows it, else left alone and said to be newer', async () => {
    const pool = poolOf(await server.newDatabase());
    const batchId = await commitBatch(storeOf(pool));
    const step = 'insert into batch_mcp.migration (number, needed) values ($1, $2)';
    await pool.query(step, [98, migrations.length]);
    expect(await storeOf(pool).batchIds()).toEqual([batchId]);
    await pool.query(step, [99, migrations.length + 1]);
    await expect(storeOf(pool).batchIds()).rejects.toMatchObject({
      code: 'store_failed',
      message: expect.stringContaining('update this one'),
    });
  });

  test('are not made in a database that cannot hold every text', async () => {
    const pool = poolOf(await server.newDatabase());
    await pool.query("create database narrow encoding 'LATIN1' template template0");
    const address = (pool.options.connectionString ?? '').replace(/\/[^/]*$/, '/narrow');
    await expect(storeOf(poolOf(address)).batchIds()).rejects.toMatchObject({
      code: 'store_failed',
      message: expect.stringContaining('UTF8'),
    });
  });

  test('that cannot be made now are made when they can', async () => {
    const pool = poolOf(await server.newDatabase());
    let isAway = true;
    const store = storeOf({
      query: async (text, values) => {
        if (isAway) throw new Error('away');
        return pool.query(text, values);
      },
    });
    await expect(store.batchIds()).rejects.toMatchObject({ code: 'store_failed' });
    isAway = false;
    expect(await store.batchIds()).toEqual([]);
  });
});

test('every text comes back as it was', async () => {
  const store = storeOf(poolOf(await server.newDatabase()));
  const batchId = await commitBatch(store);
  const name = 'a\0b \ud800 \u{1f600} " \\ \n ü @. $1';
  await store.record(batchId).update((record) => record && { ...record, name });
  expect((await store.record(batchId).read())?.name).toBe(name);
});

test('a record that is lost or broken is damage of that batch alone', async () => {
  const pool = poolOf(await server.newDatabase());
  const store = storeOf(pool);
  const [lost, broken, whole] = [
    await commitBatch(store),
    await commitBatch(store),
    await commitBatch(store),
  ];
  await pool.query('delete from batch_mcp.record where batch_id = $1', [lost]);
  await pool.query(`update batch_mcp.record set content = '{"schema":1' where batch_id = $1`, [broken]);
  for (const id of [lost, broken]) {
    await expect(store.record(id).read()).rejects.toMatchObject({ code: 'store_damaged' });
  }
  const names = store.summaries({ name: 'names', schema: z.string(), make: ({ name }) => name });
  const { found, damaged } = await names([lost, broken, whole]);
  expect(found).toEqual(['test']);
  expect(damaged).toMatchObject([
    { batch_id: lost, is_broken: true },
    { batch_id: broken, is_broken: true },
  ]);
});

test('a chunk that is lost or short is damage, never a shorter blob', async () => {
  const pool = poolOf(await server.newDatabase());
  const store = storeOf(pool);
  const blobs = store.blobs(await commitBatch(store));
  await blobs.write('a', piecesOf(Buffer.alloc(3_000_000, 'x')));
  const failure = { code: 'store_damaged' };
  for (const harm of [
    'update batch_mcp.chunk set bytes = substring(bytes from 1 for 900) where number = 1',
    'delete from batch_mcp.chunk where number = 1',
  ]) {
    await pool.query(harm);
    await expect(contentOf(blobs.read('a'))).rejects.toMatchObject(failure);
    await expect(blobs.readRanges('a', [{ offset: 1_048_570, length: 2_000 }])).rejects.toMatchObject(
      failure,
    );
  }
  expect(await blobs.readRanges('a', [{ offset: 2_900_000, length: 5 }])).toEqual([Buffer.from('xxxxx')]);
});

test('what was left unfinished for a day is swept, and what is kept stays', async () => {
  const pool = poolOf(await server.newDatabase());
  const store = storeOf(pool);
  const batchId = await commitBatch(store);
  const staging = await store.stage();
  await staging.blobs.write('content', piecesOf('x'));
  const work = { at: '2026-11-27T09:00:00.000Z', args: {}, work_hash: 'ab'.repeat(32), files: [] };
  await store.work(`work_${'0'.repeat(32)}`).update(() => work);
  await store.budget('2026-11-25').update(() => ({ spent_usd: 1, open: [] }));
  await pool.query('insert into batch_mcp.blob (batch_id) values ($1)', [batchId]);
  await store.sweep();
  const counts = async () => {
    const count = async (from: string) =>
      Number((await pool.query(`select count(*) from batch_mcp.${from}`)).rows[0].count);
    return [await count('batch'), await count('blob'), await count('revision')];
  };
  expect(await counts()).toEqual([2, 3, 2]);
  await pool.query(`update batch_mcp.batch set made_at = made_at - interval '25 hours';
    update batch_mcp.blob set begun_at = begun_at - interval '25 hours';
    update batch_mcp.revision set written_at = written_at - interval '25 hours'`);
  await store.sweep();
  expect(await counts()).toEqual([1, 1, 1]);
  expect(await contentOf(store.blobs(batchId).read('content'))).toBe('made in staging');
  await expect(staging.commit(recordOf(staging.batchId))).rejects.toMatchObject({ code: 'store_failed' });
  expect(await store.batchIds()).toEqual([batchId]);
});

/** The content of a record `r` without its sum, as it may stand in another record and with other values. */
const UNSUMMED = `regexp_replace(r.content, ',"sum":"[0-9a-f]+"', '')`;

test('10,000 batches are listed by three queries, and looked up by one', async () => {
  const pool = poolOf(await server.newDatabase());
  const made = storeOf(pool);
  const batchId = await commitBatch(made);
  await pool.query(`
    insert into batch_mcp.batch (id) select 'batch_01K9' || lpad(n::text, 22, '0') from generate_series(1, 9999) n;
    insert into batch_mcp.record (batch_id, number, content)
    select b.id, n, replace(${UNSUMMED}, '${batchId}', b.id) from batch_mcp.batch b, batch_mcp.record r, generate_series(1, 5) n
    where r.batch_id = '${batchId}' and b.id <> '${batchId}';
    analyze`);
  const { client, texts } = counting(pool);
  const store = storeOf(client);
  const names = store.summaries({ name: 'names', schema: z.string(), make: ({ name }) => name });
  const ids = await store.batchIds();
  expect(ids).toHaveLength(10_000);

  const queries = async (look: () => Promise<unknown>) => {
    texts.length = 0;
    const start = performance.now();
    await look();
    return { queries: texts.length, ms: performance.now() - start };
  };
  // What has changed, which then is nothing; at first also how all is, and what was made of it is kept.
  expect((await queries(() => names(ids))).queries).toBe(2 + 1);
  const again = await queries(async () => expect((await names(ids)).found).toHaveLength(10_000));
  expect(again.queries).toBe(1);
  const other = storeOf(client).summaries({ name: 'names', schema: z.string(), make: () => 'made again' });
  const cold = await queries(async () => expect((await other([...ids])).found[0]).toBe('test'));
  expect(cold.queries).toBe(3 + 1);
  const look = await queries(() => store.record(batchId).read());
  expect(look.queries).toBe(1);
});

test('a body of 250 MB goes in and out in little memory', async () => {
  const store = storeOf(poolOf(await server.newDatabase()));
  const blobs = store.blobs(await commitBatch(store));
  async function* large(): Pieces {
    for (let i = 0; i < 2_000; i += 1) yield Buffer.alloc(125_000, i % 251);
  }
  const times: number[] = [];
  const held = await mostHeldDuring(async () => {
    const start = performance.now();
    expect(await blobs.write('large', large())).toBe(250_000_000);
    times.push(performance.now() - start);
    let bytes = 0;
    for await (const piece of blobs.read('large')) bytes += piece.length;
    times.push(performance.now() - start);
    expect(bytes).toBe(250_000_000);
  });
  expect(held).toBeLessThan(40_000_000);
});

test('a list finds what was written while it looked, however late that was committed', async () => {
  const pool = poolOf(await server.newDatabase());
  const store = storeOf(pool);
  const [late, still] = [await commitBatch(store), await commitBatch(store)];
  const names = store.summaries({ name: 'names', schema: z.string(), make: ({ name }) => name });
  const list = async () => (await names([late, still])).found;
  const writer = await pool.connect();
  onTestFinished(() => writer.release());
  await writer.query('begin');
  await writer.query(
    `insert into batch_mcp.record (batch_id, number, content)
     select batch_id, 2, replace(${UNSUMMED}, '"name":"test"', '"name":"late"') from batch_mcp.record r where batch_id = $1`,
    [late],
  );
  // Others write and are listed meanwhile.
  await storeOf(pool)
    .record(still)
    .update((record) => record && { ...record, name: 'first' });
  expect(await list()).toEqual(['test', 'first']);
  await storeOf(pool)
    .record(still)
    .update((record) => record && { ...record, name: 'second' });
  expect(await list()).toEqual(['test', 'second']);
  await writer.query('commit');
  expect(await list()).toEqual(['late', 'second']);
  // And nothing is asked for again that has not changed.
  const seen: unknown[] = [];
  const asking = storeOf({
    query: async (text, values) => {
      const answer = await pool.query(text, values);
      if (text.includes('unnest')) seen.push(answer.rows.length);
      return answer;
    },
  }).summaries({ name: 'names', schema: z.string(), make: ({ name }) => name });
  await asking([late, still]);
  await asking([late, still]);
  expect(seen).toEqual([2]);
});
