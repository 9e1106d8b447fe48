/**
 * The whole job at a size that no test of the default run has: 250,000 requests, from a .jsonl and from a .json
 * file, split into parts, answered with faults, retried in part, and read back by page and as a file. Fails with a message where a
 * figure is not as it must be.
 */
import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { startApi } from './api.ts';
import { customId, writeRequests, writeResults } from './inputs.ts';
import { memory, time } from './measure.ts';
import { follow, type Product, startProduct } from './product.ts';

const COUNT = Number(process.argv[2] ?? 250_000);
const PART = 100_000;
/** One in a hundred is errored, another expired, another canceled. */
const EACH_FAULT = COUNT / 100;
const LONGEST_CALL_MS = 25_000;
/** What the design allows a process that sends, and one that only saves results. */
const SENDING_MEGABYTES = 350;
const SAVING_MEGABYTES = 160;

const say = (text: string) => process.stdout.write(`${text}\n`);

function report(what: string, product: Product, start: number, most = SENDING_MEGABYTES): void {
  const peak = product.peakMegabytes();
  const longest = product.longestMs();
  say(`${what}: ${time(performance.now() - start)}, peak ${memory(peak)}, longest call ${time(longest)}`);
  assert.ok(longest <= LONGEST_CALL_MS, 'a call took over 25 seconds');
  assert.ok((peak ?? 0) <= most, `more than ${most} MB at the peak`);
}

async function checkPages(product: Product, batch_id: string): Promise<void> {
  let cursor: unknown = null;
  for (let at = 0; at < 400; ) {
    const more = cursor === null ? {} : { cursor };
    const { reply } = await product.call('get_results', { batch_id, detail: 'concise', limit: 50, ...more });
    assert.ok(Array.isArray(reply.results) && reply.results.length > 0);
    for (const { task_id } of reply.results) {
      assert.equal(task_id, customId(at));
      at += 1;
    }
    cursor = reply.next_cursor;
  }
}

async function checkFile(file: string): Promise<void> {
  let at = 0;
  for await (const line of createInterface({ input: createReadStream(file) })) {
    assert.equal(JSON.parse(line).task_id, customId(at));
    at += 1;
  }
  assert.equal(at, COUNT);
}

async function run(folder: string, ending: 'jsonl' | 'json'): Promise<void> {
  const work = path.join(folder, 'work');
  await mkdir(work, { recursive: true });
  await writeRequests(
    path.join(work, `requests.${ending}`),
    { count: COUNT, bytesEach: 600 },
    ending === 'json',
  );
  const parts = [];
  for (let first = 0; first < COUNT; first += PART) {
    const count = Math.min(PART, COUNT - first);
    const results = path.join(folder, `results-${first}.jsonl`);
    await writeResults(results, { count, bytesEach: 900, first }, true);
    parts.push({ count, first: customId(first), results });
  }
  // The errored ones are the first of every hundred; sent again, they all succeed.
  const retried = path.join(folder, 'results-retried.jsonl');
  await writeResults(retried, { count: EACH_FAULT, bytesEach: 900, every: 100 });
  const api = await startApi({ parts: [...parts, { count: EACH_FAULT, results: retried }] });
  try {
    let start = performance.now();
    const sender = await startProduct({ folder, apiUrl: api.url });
    const { reply } = await sender.call('submit_batch', { requests_file: `requests.${ending}` });
    const batch_id = String(reply.batch_id);
    // Not looked at once it is sent, or this process would begin to save the results.
    if (reply.processing_status === 'submitting')
      await follow(sender, batch_id, ({ processing_status }) => processing_status !== 'submitting');
    report(`${ending}: sent`, sender, start);
    await sender.close();

    start = performance.now();
    const reader = await startProduct({ folder, apiUrl: api.url });
    await follow(reader, batch_id, ({ results_state }) => results_state === 'saved');
    report(`${ending}: saved`, reader, start, SAVING_MEGABYTES);
    const { totals } = (await reader.call('get_results', { batch_id })).reply;
    const faults = { expired: EACH_FAULT, canceled: EACH_FAULT, incomplete: 0, missing: 0, pending: 0 };
    assert.deepEqual(totals, {
      ...faults,
      total: COUNT,
      succeeded: COUNT - 3 * EACH_FAULT,
      errored: EACH_FAULT,
    });
    await reader.call('retry_batch', { batch_id, outcomes: ['errored'] });
    await follow(reader, batch_id, ({ results_state }) => results_state === 'saved');
    const after = (await reader.call('get_results', { batch_id })).reply.totals;
    assert.deepEqual(after, { ...faults, total: COUNT, succeeded: COUNT - 2 * EACH_FAULT, errored: 0 });
    report(`${ending}: saved and retried in part`, reader, start);
    await checkPages(reader, batch_id);
    report(`${ending}: read by page`, reader, start);
    const file = path.join(work, `all-${ending}.jsonl`);
    await reader.call('get_results', { batch_id, output_file: file });
    await follow(
      reader,
      batch_id,
      ({ output_files }) => Array.isArray(output_files) && output_files.length > 0,
    );
    await checkFile(file);
    report(`${ending}: read as a file`, reader, start);
    await reader.close();
  } finally {
    api.close();
  }
}

for (const ending of ['jsonl', 'json'] as const) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'batch-mcp-large-'));
  try {
    await run(folder, ending);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
say('All as it must be.');
