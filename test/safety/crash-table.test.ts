import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { follow, isSaved, startApi } from '../api.ts';
import { type ApiRequest, type ApiServer, errored, hang, reset, succeeded } from '../api-server.ts';
import { bundleForTests } from '../bundle.ts';
import { type Reply, spawnServer, startServer, type TestClient, temporaryFolder } from '../harness.ts';
import { eachNthOf, long } from '../long.ts';

const starter = bundleForTests(path.join(import.meta.dirname, 'crash-starter.ts'));
const ids = ['a', 'b', 'c', 'd'];
/** Two parts of two tasks each. */
const limits = { partRequests: 2 };
const env = { BATCH_MCP_SETTLE_SECONDS: '0.2' };
const work = {
  requests: ids.map((task_id) => ({ task_id, prompt: `say ${task_id}` })),
  output_file: 'out.jsonl',
};

/** A job, and the parts that it is sent in. */
type Job = { work: object; parts: string[][] };
const plainJob: Job = { work, parts: [ids.slice(0, 2), ids.slice(2)] };
/** The first task goes alone, the others once it is answered. */
const primedJob: Job = {
  work: { ...work, context_files: ['contract.txt'], primer: true },
  parts: [['a'], ['b', 'c'], ['d']],
};

const reversed = (requests: ApiRequest[]) =>
  requests.toReversed().map((each) => succeeded(each, `answer ${each.custom_id}`));

/** A server whose process kills itself at that step. */
function startDoomed(folder: string, api: ApiServer, crashAt: string) {
  return spawnServer({
    starter: starter.path,
    folder,
    api,
    env: { ...env, CRASH_AT: crashAt, LIMITS: JSON.stringify(limits) },
  });
}

/** Follows a batch whose parts end as soon as they were sent. */
function followToTheEnd(client: TestClient, api: ApiServer, batchId: string): Promise<Reply> {
  api.endAll();
  return follow(client, batchId, (status) => {
    api.endAll();
    return isSaved(status);
  });
}

/** The whole job, as a client does it. Gives the batch_id that it was told before the server died, if any. */
async function workUntilDeath(client: TestClient, api: ApiServer, job: Job): Promise<string | undefined> {
  let told: string | undefined;
  try {
    told = (await client.ok('submit_batch', job.work)).batch_id;
    await followToTheEnd(client, api, told ?? '');
  } catch (error) {
    if (!/Connection closed/.test(String(error))) throw error;
    return told;
  }
  throw new Error('the step at which it should die was never reached');
}

/** The id that a client goes on with: told, or found in the list, or by submitting the same work again. */
async function findAgain(client: TestClient, told: string | undefined, job = plainJob): Promise<string> {
  const { batches } = await client.ok('list_batches');
  const listed: string[] = batches.map((batch: Reply) => batch.batch_id);
  expect(listed.length).toBeLessThanOrEqual(1);
  if (told !== undefined) expect(listed).toEqual([told]);
  return listed[0] ?? (await client.ok('submit_batch', job.work)).batch_id;
}

async function expectPaidOnceAndWhole(
  client: TestClient,
  { api, folder }: { api: ApiServer; folder: string },
  batchId: string,
  { work, parts } = plainJob,
) {
  const status = await followToTheEnd(client, api, batchId);
  expect(api.batches.map((batch) => batch.requests.map((each) => each.custom_id))).toEqual(parts);
  const { results, totals } = await client.ok('get_results', { batch_id: batchId });
  expect(totals).toMatchObject({ total: 4, succeeded: 4 });
  expect(results.map((each: Reply) => [each.task_id, each.text])).toEqual(
    ids.map((id) => [id, `answer ${id}`]),
  );
  const written = path.join(folder, 'work', 'out.jsonl');
  expect(status.output_files).toEqual([written]);
  expect((await readFile(written, 'utf8')).trim().split('\n')).toHaveLength(4);
  // Whatever was half done is under the same id: the work is known.
  const again = await client.ok('submit_batch', { ...work, output_file: undefined });
  expect(again).toMatchObject({ batch_id: batchId, duplicate: true });
  expect(api.batches).toHaveLength(parts.length);
}

