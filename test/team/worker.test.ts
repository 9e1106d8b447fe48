import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createDatabaseStore } from '../../src/store/postgres/create-store.ts';
import type { BatchRecord } from '../../src/store/record.ts';
import { ids, prompts, startApi } from '../api.ts';
import { type ApiServer, hang } from '../api-server.ts';
import { bundleForTests } from '../bundle.ts';
import { createDesk, start } from '../cli/run-binary.ts';
import { type SpawnedServer, settingsFor, spawnServer, temporaryFolder } from '../harness.ts';
import { recordOf } from '../store/contract/batches.ts';
import { postgresForTests } from './postgres-server.ts';

const server = postgresForTests();
const workerProcess = bundleForTests(path.join(import.meta.dirname, 'worker-process.ts'));

function poolOf(address: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: address });
  onTestFinished(() => pool.end());
  return pool;
}

/** Whose a batch of these tests is stands in its name, and in how many milliseconds it is due. */
function storeOf(client: pg.Pool) {
  const nextLook = ({ name }: BatchRecord) => {
    const [subject = '', inMs = '0'] = name.split(' ');
    return { inMs: inMs === 'never' ? null : Number(inMs), subject };
  };
  const store = createDatabaseStore({
    client,
    schema: 'batch_mcp',
    place: 'test',
    nextLook,
    aliveMs: 30_000,
    log: () => {},
  });
  const { agenda } = store;
  if (agenda === null) throw new Error('no agenda');
  async function commit(name: string): Promise<string> {
    const staging = await store.stage();
    await staging.commit({ ...recordOf(staging.batchId), name });
    return staging.batchId;
  }
  return { store, agenda, commit };
}

const MINUTE = 60_000;

describe('what is due', () => {
  test('is written with the record, and gone with the batch', async () => {
    const pool = poolOf(await server.newDatabase());
    const { store, agenda, commit } = storeOf(pool);
    const [now, later, never] = [await commit('a'), await commit('a 60000'), await commit('a never')];
    expect((await agenda.take(9, MINUTE)).map(({ batchId }) => batchId)).toEqual([now]);
    await store.record(later).update((record) => record && { ...record, name: 'a 0' });
    expect(await agenda.take(9, MINUTE)).toMatchObject([{ batchId: later, revision: 2, failed: 0 }]);
    await store.record(never).update((record) => record && { ...record, name: 'a 0' });
    await store.removeBatch(never);
    expect(await agenda.take(9, MINUTE)).toEqual([]);
  });

  test('is had by one at a time, and by the next where that one is dead', async () => {
    const pool = poolOf(await server.newDatabase());
    const [one, other] = [storeOf(pool), storeOf(pool)];
    const batches = await Promise.all(Array.from({ length: 40 }, () => one.commit('a')));
    const taken = await Promise.all(
      Array.from({ length: 10 }, (_, i) => (i % 2 ? one : other).agenda.take(6, MINUTE)),
    );
    const all = taken.flat().map(({ batchId }) => batchId);
    expect(all.toSorted()).toEqual(batches.toSorted());

    const [lease] = await (async () => {
      await pool.query("update batch_mcp.due set until = now() - interval '1 second' where batch_id = $1", [
        all[0],
      ]);
      return one.agenda.take(9, MINUTE);
    })();
    if (lease === undefined) throw new Error('nothing was taken over');
    expect(lease.batchId).toBe(all[0]);
    await one.agenda.renew([lease], 2 * MINUTE);
    // It is not the other's to give back.
    await other.agenda.release(lease, { pauseMs: 0, failed: 0 });
    expect(await other.agenda.take(9, MINUTE)).toEqual([]);
    await one.agenda.release(lease, { pauseMs: 0, failed: 3 });
    expect(await other.agenda.take(9, MINUTE)).toMatchObject([{ batchId: lease.batchId, failed: 3 }]);
  });

  test.each([
    ['a pause', 'a', { pauseMs: MINUTE, failed: 1 }, null, false],
    ['no pause', 'a', { pauseMs: 0, failed: 0 }, null, true],
    ['nothing more to do', 'a', { pauseMs: null, failed: 0 }, null, false],
    ['nothing more to do, and changed meanwhile', 'a', { pauseMs: null, failed: 0 }, 'a 0', true],
    ['a pause, and over meanwhile', 'a', { pauseMs: 0, failed: 0 }, 'a never', false],
  ])('comes again after %s as it should', async (_what, name, next, changed, again) => {
    const { store, agenda, commit } = storeOf(poolOf(await server.newDatabase()));
    const batchId = await commit(name);
    const [lease] = await agenda.take(1, MINUTE);
    if (lease === undefined) throw new Error('nothing was due');
    if (changed !== null)
      await store.record(batchId).update((record) => record && { ...record, name: changed });
    await agenda.release(lease, next);
    expect(await agenda.take(1, MINUTE)).toHaveLength(again ? 1 : 0);
  });

  test('goes round over users, however many batches one of them has', async () => {
    const { agenda, commit } = storeOf(poolOf(await server.newDatabase()));
    const owner = new Map<string, string>();
    for (const name of [...Array.from({ length: 30 }, () => 'busy'), 'one', 'two', 'two']) {
      owner.set(await commit(name), name);
    }
    const take = async (count: number) =>
      (await agenda.take(count, MINUTE)).map(({ batchId }) => owner.get(batchId));
    expect((await take(4)).toSorted((a = '', b = '') => a.localeCompare(b))).toEqual([
      'busy',
      'busy',
      'one',
      'two',
    ]);
    // By one hand at a time too, whose batches are all given back before the next.
    const served: (string | undefined)[] = [];
    for (let i = 0; i < 4; i += 1) {
      const [lease] = await agenda.take(1, MINUTE);
      if (lease === undefined) throw new Error('nothing was due');
      served.push(owner.get(lease.batchId));
      await agenda.release(lease, { pauseMs: MINUTE, failed: 0 });
    }
    expect(served).toContain('two');
  });

  test('is made again from the records, whoever wrote them', async () => {
    const pool = poolOf(await server.newDatabase());
    const { agenda, commit, store } = storeOf(pool);
    const batches = [await commit('a'), await commit('b never'), await commit('a 5')];
    const rows = async () =>
      (
        await pool.query(
          'select batch_id, revision, subject, at is null as over from batch_mcp.due order by 1',
        )
      ).rows;
    await store.record(batches[0] ?? '').update((record) => record && { ...record, name: 'c' });
    const before = await rows();
    await pool.query('delete from batch_mcp.due');
    expect(await agenda.rebuild()).toBe(3);
    expect(await rows()).toEqual(before);
    // As an older version leaves it.
    await pool.query('update batch_mcp.due set revision = 1, at = null');
    expect(await agenda.rebuild()).toBe(1);
    expect(await rows()).toEqual(before.map((row, i) => (i === 0 ? row : { ...row, over: true })));
    expect(await agenda.rebuild()).toBe(0);
  });
});

