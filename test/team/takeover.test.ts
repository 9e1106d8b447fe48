import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { isSaved, prompts, startApi } from '../api.ts';
import type { ApiServer } from '../api-server.ts';
import { bundleForTests } from '../bundle.ts';
import { type SpawnedServer, spawnServer } from '../harness.ts';
import { postgresForTests } from './postgres-server.ts';

/**
 * Processes that are taken for dead, as those on other machines are: by having been out of touch with the database. A stopped
 * process stands for one, whose number is taken all the while; it is the worst of them too, for it may go on.
 */
const database = postgresForTests();
const starter = bundleForTests(path.join(import.meta.dirname, 'team-server.ts'));

/** Taken for dead after one and a half seconds; a send may last much longer. Threads have no script of their own here. */
const LIMITS = JSON.stringify({ aliveMs: 500, longestPauseMs: 300, leaseMs: 1_000, threadedBytes: 1e12 });
const work = { requests: prompts(['a', 'b', 'c']) };

type Team = {
  pool: pg.Pool;
  start: (env?: Record<string, string>) => Promise<SpawnedServer>;
  /** Resolves once every batch is whole, without a call to any server. */
  allSaved: () => Promise<void>;
};

async function startTeam(api: Pick<ApiServer, 'url' | 'key'>): Promise<Team> {
  const store = await database.newDatabase();
  const pool = new pg.Pool({ connectionString: store });
  // The database is killed in one of the tests.
  pool.on('error', () => {});
  onTestFinished(() => pool.end());
  const env = {
    BATCH_MCP_STORE: store,
    BATCH_MCP_SETTLE_SECONDS: '0.3',
    BATCH_MCP_MAX_COST_USD: '1000',
    BATCH_MCP_DAILY_BUDGET_USD: '1000',
    LIMITS,
  };
  const open = 'select count(*)::int as all, count(at)::int as open from batch_mcp.due';
  return {
    pool,
    async start(own = {}) {
      const server = await spawnServer({ starter: starter.path, api, env: { ...env, ...own } });
      onTestFinished(() => void process.kill(server.pid, 'SIGCONT'));
      return server;
    },
    allSaved: () => expect.poll(async () => (await pool.query(open)).rows[0]).toEqual({ all: 1, open: 0 }),
  };
}

test.each([
  ['before it began to send', 'list', false],
  ['in a create that makes no batch', 'create', false],
  ['in a create that makes its batch', 'create', true],
] as const)(
  'a process that stands still %s is gone on for, and pays nothing when it goes on',
  async (_when, route, makesBatch) => {
    const api = await startApi({ endsAtOnce: true });
    const { start, allSaved } = await startTeam(api);
    const stopped = await start();
    let answer = () => {};
    const stop = (_request: unknown, _response: unknown, pass: () => void) => {
      process.kill(stopped.pid, 'SIGSTOP');
      answer = pass;
    };
    api.override(route, stop, { times: 1, after: makesBatch });
    const submission = stopped.call('submit_batch', work);
    await expect.poll(() => api.asked(route)).toBe(1);
    const other = await start({ WORKER: '1' });
    await allSaved();
    expect(api.batches).toHaveLength(1);

    answer();
    process.kill(stopped.pid, 'SIGCONT');
    const { batch_id } = (await submission).reply;
    await expect.poll(async () => isSaved(await stopped.ok('batch_status', { batch_id }))).toBe(true);
    expect(await other.ok('batch_status', { batch_id })).toMatchObject({ outcomes: { succeeded: 3 } });
    expect(api.batches).toHaveLength(1);
  },
);