/** A batch of which one task errors at first, saved by a server that lives. */
async function startRetryable(outputs: object): Promise<{ api: ApiServer; folder: string; batchId: string }> {
  const api = await startApi({
    results: (requests) =>
      requests.map((each) =>
        requests.length > 1 && each.custom_id === 'b'
          ? errored(each, 'overloaded_error', 'busy')
          : succeeded(each, `answer ${each.custom_id}`),
      ),
  });
  const folder = await temporaryFolder();
  const first = await startServer({ api, folder });
  const { batch_id } = await first.ok('submit_batch', { requests: work.requests, ...outputs });
  await followToTheEnd(first, api, batch_id);
  await first.close();
  return { api, folder, batchId: batch_id };
}

async function expectRetrySurvival(crashAt: string, outputs: { output_file?: string } = {}) {
  const { api, folder, batchId } = await startRetryable(outputs);
  const doomed = await startDoomed(folder, api, crashAt);
  const retrying = async () => {
    await doomed.ok('retry_batch', { batch_id: batchId });
    await followToTheEnd(doomed, api, batchId);
  };
  await expect(retrying()).rejects.toThrow(/Connection closed/);

  const restarted = await startServer({ api, folder, env, limits });
  const { outcomes } = await followToTheEnd(restarted, api, batchId);
  // Nothing of the retry was on disk: it is asked for again.
  if (outcomes.succeeded < 4) await restarted.ok('retry_batch', { batch_id: batchId });
  const status = await followToTheEnd(restarted, api, batchId);
  expect(status).toMatchObject({ outcomes: { succeeded: 4, errored: 0, missing: 0 }, request_count: 4 });
  expect(api.batches.map((batch) => batch.requests.map((each) => each.custom_id))).toEqual([ids, ['b']]);
  const { results, warnings } = await restarted.ok('get_results', { batch_id: batchId, detail: 'concise' });
  expect(results.map((each: Reply) => [each.task_id, each.text])).toEqual(
    ids.map((id) => [id, `answer ${id}`]),
  );
  if (outputs.output_file !== undefined) {
    expect(warnings).toEqual([]);
    const written = await readFile(path.join(folder, 'work', outputs.output_file), 'utf8');
    expect(written.match(/"outcome":"succeeded"/g)).toHaveLength(4);
  }
  expect((await restarted.ok('list_batches')).batches).toHaveLength(1);
}

type Scenario = 'plain' | 'made, but the answer lost' | 'lost on the way';

async function expectSurvival(crashAt: string, scenario: Scenario, job = plainJob) {
  const api = await startApi({ results: reversed });
  const folder = await temporaryFolder();
  await mkdir(path.join(folder, 'work'), { recursive: true });
  await writeFile(path.join(folder, 'work', 'contract.txt'), 'The parties agree. '.repeat(400));
  const doomed = await startDoomed(folder, api, crashAt);
  if (scenario !== 'plain') {
    api.override('create', reset, { times: 1, after: scenario === 'made, but the answer lost' });
  }
  const told = await workUntilDeath(doomed, api, job);
  const restarted = await startServer({ api, folder, env, limits });
  const batchId = await findAgain(restarted, told, job);
  await expectPaidOnceAndWhole(restarted, { api, folder }, batchId, job);
}

const submitting = [
  // The first of each list stands in the default run.
  'provider.createBatch:after:1',
  'fs.rename(batch):before:1',
  'fs.rename(batch):after:1',
  'staging.commit:after:1',
  'submission.update:after:1',
  'budget.update:after:1',
  'provider.listBatches:after:1',
  'record.update:after:1',
  'provider.createBatch:before:1',
  'claim.update:after:1',
  'record.update:after:2',
  'provider.listBatches:after:2',
  'record.update:after:3',
  'provider.createBatch:after:2',
  'claim.update:after:2',
  'record.update:after:4',
];

const refreshing = [
  'provider.retrieveBatch:before:1',
  'provider.retrieveBatch:after:1',
  'provider.retrieveBatch:after:2',
  'record.update:after:6',
];

const downloading = [
  'provider.streamResults:after:1',
  'provider.streamResults:after:12',
  'fs.link(part-0001.results.jsonl):before:1',
  'fs.link(part-0001.results.jsonl):after:1',
  'fs.link(part-0001.results.idx):before:1',
  'fs.link(part-0001.results.idx):after:1',
  'record.update:after:7',
  'record.update:after:8',
  'fs.link(out.jsonl):before:1',
  'fs.link(out.jsonl):after:1',
  'writtenFile.update:after:1',
  'record.update:after:9',
];

