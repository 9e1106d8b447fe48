import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import net from 'node:net';
import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createBatchClient } from '../../src/client.ts';
import { follow, ids, prompts, startApi } from '../api.ts';
import { createDesk, run } from '../cli/run-binary.ts';
import { spawnServer, temporaryFolder } from '../harness.ts';
import { callOf, modernRequest, newUser, startHttpServer } from '../mcp/http/http-harness.ts';
import { followsTasks } from '../mcp/modern-client.ts';
import { PASSWORD, postgresForTests } from './postgres-server.ts';

const server = postgresForTests();

/** All that stands in any table of the database, as text. */
async function everythingIn(address: string): Promise<string> {
  const client = new pg.Client({ connectionString: address });
  await client.connect();
  try {
    const tables = await client.query<{ name: string }>(
      `select quote_ident(table_schema) || '.' || quote_ident(table_name) as name from information_schema.tables
       where table_schema not in ('pg_catalog', 'information_schema')`,
    );
    const texts: string[] = [];
    for (const { name } of tables.rows) {
      const isChunk = name.endsWith('.chunk');
      const column = isChunk ? "convert_from(bytes, 'UTF8')" : 't::text';
      const filter = isChunk ? "where position('\\x00'::bytea in bytes) = 0" : '';
      const rows = await client.query<{ text: string }>(`select ${column} as text from ${name} t ${filter}`);
      texts.push(name, ...rows.rows.map(({ text }) => text));
    }
    return texts.join('\n');
  } finally {
    await client.end();
  }
}

describe('the main job over stdio', () => {
  test('keeps all of it in the database, for every server there is', async () => {
    const env = { BATCH_MCP_STORE: await server.newDatabase(), BATCH_MCP_PROVIDER: 'sandbox' };
    const folder = await temporaryFolder();
    const first = await spawnServer({ folder, env });
    const { batch_id } = await first.ok('submit_batch', { requests: prompts(ids(30)), name: 'shared' });
    await follow(first, batch_id);
    await first.close();

    const second = await spawnServer({ folder, env });
    const { totals, results } = await second.ok('get_results', { batch_id });
    expect(totals).toMatchObject({ total: 30 });
    expect(results[0]).toMatchObject({ task_id: 't001' });
    expect((await second.ok('list_batches')).batches).toMatchObject([{ batch_id, name: 'shared' }]);
    // The same work is the same batch, whichever server it comes to.
    expect(await second.ok('submit_batch', { requests: prompts(ids(30)), name: 'shared' })).toMatchObject({
      batch_id,
    });
    expect(await readdir(second.data)).toEqual(['sandbox']);
    const kept = await everythingIn(env.BATCH_MCP_STORE);
    expect(kept).toContain('The question of t001.');
    expect(kept).not.toContain(PASSWORD);
  });

  test('pays one time for what four servers submit at once', async () => {
    const api = await startApi({ endsAtOnce: true });
    const env = { BATCH_MCP_STORE: await server.newDatabase() };
    const servers = await Promise.all([1, 2, 3, 4].map(() => spawnServer({ api, env })));
    const work = { requests: prompts(ids(5)) };
    const replies = await Promise.all(servers.map((each) => each.ok('submit_batch', work)));
    expect(new Set(replies.map(({ batch_id }) => batch_id)).size).toBe(1);
    const [one] = servers;
    if (one) await follow(one, replies[0]?.batch_id);
    expect(api.creates).toHaveLength(1);
  });
});

describe('a database that is gone', () => {
  test('sends nothing new, and what was sent is looked after when it is back', async () => {
    const api = await startApi();
    const one = await spawnServer({ api, env: { BATCH_MCP_STORE: await server.newDatabase() } });
    const { batch_id } = await one.ok('submit_batch', { requests: prompts(['a', 'b']) });
    await server.kill();
    try {
      const said = await one.fails('submit_batch', { requests: prompts(['c']) });
      expect(said).toContain('Start the database');
      expect(await one.fails('batch_status', { batch_id })).toContain('Start the database');
      api.endAll();
      expect(said + one.stderr()).not.toContain(PASSWORD);
      expect(api.creates).toHaveLength(1);
    } finally {
      await server.start();
    }
    expect((await follow(one, batch_id)).outcomes).toMatchObject({ succeeded: 2 });
    const again = await one.ok('submit_batch', { requests: prompts(['c']) });
    expect(again.batch_id).not.toBe(batch_id);
    expect(api.creates).toHaveLength(2);
  });
});

