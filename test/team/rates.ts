import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { follow, prompts, startApi } from '../api.ts';
import type { ApiServer } from '../api-server.ts';
import { type SpawnedServer, spawnServer } from '../harness.ts';
import { postgresForTests } from './postgres-server.ts';

const database = postgresForTests();

const FEW = 100;
const MANY = 100_000;
const CALLS = 600;
const LANES = 8;
const LISTS = 15;

/** Copies of one batch, each under an id of its own, and without the sum of the original. */
const COPY = `
  with ids as (
    select 'batch_01K' || lpad(upper(to_hex(n)), 23, '0') as id from generate_series(1, $2::int) n
  ), made as (insert into batch_mcp.batch (id) select id from ids returning id),
  latest as (select content from batch_mcp.record where batch_id = $1 order by number desc limit 1)
  insert into batch_mcp.record (batch_id, number, content)
  select made.id, 1, replace(regexp_replace(latest.content, ',"sum":"[0-9a-f]+"', ''), $1, made.id) from made, latest`;

async function endedBatch(server: SpawnedServer, id: string): Promise<string> {
  const { batch_id } = await server.ok('submit_batch', { requests: prompts([id]) });
  await follow(server, batch_id);
  return batch_id;
}

/** Calls of `batch_status` in a minute, over servers that are asked by eight at once. */
async function statusesPerMinute(servers: readonly SpawnedServer[], ids: readonly string[]): Promise<number> {
  let next = 0;
  const began = performance.now();
  const lane = async (place: number) => {
    for (let call = next++; call < CALLS; call = next++) {
      const batch_id = ids[call % ids.length];
      await servers[place % servers.length]?.ok('batch_status', { batch_id });
    }
  };
  await Promise.all(Array.from({ length: LANES }, (_, place) => lane(place)));
  return Math.round((CALLS / (performance.now() - began)) * 60_000);
}

/** The median of some lists, in milliseconds, after a first one. */
async function listMs(server: SpawnedServer): Promise<{ first: number; median: number }> {
  const times: number[] = [];
  for (let i = 0; i <= LISTS; i += 1) {
    const began = performance.now();
    await server.ok('list_batches', {});
    times.push(performance.now() - began);
  }
  const [first = 0, ...later] = times;
  return { first: Math.round(first), median: Math.round(later.toSorted((a, b) => a - b)[LISTS >> 1] ?? 0) };
}

async function few(api: ApiServer) {
  const server = await spawnServer({ api });
  const ids: string[] = [];
  for (let i = 0; i < FEW; i += 1) ids.push(await endedBatch(server, `t${i}`));
  return { perMinute: await statusesPerMinute([server], ids), list: await listMs(server) };
}

async function many(api: ApiServer) {
  const env = { BATCH_MCP_STORE: await database.newDatabase() };
  const servers = await Promise.all([1, 2].map(() => spawnServer({ api, env })));
  const [one] = servers;
  if (one === undefined) throw new Error('no server');
  const ids: string[] = [];
  for (let i = 0; i < FEW; i += 1) ids.push(await endedBatch(one, `t${i}`));
  const pool = new pg.Pool({ connectionString: env.BATCH_MCP_STORE });
  onTestFinished(() => pool.end());
  await pool.query(COPY, [ids[0], MANY]);
  await pool.query('analyze');
  return { perMinute: await statusesPerMinute(servers, ids), list: await listMs(one) };
}

test(`two servers among ${MANY} batches in PostgreSQL, beside one among ${FEW} in a data folder`, {
  timeout: 900_000,
}, async () => {
  const api = await startApi({ endsAtOnce: true });
  const folder = await few(api);
  const team = await many(api);
  const ratio = (a: number, b: number) => Number((a / b).toFixed(2));
  const ratios = {
    batch_status: ratio(team.perMinute, folder.perMinute),
    list_batches: ratio(team.list.median, folder.list.median),
  };
  process.stdout.write(`${JSON.stringify({ folder, team, ratios })}\n`);
  expect(team.perMinute).toBeGreaterThan(2_000);
});
