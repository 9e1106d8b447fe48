import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { follow, ids, prompts } from '../api.ts';
import { spawnServer, startServer, temporaryFolder } from '../harness.ts';
import { eachNthOf, long } from '../long.ts';

const requests = prompts(ids(2));

describe('without a key', () => {
  test('it estimates', long, async () => {
    const server = await spawnServer();
    await server.client.listTools();
    const figures = { request_count: 1000, input_tokens_per_request: 500, output_tokens_per_request: 200 };
    expect(
      await server.ok('estimate_cost', { ...figures, model: 'claude-sonnet-4-5-20250929' }),
    ).toMatchObject({ standard_cost_usd: 4.5, cost_usd: { expected: 2.25 }, savings_usd: 2.25 });
    expect(await server.ok('estimate_cost', { requests })).toMatchObject({
      request_count: 2,
      cost_usd: { actual: null, basis: 'estimated' },
    });
  });

  test('it starts and lists; submit says what to set, and sandbox: true works', async () => {
    const server = await spawnServer();
    expect((await server.client.listTools()).tools.length).toBeGreaterThan(5);
    expect(await server.ok('list_batches')).toMatchObject({ batches: [] });
    const refused = await server.fails('submit_batch', { requests });
    expect(refused).toMatch(/^no_credentials: .*ANTHROPIC_API_KEY.*`sandbox: true`/);
    expect(await server.ok('list_batches')).toMatchObject({ batches: [] });

    const { batch_id } = await server.ok('submit_batch', { requests, sandbox: true });
    await follow(server, batch_id);
    expect(await server.ok('get_results', { batch_id })).toMatchObject({
      provider: 'sandbox',
      totals: { total: 2, succeeded: 2 },
    });
  });

  eachNthOf(3, ['', '$' + '{ANTHROPIC_API_KEY}', '  '])('a key of %j is none', async (ANTHROPIC_API_KEY) => {
    const server = await spawnServer({ env: { ANTHROPIC_API_KEY } });
    expect(await server.fails('submit_batch', { requests })).toMatch(/^no_credentials/);
  });
});

const homes = [
  { name: 'an empty home', documents: false },
  { name: 'a home with Documents', documents: true },
];

describe.each(homes)('as a desktop client starts it, in / with $name', ({ documents }) => {
  /** With one home most is tried in the long run alone. */
  const rarely = documents ? {} : long;

  /** `spawnServer` gives the folder as HOME; the data go where the platform puts them. */
  async function startInRoot() {
    const folder = await temporaryFolder();
    if (documents) await mkdir(path.join(folder, 'Documents'));
    const work = path.join(folder, ...(documents ? ['Documents'] : []), 'batch-mcp');
    const server = await spawnServer({
      folder,
      cwd: '/',
      env: { BATCH_MCP_DATA_DIR: '', BATCH_MCP_PROVIDER: 'sandbox' },
    });
    return { server, folder, work };
  }

  test("a person's first batch from a file works by way of the work folder", rarely, async () => {
    const { server, folder, work } = await startInRoot();
    const elsewhere = path.join(folder, 'Downloads', 'tasks.jsonl');
    await mkdir(path.dirname(elsewhere));
    const lines = requests.map((request) => JSON.stringify(request)).join('\n');
    await writeFile(elsewhere, lines);

    const refused = await server.fails('submit_batch', { requests_file: elsewhere });
    expect(refused).toMatch(/^not_allowed/);
    expect(refused).toContain(`put the file into ${JSON.stringify(work)}`);
    expect(refused).toContain('--allow-dir');

    // The folder that the refusal sends them to is there, and empty.
    expect(await readdir(work)).toEqual([]);
    await writeFile(path.join(work, 'tasks.jsonl'), lines);
    const { batch_id } = await server.ok('submit_batch', {
      requests_file: 'tasks.jsonl',
      output_file: 'answers.csv',
    });
    const status = await follow(server, batch_id);
    expect(status.output_files).toEqual([path.join(work, 'answers.csv')]);
    expect(await readFile(path.join(work, 'answers.csv'), 'utf8')).toMatch(/^task_id,.*\nt001,succeeded/);
  });

  test('an output file is the first thing in the work folder', long, async () => {
    const { server, work } = await startInRoot();
    await server.ok('submit_batch', { requests, output_file: 'answers.md' });
    expect(await readdir(work)).toEqual([]);
  });

  test('a file that is not there is looked for in the work folder', rarely, async () => {
    const { server, work } = await startInRoot();
    const refused = await server.fails('submit_batch', { requests_file: 'tasks.jsonl' });
    expect(refused).toMatch(/^not_found/);
    expect(refused).toContain(path.join(work, 'tasks.jsonl'));
    expect(await readdir(work)).toEqual([]);
  });

  test('nobody gets a folder that has no use for it', long, async () => {
    const { server, folder } = await startInRoot();
    await server.ok('submit_batch', { requests });
    await server.ok('list_batches');
    const names = await readdir(path.join(folder, ...(documents ? ['Documents'] : [])));
    expect(names).not.toContain('batch-mcp');
  });
});

test('in a folder that its user works in, the work folder is not made', async () => {
  const folder = await temporaryFolder();
  const work = path.join(folder, 'elsewhere');
  const server = await startServer({ folder, env: { BATCH_MCP_WORK_DIR: work }, argv: ['--sandbox'] });
  await server.ok('submit_batch', { requests, output_file: 'answers.md' });
  await server.fails('submit_batch', { requests_file: '/etc/hosts.json' });
  expect(await readdir(folder)).not.toContain('elsewhere');
});