/** A way to the API that takes in the first create only in part, until it is opened. */
async function narrowWay(api: ApiServer) {
  let open = () => {};
  let seen = 0;
  const server = net.createServer((incoming) => {
    const outgoing = net.connect(Number(new URL(api.url).port), '127.0.0.1');
    for (const socket of [incoming, outgoing]) socket.on('error', () => socket.destroy());
    outgoing.pipe(incoming);
    incoming.once('data', (first: Buffer) => {
      outgoing.write(first);
      if (first.includes('POST /v1/messages/batches ') && seen === 0) {
        seen = first.length;
        open = () => void incoming.pipe(outgoing);
        incoming.pause();
      } else incoming.pipe(outgoing);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    key: api.key,
    open: () => open(),
    isFull: () => seen > 0,
  };
}

test('a process that stands still in the middle of a body never sends the rest', async () => {
  const api = await startApi({ endsAtOnce: true });
  const way = await narrowWay(api);
  const { start, allSaved } = await startTeam(way);
  const stopped = await start();
  const rows = Array.from({ length: 3_000 }, (_, i) =>
    JSON.stringify({ task_id: `t${i}`, prompt: `${i} ${'many words '.repeat(1_000)}` }),
  );
  await writeFile(path.join(stopped.work, 'large.jsonl'), rows.join('\n'));
  const submission = stopped.call('submit_batch', {
    requests_file: 'large.jsonl',
    max_tokens: 50,
    model_tier: 'cheap',
  });
  await expect.poll(way.isFull).toBe(true);
  process.kill(stopped.pid, 'SIGSTOP');
  await start({ WORKER: '1' });
  await allSaved();
  expect(api.batches).toHaveLength(1);

  process.kill(stopped.pid, 'SIGCONT');
  way.open();
  const { batch_id } = (await submission).reply;
  await expect.poll(async () => isSaved(await stopped.ok('batch_status', { batch_id }))).toBe(true);
  expect(api.creates).toHaveLength(1);
});

test('what the API answered while the database was away is written down by itself when it is back', async () => {
  const api = await startApi({ endsAtOnce: true });
  const { start } = await startTeam(api);
  const long = { LIMITS: JSON.stringify({ aliveMs: 30_000 }) };
  const [sender, other] = [await start(long), await start(long)];
  const answer = api.hold('create');
  const submission = sender.call('submit_batch', work);
  await expect.poll(() => api.asked('create')).toBe(1);
  await database.kill();
  answer();
  await submission;
  await database.start();
  await expect
    .poll(async () => (await other.ok('list_batches')).batches[0]?.processing_status)
    .not.toBe('submitting');
  const { batch_id } = (await other.ok('list_batches')).batches[0];
  // Known by its answer, and not found in the API's list.
  expect(api.asked('list')).toBe(1);
  await expect.poll(async () => isSaved(await other.ok('batch_status', { batch_id }))).toBe(true);
  expect(api.batches).toHaveLength(1);
});

test('a batch that was prepared when the database went is sent by itself when it is back', async () => {
  const api = await startApi({ endsAtOnce: true });
  const { start } = await startTeam(api);
  const long = { LIMITS: JSON.stringify({ aliveMs: 30_000 }) };
  const [sender, other] = [await start(long), await start(long)];
  const answer = api.hold('list');
  const submission = sender.call('submit_batch', work);
  await expect.poll(() => api.asked('list')).toBe(1);
  await database.kill();
  answer();
  await submission;
  await database.start();
  await expect.poll(() => api.batches.length).toBe(1);
  const { batch_id } = (await other.ok('list_batches')).batches[0];
  await expect.poll(async () => isSaved(await other.ok('batch_status', { batch_id }))).toBe(true);
});

test('a process that stands still before its money is refused takes away nothing that another one sent', async () => {
  const api = await startApi({ endsAtOnce: true });
  const { start, pool } = await startTeam(api);
  const stopped = await start({ BATCH_MCP_DAILY_BUDGET_USD: '1' });
  const other = await start();
  await other.ok('list_batches');
  // Its reservation waits for what another one is about to spend.
  const spender = await pool.connect();
  onTestFinished(() => spender.release());
  const day = new Date().toISOString().slice(0, 10);
  const spent = { schema: 1, change_id: 'a', at: day, value: { spent_usd: 5, open: [] } };
  await spender.query('begin');
  await spender.query(
    "insert into batch_mcp.revision (kind, name, number, content) values ('budget', $1, 1, $2)",
    [day, JSON.stringify(spent)],
  );
  const submission = stopped.call('submit_batch', work);
  const waiting = "select from pg_stat_activity where wait_event_type = 'Lock'";
  await expect.poll(async () => (await pool.query(waiting)).rowCount).toBe(1);
  process.kill(stopped.pid, 'SIGSTOP');
  await spender.query('commit');
  const { batches } = await other.ok('list_batches');
  const { batch_id } = batches[0];
  await expect.poll(async () => isSaved(await other.ok('batch_status', { batch_id }))).toBe(true);

  process.kill(stopped.pid, 'SIGCONT');
  expect((await submission).text).toContain('cost_limit');
  expect(isSaved(await other.ok('batch_status', { batch_id }))).toBe(true);
  expect(await other.ok('submit_batch', work)).toMatchObject({ batch_id, duplicate: true });
  expect(api.batches).toHaveLength(1);
});
