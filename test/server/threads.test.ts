import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { follow, startApi } from '../api.ts';
import { settingsFor, spawnServer, temporaryFolder } from '../harness.ts';
import { long } from '../long.ts';

/** As many and as large as it takes for all the threads that there are. */
const COUNT = 2_000;
const FILLING = 'A few words, and Zürich. '.repeat(200);
const noCeiling = { BATCH_MCP_MAX_COST_USD: '1000', BATCH_MCP_DAILY_BUDGET_USD: '1000' };

/** Node's permissions, all but that for threads: the flag lost its first name with 24, and 25 asks for the network too. */
const [major = 0] = process.versions.node.split('.').map(Number);
const withoutThreads = [
  major < 24 ? '--experimental-permission' : '--permission',
  '--allow-fs-read=*',
  '--allow-fs-write=*',
  ...(major < 25 ? [] : ['--allow-net']),
];

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
  const server = await spawnServer({ api, env: noCeiling });
  await writeTasks(path.join(server.work, 'tasks.jsonl'));
  const { batch_id } = await server.ok('submit_batch', { requests_file: 'tasks.jsonl' });
  await follow(server, batch_id);
  const { totals, results } = await server.ok('get_results', { batch_id, detail: 'concise', limit: 2 });
  expect(totals).toMatchObject({ total: COUNT, succeeded: COUNT });
  expect(results).toMatchObject([{ task_id: 't-0' }, { task_id: 't-1' }]);
});

test('a server that may start no thread reads tasks and results', async () => {
  const api = await startApi({ endsAtOnce: true });
  const server = await spawnServer({ api, env: noCeiling, nodeArgs: withoutThreads });
  // As large as what is read on threads elsewhere.
  const prompt = 'Hi '.repeat(1_500);
  const lines = Array.from({ length: 2_000 }, (_, i) => JSON.stringify({ task_id: `t-${i}`, prompt }));
  await writeFile(path.join(server.work, 'tasks.jsonl'), lines.join('\n'));
  const { batch_id } = await server.ok('submit_batch', { requests_file: 'tasks.jsonl', max_tokens: 10 });
  expect((await follow(server, batch_id)).outcomes).toMatchObject({ succeeded: 2_000 });
});

const library = path.resolve(import.meta.dirname, '../../dist/index.js');

test.each([
  { where: 'beside its threads', load: async () => library },
  {
    where: 'bundled into a program, without them',
    load: async (folder: string) => {
      const outfile = path.join(folder, 'library.mjs');
      await build({ entryPoints: [library], bundle: true, platform: 'node', format: 'esm', outfile });
      return outfile;
    },
  },
])('the library runs $where', long, async ({ load }) => {
  const api = await startApi({ endsAtOnce: true });
  const folder = await temporaryFolder();
  await writeTasks(path.join(folder, 'tasks.jsonl'));
  const program = `
    import { createBatchClient } from '${pathToFileURL(await load(folder)).href}';
    const client = await createBatchClient();
    const { batch_id } = await client.submit({ requests_file: 'tasks.jsonl' });
    while ((await client.status(batch_id, { waitSeconds: 20 })).results_state !== 'saved');
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
      ...settingsFor(api),
      ...noCeiling,
      BATCH_MCP_DATA_DIR: path.join(folder, 'data'),
      BATCH_MCP_WORK_DIR: folder,
    },
  });
  let printed = '';
  child.stdout.on('data', (chunk) => {
    printed += String(chunk);
  });
  await once(child, 'close');
  expect(JSON.parse(printed)).toMatchObject({ total: COUNT, succeeded: COUNT });
});
