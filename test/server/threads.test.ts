import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { startApi } from '../api.ts';
import { spawnServer, temporaryFolder } from '../harness.ts';

/** As many and as large as it takes for all the threads that there are. */
const COUNT = 20_000;
const FILLING = 'A few words, and Zürich. '.repeat(20);

async function writeTasks(file: string): Promise<void> {
  const out = createWriteStream(file);
  for (let i = 0; i < COUNT; i += 1) {
    const params = {
      model: 'claude-haiku-5-5',
      max_tokens: 100,
      messages: [{ role: 'user', content: `${i} ${FILLING}` }],
    };
    out.write(`${JSON.stringify({ custom_id: `t-${i}`, params })}\n`);
  }
  out.end();
  await once(out, 'close');
}

test('the built server has its threads with it', async () => {
  const api = await startApi({ endsAtOnce: true });
  const env = {
    ANTHROPIC_API_KEY: api.key,
    ANTHROPIC_BASE_URL: api.url,
    BATCH_MCP_MAX_COST_USD: '1000',
    BATCH_MCP_DAILY_BUDGET_USD: '1000',
  };
  const server = await spawnServer({ env });
  await writeTasks(path.join(server.work, 'tasks.jsonl'));
  const { batch_id } = await server.ok('submit_batch', { requests_file: 'tasks.jsonl' });
  const status = await server.ok('batch_status', { batch_id, wait_seconds: 20 });
  expect(status).toMatchObject({ request_count: COUNT, results_state: 'saved' });
  const { totals, results } = await server.ok('get_results', { batch_id, detail: 'concise', limit: 2 });
  expect(totals).toMatchObject({ total: COUNT, succeeded: COUNT });
  expect(results).toMatchObject([{ task_id: 't-0' }, { task_id: 't-1' }]);
});

test('a server that may start no thread reads as many results', async () => {
  const api = await startApi({ endsAtOnce: true });
  const permissions = '--experimental-permission --allow-fs-read=* --allow-fs-write=*';
  const server = await spawnServer({
    env: { ANTHROPIC_API_KEY: api.key, ANTHROPIC_BASE_URL: api.url, NODE_OPTIONS: permissions },
  });
  const lines = Array.from({ length: COUNT }, (_, i) => JSON.stringify({ task_id: `t-${i}`, prompt: 'Hi' }));
  await writeFile(path.join(server.work, 'tasks.jsonl'), lines.join('\n'));
  const { batch_id } = await server.ok('submit_batch', { requests_file: 'tasks.jsonl', max_tokens: 10 });
  const status = await server.ok('batch_status', { batch_id, wait_seconds: 20 });
  expect(status).toMatchObject({ results_state: 'saved', outcomes: { succeeded: COUNT } });
});

test('the library has its threads with it', async () => {
  const api = await startApi({ endsAtOnce: true });
  const folder = await temporaryFolder();
  await writeTasks(path.join(folder, 'tasks.jsonl'));
  const library = pathToFileURL(path.resolve(import.meta.dirname, '../../dist/index.js')).href;
  const program = `
    import { createBatchClient } from '${library}';
    const client = await createBatchClient();
    const { batch_id } = await client.submit({ requests_file: 'tasks.jsonl' });
    await client.status(batch_id, { waitSeconds: 20 });
    const { totals } = await client.results(batch_id);
    process.stdout.write(JSON.stringify(totals));
    await client.close();
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH ?? '',
      HOME: folder,
      ANTHROPIC_API_KEY: api.key,
      ANTHROPIC_BASE_URL: api.url,
      BATCH_MCP_DATA_DIR: path.join(folder, 'data'),
      BATCH_MCP_WORK_DIR: folder,
      BATCH_MCP_MAX_COST_USD: '1000',
      BATCH_MCP_DAILY_BUDGET_USD: '1000',
    },
  });
  let printed = '';
  child.stdout.on('data', (chunk) => {
    printed += String(chunk);
  });
  await once(child, 'close');
  expect(JSON.parse(printed)).toMatchObject({ total: COUNT, succeeded: COUNT });
});