test('while the database is gone nobody is told over HTTP that their batch is not there', async () => {
  const ana = newUser('ana');
  const admin = newUser('admin', 'batch:admin');
  const env = { BATCH_MCP_STORE: await server.newDatabase() };
  const one = await startHttpServer({ users: [ana, admin], env });
  const submitted = await one.post(callOf('submit_batch', { requests: prompts(['a', 'b']) }), ana);
  const { batch_id } = submitted.json.result.structuredContent;
  const follow = modernRequest('tasks/get', { taskId: batch_id }, followsTasks);
  const taskOf = async () => (await one.post(follow, ana)).json.result;
  const figures = () => one.send({ path: '/metrics', headers: { authorization: `Bearer ${admin.token}` } });
  expect((await figures()).status).toBe(200);
  await server.kill();
  try {
    for (const name of ['batch_status', 'get_results', 'cancel_batch']) {
      const { text } = await one.post(callOf(name, { batch_id }), ana);
      expect(text, name).toContain('store_failed: What the batches are kept in');
      expect(text, name).not.toContain('postgres');
    }
    const uri = `batch-mcp://batches/${batch_id}`;
    expect((await one.post(modernRequest('resources/read', { uri }), ana)).text).toContain('store_failed');
    // Else whoever follows it would stop for good.
    expect(await taskOf()).toMatchObject({
      status: 'working',
      statusMessage: expect.stringContaining('now'),
    });
    expect(await figures()).toMatchObject({ status: 503, json: { error: 'store_unreachable' } });
    expect((await one.send({ path: '/readyz' })).status).toBe(503);
    expect(one.log()).toContain('batch_status: store_failed: Could not');
  } finally {
    await server.start();
  }
  await expect.poll(async () => (await taskOf()).status).toBe('completed');
  expect((await figures()).status).toBe(200);
});

test('a database whose connections fall silent keeps no call for more than 25 seconds', {
  timeout: 90_000,
}, async () => {
  const address = new URL(await server.newDatabase());
  const target = Number(address.port);
  const sockets: net.Socket[] = [];
  const way = net.createServer((client) => {
    const database = net.connect(target, '127.0.0.1');
    sockets.push(client, database);
    client
      .on('error', () => {})
      .pipe(database.on('error', () => {}))
      .pipe(client);
  });
  way.listen(0, '127.0.0.1');
  await once(way, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    way.close();
  });
  const listening = way.address();
  if (listening === null || typeof listening === 'string') throw new Error('no port');
  address.port = String(listening.port);
  const one = await spawnServer({ env: { BATCH_MCP_STORE: address.href, BATCH_MCP_PROVIDER: 'sandbox' } });
  await one.ok('list_batches');
  // As behind a firewall that has forgotten the connection: it is there, and nothing comes.
  for (const socket of sockets) socket.unpipe().pause();
  const since = performance.now();
  expect(await one.fails('list_batches')).toContain('Start the database');
  expect(performance.now() - since).toBeLessThan(25_000);
});

describe('the password', () => {
  test('stands in nothing that the terminal prints, wherever the address was put', async () => {
    const address = await server.newDatabase();
    const wrong = address.replace(PASSWORD, 'another-password-of-ours');
    const rows: [string[], Record<string, string>][] = [
      [['doctor'], { BATCH_MCP_STORE: address }],
      [['doctor', '--json'], { BATCH_MCP_STORE: address }],
      [['list', '--store', address], {}],
      [['list'], { BATCH_MCP_STORE: wrong }],
      [['list'], { BATCH_MCP_STORE: address.replace('postgres:', 'mysql:') }],
      [['list'], { BATCH_MCP_STORE: `${address}?schema=Not+one` }],
      [['list', address], {}],
      [['collect', '--install'], { BATCH_MCP_STORE: address }],
      [['--help'], { BATCH_MCP_STORE: address }],
    ];
    for (const [args, env] of rows) {
      const desk = await createDesk({ BATCH_MCP_PROVIDER: 'sandbox', ...env });
      const { stdout, stderr } = await run(desk, args);
      expect(stdout + stderr, args.join(' ')).not.toMatch(/password-of-/);
      expect((stdout + stderr).length).toBeGreaterThan(20);
    }
  });

  test('that is wrong is named as the thing to check', async () => {
    const address = (await server.newDatabase()).replace(PASSWORD, 'another-password-of-ours');
    const desk = await createDesk({ BATCH_MCP_PROVIDER: 'sandbox', BATCH_MCP_STORE: address });
    const { code, stdout } = await run(desk, ['doctor', '--json']);
    expect(code).toBe(1);
    const finding = JSON.parse(stdout).findings.find((each: { check: string }) => each.check === 'database');
    expect(finding).toMatchObject({
      ok: false,
      todo: expect.stringContaining('Check the user and the password'),
    });
  });
});

test('a program brings a pool of its own, which stays open', async () => {
  const pool = new pg.Pool({ connectionString: await server.newDatabase() });
  onTestFinished(() => pool.end());
  const folder = await temporaryFolder();
  const options = {
    env: { HOME: folder, BATCH_MCP_DATA_DIR: `${folder}/data`, BATCH_MCP_SANDBOX_SECONDS: '0.2' },
    flags: ['--sandbox'],
    store: { client: pool, schema: 'jobs' },
  };
  const client = await createBatchClient(options);
  const { batch_id } = await client.submit({ requests: prompts(['a', 'b', 'c']) });
  await client.wait(batch_id);
  await client.close();
  const { rows } = await pool.query('select id from jobs.batch');
  expect(rows).toEqual([{ id: batch_id }]);
  const schema = 'x"; drop table';
  await expect(createBatchClient({ ...options, store: { client: pool, schema } })).rejects.toMatchObject({
    code: 'invalid_input',
  });
});
