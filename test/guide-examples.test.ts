import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { temporaryFolder } from './harness.ts';
import { long } from './long.ts';

const project = path.resolve(import.meta.dirname, '..');
const tsx = path.join(project, 'node_modules/tsx/dist/cli.mjs');

/** Runs an example as a program of somebody's would: it imports the built package by its name. */
async function example(
  name: string,
  ...args: string[]
): Promise<{ stdout: string; stderr: string; folder: string }> {
  const folder = await temporaryFolder();
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    [tsx, path.join(project, 'examples', name), ...args, '--sandbox'],
    {
      cwd: folder,
      env: {
        PATH: process.env.PATH,
        HOME: folder,
        BATCH_MCP_DATA_DIR: path.join(folder, 'data'),
        BATCH_MCP_SANDBOX_SECONDS: '0.2',
      },
    },
  );
  return { stdout, stderr, folder };
}

test('the workflow gives a result for each request', async () => {
  const { stdout } = await example('workflow.ts');
  expect(stdout).toMatch(/^task_1: Success\n {2}Content: [^\n]+/m);
  expect(stdout).toMatch(/^task_2: Success\n/m);
  expect(stdout).toMatch(/Tokens: \{"input_tokens":\d+/);
});

test('the workflow reads tasks from a file and writes results into one', long, async () => {
  const tasks = path.join(project, 'examples/batch_requests.json');
  const { stdout, folder } = await example('workflow-files.ts', tasks, 'results.json');
  expect(stdout).toBe('2 of 2 results in results.json\n');
  const results = JSON.parse(await readFile(path.join(folder, 'results.json'), 'utf8'));
  expect(results).toMatchObject([
    { task_id: 'analyze_logs_1', success: true, error: null },
    { task_id: 'generate_report_1', success: true, error: null },
  ]);
});

test('the provider takes native requests and gives native results', long, async () => {
  const { stdout } = await example('provider.ts');
  expect(stdout).toMatch(
    /^Batch created: batch_[0-9A-Z]{26}\ntask_1: \[sandbox\] .*\n {2}Tokens: \d+ in, \d+ out\n1 of 1 succeeded, for [\d.]+ dollars\n$/,
  );
});

test('one-by-one calls become a batch, and answers are read one by one', long, async () => {
  const { stdout } = await example('migration.ts');
  expect(stdout.match(/^review_[012] succeeded \S/gm)).toHaveLength(3);
});

test('what a program logs goes beside what it gives', long, async () => {
  const { stdout, stderr } = await example('logging.ts');
  expect(stderr).toMatch(
    /^INFO Submitted batch (batch_[0-9A-Z]{26}) with 3 requests\nINFO Batch \1 completed: 3\/3 succeeded, 0 errored\n$/,
  );
  expect(stdout).toMatch(
    /^claude-sonnet-5-5: \d+ tokens in, \d+ out\nclaude-haiku-5-5: \d+ tokens in, \d+ out\n0\.\d+ dollars at batch price\n$/,
  );
});
