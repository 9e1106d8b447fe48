/**
 * The main job on the sandbox, as an MCP client does it: starts the built server, submits a file of tasks,
 * follows the batch to its end and shows what came of it. Needs no key and no network.
 *
 *   node examples/demo.mjs [FOLDER]   leaves its files in FOLDER (default: demo-output)
 *
 * Ends with exit code 1 when anything is not as it should be.
 */

import assert from 'node:assert/strict';
import { mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { bad, bold, dim, dollars, good, heading, paragraph, print, shorten, table } from './terminal.mjs';

const project = path.resolve(import.meta.dirname, '..');
const tasksFile = path.join(import.meta.dirname, 'demo-tasks.json');
const output = path.resolve(process.argv[2] ?? path.join(project, 'demo-output'));
const jsonFile = path.join(output, 'results.json');
const markdownFile = path.join(output, 'results.md');
const dataFolder = path.join(output, 'data');
const LONGEST_RUN_MS = 60_000;

/** Only what an earlier run left is removed: the folder may be one of yours. */
async function makeRoom() {
  for (const old of [jsonFile, markdownFile, dataFolder]) await rm(old, { recursive: true, force: true });
  await mkdir(output, { recursive: true });
}

/** Starts the server the way a client's configuration does. `call` gives a tool's reply or throws its error. */
async function connect() {
  const flags = ['--sandbox', '--data-dir', dataFolder, '--allow-dir', import.meta.dirname, output];
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [path.join(project, 'dist/server.js'), ...flags],
    cwd: project,
    stderr: 'pipe',
  });
  const log = [];
  transport.stderr?.on('data', (chunk) => log.push(String(chunk)));
  const client = new Client({ name: 'batch-mcp-demo', version: '1' });
  await client.connect(transport).catch((error) => {
    throw new Error(`The server did not start.\n${log.join('')}`, { cause: error });
  });
  return {
    client,
    call: async (name, args) => {
      const result = await client.callTool({ name, arguments: args });
      if (result.isError) throw new Error(`${name}: ${result.content.map(({ text }) => text).join('\n')}`);
      return result.structuredContent;
    },
  };
}

async function estimate(call) {
  heading('1. What it would cost', 'estimate_cost');
  const cost = await call('estimate_cost', { requests_file: tasksFile });
  const line = (label, { expected, maximum }, more) => [label, dollars(expected), dollars(maximum), more];
  table(
    [
      ['', 'expected', 'at most', ''],
      ...cost.by_model.map((model) => line(model.model, model, `${model.request_count} tasks`)),
      line('all of it', cost.cost_usd, `in batch; ${dollars(cost.standard_cost_usd)} at the standard price`),
      ...cost.compare.map((tier) => line(`all on ${tier.model_tier}`, tier, tier.model)),
    ],
    { right: [1, 2], style: (cell, row) => (row[0] === 'all of it' ? bold(cell) : cell) },
  );
  for (const warning of cost.warnings) paragraph(`Note: ${shorten(warning, 400)}`, dim);
}

async function submit(call) {
  heading('2. Submit the file', 'submit_batch');
  const work = { requests_file: tasksFile, output_file: jsonFile };
  const batch = await call('submit_batch', work);
  print(`  ${bold(batch.batch_id)}  ${batch.request_count} tasks, ${batch.processing_status}`);
  const again = await call('submit_batch', work);
  assert.ok(again.duplicate && again.batch_id === batch.batch_id, 'the same work was taken for new work');
  print('  Submitted once more by mistake: the same batch comes back, nothing is paid twice.');
  return batch.batch_id;
}

async function follow(call, batch_id) {
  heading('3. Follow it', 'batch_status');
  const start = Date.now();
  for (;;) {
    const seen = await call('batch_status', { batch_id, wait_seconds: 1 });
    const outcomes = Object.entries(seen.outcomes).filter(([, count]) => count > 0);
    const counts = outcomes.map(([outcome, count]) => `${count} ${outcome}`).join(', ');
    const elapsed = `${((Date.now() - start) / 1000).toFixed(1)} s`;
    print(`  ${elapsed.padStart(6)}  ${seen.processing_status.padEnd(12)} ${counts}`);
    if (seen.processing_status === 'ended' && seen.output_files.length > 0) return;
    assert.ok(Date.now() - start < LONGEST_RUN_MS, 'the batch did not end in time');
  }
}

