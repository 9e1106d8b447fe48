import { appendFile, readdir, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { storeAddress } from '../../src/config/store-address.ts';
import { createStore as createFolderStore } from '../../src/store/files/create-store.ts';
import { openMovableFolder } from '../../src/store/files/movable.ts';
import type { Movable } from '../../src/store/moving/movable.ts';
import type { Objects } from '../../src/store/objects/objects.ts';
import { openMovableDatabase } from '../../src/store/postgres/movable.ts';
import { createS3Objects } from '../../src/store/s3/objects.ts';
import { follow, ids, isSaved, prompts, startApi } from '../api.ts';
import { createDesk, type Desk, run, start } from '../cli/run-binary.ts';
import { settingsFor, spawnServer } from '../harness.ts';
import { recordOf } from '../store/contract/batches.ts';
import { piecesOf } from '../store/contract/pieces.ts';
import { contentsOf } from '../store/moving/contents.ts';
import { optionsFor } from '../store/objects/open-tested.ts';
import { startS3 } from '../store/s3/s3-server.ts';
import { postgresForTests } from './postgres-server.ts';

const server = postgresForTests();

const BATCHES = 60;
const LEAST_KILLS = 5;
const LONGEST_LIFE_MS = 2_500;

function movableAt(address: string, objects: Objects | null): Movable {
  const { url, schema, place } = storeAddress.schema.parse(address);
  const client = new pg.Pool({ connectionString: url });
  onTestFinished(() => client.end());
  return openMovableDatabase({ client, schema, place, objects });
}

async function countIn(address: string, table: string): Promise<number> {
  const { url, schema } = storeAddress.schema.parse(address);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query(`select count(*)::int as count from ${schema}.${table}`);
    return rows[0].count;
  } finally {
    await client.end();
  }
}

/** Batches of all sizes, with records of several revisions, and what is kept beside them. */
async function fill(path: string): Promise<void> {
  const store = createFolderStore({ path, log: () => {} });
  for (let n = 0; n < BATCHES; n += 1) {
    const staging = await store.stage();
    await staging.blobs.write('tasks.jsonl', piecesOf('x'.repeat(n * 40_000)));
    await staging.blobs.write('part-0001.requests.json', piecesOf(`{"n":${n}}`));
    await staging.commit(recordOf(staging.batchId));
    const rename = (name: string) =>
      store.record(staging.batchId).update((record) => record && { ...record, name });
    for (let i = 0; i < n % 4; i += 1) await rename(`${i} – ✓`);
    await store
      .claim(`msgbatch_${n}`)
      .update(() => ({ owner: { batch_id: staging.batchId, part: 1 }, tentative: false }));
    await store.audit({ at: String(n), tool: 'submit_batch', outcome: 'done' });
  }
  await store.budget('2026-11-22').update(() => ({ spent_usd: 0.1, open: [] }));
  await store.budget('2026-11-22').update(() => ({ spent_usd: 0.3, open: [] }));
}

/** Calls it again and again, killed at any moment, until it comes to its end; gives how often it was killed. */
async function copyThroughKills(desk: Desk, args: readonly string[]): Promise<number> {
  for (let kills = 0; ; ) {
    const { child, ended } = start(desk, ['store', 'copy', ...args]);
    const life =
      kills < LEAST_KILLS ? 200 + Math.random() * 1_000 : Math.random() * LONGEST_LIFE_MS * (1 + kills);
    void sleep(life).then(() => child.kill('SIGKILL'));
    const { code, signal, stderr } = await ended;
    if (code === 0) return kills;
    expect({ signal, stderr: stderr.replaceAll(/^(?:copying|preparing the lists) …\n/gm, '') }).toEqual({
      signal: 'SIGKILL',
      stderr: '',
    });
    kills += 1;
  }
}

