import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { storeAddress } from '../../src/config/store-address.ts';
import type { Objects } from '../../src/store/objects/objects.ts';
import { createS3Objects } from '../../src/store/s3/objects.ts';
import type { Pieces } from '../../src/store/store.ts';
import { follow, ids, prompts } from '../api.ts';
import { spawnServer } from '../harness.ts';
import { mostHeldDuring } from '../memory.ts';
import { commitBatch } from '../store/contract/batches.ts';
import { contentOf, piecesOf } from '../store/contract/pieces.ts';
import { bucketOf, folderObjects, optionsFor } from '../store/objects/open-tested.ts';
import { startS3 } from '../store/s3/s3-server.ts';
import { createStore } from './open-store.ts';
import { postgresForTests } from './postgres-server.ts';

const server = postgresForTests();

function storeAt(address: string, objects: Objects | null) {
  const store = createStore({ ...storeAddress.schema.parse(address), objects, log: () => {} });
  onTestFinished(() => store.close());
  return store;
}

test('the main job keeps its tasks and results in a bucket that fails and cuts, for every server there is', async () => {
  let requests = 0;
  const s3 = await startS3({
    fault: ({ method }) => {
      requests += 1;
      if (requests % 7 === 0) return { status: 503, code: 'SlowDown' };
      return requests % 5 === 0 && method === 'GET' ? 'cut' : undefined;
    },
  });
  const env = {
    BATCH_MCP_STORE: await server.newDatabase(),
    BATCH_MCP_PROVIDER: 'sandbox',
    BATCH_MCP_BLOBS: `s3://${s3.bucket}/team?endpoint=${s3.endpoint}&region=${s3.region}`,
    AWS_ACCESS_KEY_ID: s3.key.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.key.secretAccessKey,
  };
  const first = await spawnServer({ env });
  const { batch_id } = await first.ok('submit_batch', { requests: prompts(ids(30)), name: 'shared' });
  await follow(first, batch_id);
  const second = await spawnServer({ folder: first.data.replace(/\/[^/]*$/, ''), env });
  const { totals, results } = await second.ok('get_results', { batch_id });
  expect(totals).toMatchObject({ total: 30 });
  expect(results[0]).toMatchObject({ task_id: 't001' });
  const keys = await s3.keys();
  for (const name of ['tasks.jsonl', 'part-0001.requests.json', 'part-0001.results.jsonl']) {
    expect(keys.filter((key) => key.startsWith(`team/${batch_id}/${name}.`))).toHaveLength(1);
  }
  expect(first.stderr() + second.stderr()).not.toContain(s3.key.secretAccessKey);
  const client = new pg.Client({ connectionString: env.BATCH_MCP_STORE });
  await client.connect();
  const { rows } = await client.query('select count(*)::int as chunks from batch_mcp.chunk');
  await client.end();
  expect(rows).toEqual([{ chunks: 0 }]);
});

test('what was written into rows is read from there, and a bucket that is not named is said', async () => {
  const address = await server.newDatabase();
  const { objects, s3 } = await bucketOf();
  const rows = storeAt(address, null);
  const batchId = await commitBatch(rows);
  const both = storeAt(address, objects);
  expect(await contentOf(both.blobs(batchId).read('content'))).toBe('made in staging');
  await both.blobs(batchId).write('later', piecesOf('in the bucket'));
  expect(await contentOf(both.blobs(batchId).read('later'))).toBe('in the bucket');
  const elsewhere = storeAt(address, (await folderObjects()).objects);
  for (const store of [rows, elsewhere]) {
    await expect(contentOf(store.blobs(batchId).read('later'))).rejects.toMatchObject({
      code: 'store_failed',
      message: expect.stringContaining(`Set BATCH_MCP_BLOBS to that`),
    });
  }
  // Removed by one that does not reach the bucket, and swept by one that does.
  await rows.removeBatch(batchId);
  expect(await s3.keys()).toHaveLength(1);
  await both.sweep();
  expect(await s3.keys()).toEqual([]);
});

test.for(['a bucket', 'a shared folder'])(
  'a body of 250 MB goes into %s and out in little memory',
  async (kind) => {
    const s3 = await startS3();
    const { partBytes: _small, ...options } = optionsFor(s3);
    const objects = kind === 'a bucket' ? createS3Objects(options) : (await folderObjects()).objects;
    const store = storeAt(await server.newDatabase(), objects);
    const blobs = store.blobs(await commitBatch(store));
    async function* large(): Pieces {
      for (let i = 0; i < 2_000; i += 1) yield Buffer.alloc(125_000, i % 251);
    }
    const held = await mostHeldDuring(async () => {
      expect(await blobs.write('large', large())).toBe(250_000_000);
      let bytes = 0;
      for await (const piece of blobs.read('large')) bytes += piece.length;
      expect(bytes).toBe(250_000_000);
    });
    // Two parts of 8 MB, as far as they are not yet sent, and what the server of the test holds of them.
    expect(held).toBeLessThan(48_000_000);
  },
);