function showAnswers({ results }) {
  heading('4. The answers, in the order of the file', 'get_results');
  const rows = results.map(({ task_id, outcome, text, json }) => [
    shorten(task_id, 28),
    outcome,
    text ?? JSON.stringify(json),
  ]);
  const colour = (outcome) => (outcome === 'succeeded' ? good : bad);
  table(rows, { style: (cell, row, column) => (column === 1 ? colour(row[1])(cell) : cell) });
}

function showFailures({ error_digest }) {
  heading('5. What did not succeed, by cause');
  for (const { type, message, count, sample_task_ids, suggestion } of error_digest) {
    print(`  ${bad(`${count} x ${type}`)}  ${sample_task_ids.map((id) => shorten(id, 40)).join(', ')}`);
    paragraph(`${shorten(message, 200)} ${suggestion}`);
  }
  if (error_digest.length === 0) print('  nothing');
}

function showCostAndFiles({ cost_usd, output_files }) {
  heading('6. Cost and files');
  const { expected, maximum, actual } = cost_usd;
  print(
    `  It would have cost ${bold(dollars(actual))} (expected ${dollars(expected)}, at most ${dollars(maximum)}).`,
  );
  print('  Nothing was paid: the sandbox is free. Its answers are shorter than real ones.');
  print();
  const about = new Map([
    [jsonFile, 'every task with its answer or error, for programs'],
    [markdownFile, 'the same to read'],
  ]);
  const shown = (file) => path.relative(process.cwd(), file) || '.';
  table([
    ...output_files.map((file) => [shown(file), about.get(file) ?? '']),
    [shown(dataFolder), 'what the server keeps: records, requests, results as received'],
  ]);
}

/** What came out, compared with what went in: not by the server's word, but by the file that it wrote. */
async function check({ totals }) {
  const tasks = JSON.parse(await readFile(tasksFile, 'utf8'));
  const answers = JSON.parse(await readFile(jsonFile, 'utf8'));
  const idsIn = tasks.map(({ task_id, custom_id }) => task_id ?? custom_id);
  assert.deepEqual(
    answers.map(({ task_id }) => task_id),
    idsIn,
    'the answers are not those of the tasks, in their order',
  );
  const { total, pending, ...outcomes } = totals;
  const sum = Object.values(outcomes).reduce((all, count) => all + count, pending);
  assert.equal(sum, total, 'the totals do not add up');
  assert.deepEqual([total, totals.succeeded], [tasks.length, tasks.length - 1], 'one task is to be cut off');
  print();
  print(
    `  ${good('Checked:')} ${tasks.length} tasks in, ${answers.length} answers out, same ids, same order.`,
  );
}

async function run() {
  print();
  print(bold('batch-mcp on its sandbox: no key, no network, nothing to pay.'));
  print('All answers are made up by the sandbox. No model reads the tasks.');
  await makeRoom();
  const { client, call } = await connect();
  try {
    const { tools } = await client.listTools();
    print(dim(`Tools: ${tools.map(({ name }) => name).join(', ')}`));
    await estimate(call);
    const batch_id = await submit(call);
    await follow(call, batch_id);
    await call('get_results', { batch_id, output_file: markdownFile });
    const results = await call('get_results', { batch_id, detail: 'concise' });
    showAnswers(results);
    showFailures(results);
    showCostAndFiles(results);
    await check(results);
  } finally {
    await client.close();
  }
  print();
  print(`That was the sandbox: ${bold('the answers are made up.')} For real ones see "Set-up" in README.md.`);
}

await run().catch((error) => {
  process.stderr.write(`\n${bad('The demo failed.')} ${error.message}\n`);
  process.exitCode = 1;
});