test.each(['rows', 'a bucket'])(
  'a data folder goes into a database with %s and back, killed at any moment',
  async (kind) => {
    const s3 = kind === 'rows' ? null : await startS3();
    const address = await server.newDatabase();
    const desk = await createDesk({
      BATCH_MCP_STORE: address,
      ...(s3 && {
        BATCH_MCP_BLOBS: `s3://${s3.bucket}/team?endpoint=${s3.endpoint}&region=${s3.region}`,
        AWS_ACCESS_KEY_ID: s3.key.accessKeyId,
        AWS_SECRET_ACCESS_KEY: s3.key.secretAccessKey,
      }),
    });
    const path = `${desk.folder}/data`;
    await fill(path);
    const folder = openMovableFolder(path);
    await folder.close();
    const before = await contentsOf(folder);
    await folder.reopen();
    const database = movableAt(
      address,
      s3 && createS3Objects({ ...optionsFor(s3), prefix: 'team/', place: `s3://${s3.bucket}/team` }),
    );

    const there = await copyThroughKills(desk, ['--from', path]);
    // What the first list would have to make of each record.
    expect(await countIn(address, 'summary')).toBe(BATCHES);
    await database.close();
    expect(await contentsOf(database)).toEqual(before);
    if (s3 !== null) expect(await s3.keys()).toHaveLength(2 * BATCHES);
    await database.reopen();

    const back = await copyThroughKills(desk, ['--to', path]);
    await folder.close();
    expect(await contentsOf(folder)).toEqual(before);
    await folder.reopen();
    expect(there + back).toBeGreaterThan(LEAST_KILLS);
  },
);

test('zero bytes that a power cut left do not stop the log, and are told of a record', async () => {
  const address = await server.newDatabase();
  const desk = await createDesk({ BATCH_MCP_STORE: address });
  const path = `${desk.folder}/data`;
  await fill(path);
  await appendFile(`${path}/audit.jsonl`, Buffer.alloc(100));
  const [batchId = ''] = await readdir(`${path}/batches`);
  const record = `closed/batches/${batchId}/record/00000009.json`;
  await writeFile(`${path}/${record.replace('closed/', '')}`, Buffer.alloc(100));
  const failed = await run(desk, ['store', 'copy', '--from', path]);
  expect(failed.stderr).toMatch(new RegExp(`the record of ${batchId} .*22021.*zero bytes`));
  await rm(`${path}/${record}`);
  expect(await run(desk, ['store', 'copy', '--from', path])).toMatchObject({ code: 0 });
});

test('servers on what was left refuse, those on the other go on, and nothing is paid twice', async () => {
  const api = await startApi();
  const address = await server.newDatabase();
  const onFolder = await spawnServer({ api });
  const { batch_id } = await onFolder.ok('submit_batch', { requests: prompts(ids(4)) });
  const desk = await createDesk({ BATCH_MCP_STORE: address, ...settingsFor(api) });
  expect(await run(desk, ['store', 'copy', '--from', onFolder.data])).toMatchObject({ code: 0 });
  expect(await onFolder.fails('batch_status', { batch_id })).toContain('was moved to postgres://');

  // The worker finds by itself what is due.
  start(desk, ['collect', '--watch', '1']);
  api.endAll();
  const onDatabase = await spawnServer({ api, env: { BATCH_MCP_STORE: address } });
  await expect.poll(async () => isSaved(await onDatabase.ok('batch_status', { batch_id }))).toBe(true);
  expect(await onDatabase.ok('submit_batch', { requests: prompts(ids(4)) })).toMatchObject({ batch_id });
  const next = await onDatabase.ok('submit_batch', { requests: prompts(['next']) });

  expect(await run(desk, ['store', 'copy', '--to', onFolder.data])).toMatchObject({ code: 0 });
  for (const tool of ['batch_status', 'get_results', 'retry_batch', 'cancel_batch'])
    expect(await onDatabase.fails(tool, { batch_id })).toContain(`was moved to ${onFolder.data}`);
  expect(await onDatabase.fails('list_batches')).toContain(`was moved to ${onFolder.data}`);
  expect(await onDatabase.fails('submit_batch', { requests: prompts(['new']) })).toContain('was moved to');
  const newer = await spawnServer({ api, env: { BATCH_MCP_STORE: address } });
  expect(await newer.fails('list_batches')).toContain(`was moved to ${onFolder.data}`);
  api.endAll();
  expect((await follow(onFolder, next.batch_id)).outcomes).toMatchObject({ succeeded: 1 });
  expect(api.creates).toHaveLength(2);
});