/** Starts a worker process; `looked` are the batches that it looked at, so far. */
async function startWorkerProcess(api: ApiServer, store: string) {
  const folder = await temporaryFolder();
  const child = spawn(process.execPath, [workerProcess.path], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH ?? '',
      HOME: folder,
      BATCH_MCP_STORE: store,
      BATCH_MCP_SETTLE_SECONDS: '1',
      ...settingsFor(api),
    },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += String(chunk);
  });
  return { child, ended: once(child, 'close'), said: () => said };
}

async function submitAll(client: SpawnedServer, count: number): Promise<string[]> {
  const replies = await Promise.all(
    Array.from({ length: count }, (_, i) =>
      client.ok('submit_batch', { requests: prompts(ids(2).map((id) => `work${i}-${id}`)) }),
    ),
  );
  return replies.map(({ batch_id }) => batch_id);
}

const states = (pool: pg.Pool) =>
  pool
    .query('select count(*)::int as open, count(holder)::int as held from batch_mcp.due where at is not null')
    .then(({ rows }) => rows[0]);

describe('workers', () => {
  test('share the batches, and take over those of one that was killed', async () => {
    const api = await startApi();
    const store = await server.newDatabase();
    const pool = poolOf(store);
    const client = await spawnServer({ api, env: { BATCH_MCP_STORE: store } });
    const batches = await submitAll(client, 12);
    await client.kill();
    const workers = await Promise.all([1, 2, 3].map(() => startWorkerProcess(api, store)));
    await expect.poll(() => workers.every(({ said }) => said().includes('in_progress'))).toBe(true);
    // It dies with a look under way, whose answer never comes.
    api.override('retrieve', hang, { times: 6 });
    await expect.poll(() => states(pool).then(({ held }) => held)).toBeGreaterThan(0);
    workers[0]?.child.kill('SIGKILL');
    api.endAll();
    await expect.poll(() => states(pool)).toEqual({ open: 0, held: 0 });
    const reader = await spawnServer({ env: { BATCH_MCP_STORE: store } });
    for (const batch_id of batches) {
      const { results_state, outcomes } = await reader.ok('batch_status', { batch_id });
      expect({ results_state, outcomes }).toMatchObject({
        results_state: 'saved',
        outcomes: { succeeded: 2 },
      });
    }
    expect(api.creates).toHaveLength(12);
  });

  test.each(['SIGTERM', 'SIGINT'] as const)(
    'of the terminal end within seconds on %s, and give back what they have',
    async (signal) => {
      const api = await startApi();
      const store = await server.newDatabase();
      const pool = poolOf(store);
      const client = await spawnServer({ api, env: { BATCH_MCP_STORE: store } });
      const [batchId] = await submitAll(client, 3);
      const desk = await createDesk({ BATCH_MCP_STORE: store, ...settingsFor(api) });
      const { child, output, ended } = start(desk, ['collect', '--watch', '0.2']);
      await expect.poll(() => api.asked('retrieve')).toBeGreaterThan(6);
      api.endAll();
      await expect.poll(() => output.stdout).toContain(`${batchId}  ended  2 of 2 succeeded`);
      await expect.poll(() => states(pool)).toEqual({ open: 0, held: 0 });
      // A look that the API never answers is under way when it is told to end.
      api.override('retrieve', hang);
      await client.ok('submit_batch', { requests: prompts(['another']) });
      await expect.poll(() => states(pool).then(({ held }) => held)).toBeGreaterThan(0);
      const since = performance.now();
      child.kill(signal);
      expect((await ended).code).toBe(signal === 'SIGTERM' ? 143 : 130);
      expect(performance.now() - since).toBeLessThan(4_000);
      expect((await states(pool)).held).toBe(0);
    },
  );
});