/** The first create is uncertain, and settled by two listings or by what the list shows. */
const settlingMade = [
  'record.update:after:2',
  'provider.listBatches:after:2',
  'claim.update:before:1',
  'claim.update:after:1',
  'record.update:after:3',
  // Its results prove it: the claim, then the record.
  'claim.update:after:3',
  'record.update:after:8',
];
const settlingLost = [
  'provider.listBatches:after:2',
  'record.update:after:3',
  'record.update:after:4',
  'record.update:after:5',
  'provider.createBatch:after:1',
];

/** The first request, its answer, and what is sent behind it. */
const priming = [
  'provider.createBatch:after:1',
  'record.update:after:2',
  'provider.retrieveBatch:after:1',
  'record.update:after:3',
  'record.update:after:4',
  'provider.createBatch:before:2',
  'provider.createBatch:after:2',
  'claim.update:after:2',
  'record.update:after:6',
  'record.update:after:7',
  'provider.createBatch:before:3',
  'provider.createBatch:after:3',
  'claim.update:after:3',
];

const retrying = [
  'provider.createBatch:after:1',
  'fs.link(part-0002.requests.json):before:1',
  'fs.link(part-0002.requests.json):after:1',
  'fs.link(part-0002.tasks.jsonl):after:1',
  'record.update:before:1',
  'record.update:after:1',
  'budget.update:after:1',
  'provider.listBatches:after:1',
  'record.update:after:2',
  'claim.update:after:1',
  'record.update:after:3',
  'provider.retrieveBatch:after:1',
  'provider.streamResults:after:3',
  'fs.link(part-0002.results.jsonl):after:1',
  'record.update:after:5',
];

/** The file from before a retry is written again. */
const rewriting = [
  'writtenFile.update:after:1',
  'writtenFile.update:before:1',
  'fs.rename(out.jsonl):before:1',
  'fs.rename(out.jsonl):after:1',
  'record.update:after:6',
];

describe('a server killed', () => {
  eachNthOf(16, submitting)('while it submits, at %s', (step) => expectSurvival(step, 'plain'));
  it.each(refreshing)('while it refreshes, at %s', long, (step) => expectSurvival(step, 'plain'));
  eachNthOf(12, downloading)('while it downloads, at %s', (step) => expectSurvival(step, 'plain'));
  eachNthOf(8, settlingMade)('while it settles what was made, at %s', (step) =>
    expectSurvival(step, 'made, but the answer lost'),
  );
  eachNthOf(8, settlingLost)('while it settles what was lost on the way, at %s', (step) =>
    expectSurvival(step, 'lost on the way'),
  );

  it.each(priming)('while what a first request fills the cache for is sent, at %s', long, (step) =>
    expectSurvival(step, 'plain', primedJob),
  );
  it.each(['record.update:after:3', 'record.update:after:8', 'provider.createBatch:after:2'])(
    'behind a first request whose answer was lost, at %s',
    long,
    (step) => expectSurvival(step, 'made, but the answer lost', primedJob),
  );

  eachNthOf(16, retrying)('while it retries, at %s', (step) => expectRetrySurvival(step));
  eachNthOf(5, rewriting)('while it writes the file from before a retry anew, at %s', (step) =>
    expectRetrySurvival(step, { output_file: 'out.jsonl' }),
  );

  eachNthOf(2, [true, false])('from outside while its create is under way (made: %s)', async (made) => {
    const api = await startApi({ results: reversed });
    const folder = await temporaryFolder();
    const doomed = await startDoomed(folder, api, '');
    api.override('create', hang, { times: 1, after: made });
    const submission = doomed.call('submit_batch', work).catch(String);
    await expect.poll(() => api.creates.length).toBe(1);
    await doomed.kill();
    expect(await submission).toMatch(/Connection closed/);

    const restarted = await spawnServer({ folder, api, env });
    const batchId = await findAgain(restarted, undefined);
    await expectPaidOnceAndWhole(restarted, { api, folder }, batchId);
    expect(existsSync(path.join(folder, 'data', 'staging'))).toBe(true);
  });
});
