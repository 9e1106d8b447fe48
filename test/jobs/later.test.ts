import path from 'node:path';
import { expect, test } from 'vitest';
import { errored } from '../api-server.ts';
import { startServer } from '../harness.ts';
import { long } from '../long.ts';
import { csvOf, play, readTable, setUp, times } from './play.ts';

// The jobs that begin with batches made before.

test('16: what failed is asked again with another model and prompt', long, async () => {
  let round = 0;
  const {
    server,
    agent: before,
    api,
  } = await setUp(
    {
      'rows.csv': csvOf(
        ['id', 'text'],
        times(300, (index) => [index, `Text ${index}`]),
      ),
    },
    (request, index) => {
      if (index === 0) round += 1;
      if (round === 1 && index % 10 === 0) return '{"n": "none"}';
      return round === 1 && index % 10 === 1 ? errored(request, 'api_error', 'Oh.') : '{"n": 1}';
    },
  );
  const output_schema = { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] };
  const work = { rows_file: 'rows.csv', id_column: 'id', prompt: 'Count: {{text}}', output_schema };
  const { batch_id } = await before.call('submit_batch', {
    ...work,
    model_tier: 'cheap',
    output_file: 'o.csv',
  });
  await play('16 again', server, async (agent) => {
    await agent.call('batch_status', { batch_id, wait_seconds: 20 });
    const change = { outcomes: ['failed'], model_tier: 'capable', prompt: 'Count with care: {{text}}' };
    await agent.call('retry_batch', { batch_id, ...change });
    await agent.call('batch_status', { batch_id, wait_seconds: 20 });
    const summary = await agent.call('get_results', { batch_id, detail: 'summary' });
    expect(summary.totals).toMatchObject({ total: 300, succeeded: 300 });
  });
  expect(api.creates[1]?.requests).toHaveLength(60);
  expect(JSON.stringify(api.creates[1]?.requests[0])).toContain('with care');
  expect((await readTable(server, 'o.csv')).filter(({ n }) => n === '1')).toHaveLength(300);
});

test('17: what was spent this month, and on what', long, async () => {
  const { server, agent: before } = await setUp({}, () => 'Fine.');
  for (const index of times(6, (each) => each)) {
    const name = `Nightly ${index % 3}`;
    const { batch_id } = await before.call('submit_batch', { requests: [`Question ${index}`], name });
    await before.call('batch_status', { batch_id, wait_seconds: 20 });
  }
  await play('17 spending', server, async (agent) => {
    const { groups, batches, totals } = await agent.call('list_batches', { since: '30d', group_by: 'name' });
    expect(groups).toHaveLength(3);
    expect(groups[0]).toMatchObject({ batches: 2, actual_usd: expect.any(Number) });
    expect(batches).toEqual([]);
    expect(totals.batches).toBe(6);
  });
});

test('18: another client, whose folder is another, fetches what was left', async () => {
  const {
    server,
    api,
    agent: before,
  } = await setUp(
    {
      'rows.csv': csvOf(
        ['id', 'text'],
        times(200, (index) => [index, `Text ${index}`]),
      ),
    },
    (_request, index) => `Answer ${index}`,
  );
  const work = { rows_file: 'rows.csv', id_column: 'id', prompt: '{{text}}', output_file: 'out.csv' };
  await before.call('submit_batch', { ...work, name: 'Left overnight' });
  await server.close();
  const elsewhere = path.join(server.folder, 'elsewhere');
  const env = { BATCH_MCP_DATA_DIR: server.data };
  const other = await startServer({ folder: elsewhere, env, api });
  await play('18 another client', other, async (agent) => {
    const { batches } = await agent.call('list_batches', { name_contains: 'overnight' });
    const [{ batch_id }] = batches;
    await agent.call('batch_status', { batch_id, wait_seconds: 20 });
    await agent.call('get_results', { batch_id, output_file: 'mine.csv' });
  });
  expect(await readTable(other, 'mine.csv')).toHaveLength(200);
});
