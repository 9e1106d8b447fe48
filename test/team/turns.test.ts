import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createDatabaseStore } from '../../src/store/postgres/create-store.ts';
import { prompts, startApi } from '../api.ts';
import { apiError, json } from '../api-server.ts';
import { createDesk, start } from '../cli/run-binary.ts';
import { settingsFor, spawnServer } from '../harness.ts';
import { postgresForTests } from './postgres-server.ts';

const server = postgresForTests();

async function turnsOf(address: string) {
  const client = new pg.Pool({ connectionString: address });
  onTestFinished(() => client.end());
  const nextLook = () => ({ inMs: null, subject: '' });
  const options = { client, schema: 'batch_mcp', place: 'test', aliveMs: 30_000, nextLook, log: () => {} };
  const { turns } = createDatabaseStore(options);
  if (turns === null) throw new Error('no turns');
  return turns;
}

const MINUTE = 60_000;

describe('turns', () => {
  test('come as often as the rate says, over all who take them, with a few at once', async () => {
    const address = await server.newDatabase();
    const [one, other] = [await turnsOf(address), await turnsOf(address)];
    const waits = await Promise.all(
      Array.from({ length: 30 }, (_, i) => (i % 2 ? one : other).next('api', 120, MINUTE)),
    );
    const sorted = waits.toSorted((a, b) => a - b);
    // One each half second, after the ten that five seconds save.
    expect(sorted.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 0));
    for (const [i, ms] of sorted.slice(10).entries()) {
      expect(ms).toBeGreaterThan(i * 500 - 4_000);
      expect(ms).toBeLessThanOrEqual((i + 1) * 500);
    }
    // What would be too late is not taken, and keeps nobody else waiting.
    const after = await one.next('api', 120, 1_000);
    expect(after).toBeGreaterThan(1_000);
    expect(await one.next('api', 120, 1_000)).toBeLessThanOrEqual(after);
    expect(await one.next('another', 120, MINUTE)).toBe(0);
  });

  test.each([[null], [600]])('are nobody’s while they are held, at a rate of %s', async (rate) => {
    const address = await server.newDatabase();
    const [one, other] = [await turnsOf(address), await turnsOf(address)];
    expect(await other.next('api', rate, MINUTE)).toBe(0);
    await one.hold('api', 20_000);
    await one.hold('api', 1_000);
    expect(await other.next('api', rate, MINUTE)).toBeGreaterThan(18_000);
    expect(await other.next('api', rate, MINUTE)).toBeLessThan(21_000);
    expect(await other.next('another', rate, MINUTE)).toBe(0);
  });
});

test('what the API asks one server to wait for, all wait for', async () => {
  const api = await startApi();
  const env = { BATCH_MCP_STORE: await server.newDatabase() };
  const [one, other] = [await spawnServer({ api, env }), await spawnServer({ api, env })];
  const { batch_id } = await one.ok('submit_batch', { requests: prompts(['a']) });
  const busy = json(429, apiError('rate_limit_error', 'slow down'), { 'retry-after': '3' });
  api.override('retrieve', busy, { times: 1 });
  await one.ok('batch_status', { batch_id });
  const since = api.requests.at(-1)?.at ?? 0;
  api.endAll();
  expect((await other.ok('batch_status', { batch_id, wait_seconds: 20 })).processing_status).toBe('ended');
  expect((api.requests.find(({ at }) => at > since)?.at ?? 0) - since).toBeGreaterThan(2_500);
});

test('no more requests go out in a minute than the team may make, whoever makes them', async () => {
  const api = await startApi();
  const env = { BATCH_MCP_STORE: await server.newDatabase(), BATCH_MCP_REQUESTS_PER_MINUTE: '240' };
  const since = performance.now();
  const client = await spawnServer({ api, env });
  await Promise.all(
    Array.from({ length: 12 }, (_, i) => client.ok('submit_batch', { requests: prompts([`t${i}`]) })),
  );
  const desk = await createDesk({ ...env, ...settingsFor(api) });
  for (let i = 0; i < 2; i += 1) start(desk, ['collect', '--watch', '0.1']);
  await expect.poll(() => api.asked('retrieve')).toBeGreaterThan(60);
  // Four a second, after the twenty that five seconds save: a request can come later than its turn, and never earlier.
  const paced = api.requests.filter(({ route }) => route !== 'count' && route !== 'models');
  for (const [i, { at }] of paced.entries()) expect(at - since).toBeGreaterThan((i - 20) * 250 - 50);
});
