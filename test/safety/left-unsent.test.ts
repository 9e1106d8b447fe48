import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { endedBatch, follow, isSaved, startApi } from '../api.ts';
import { apiError, errored, json, succeeded } from '../api-server.ts';
import { bundleForTests } from '../bundle.ts';
import { type Reply, spawnServer, startServer } from '../harness.ts';
import { eachNth, eachNthOf, long } from '../long.ts';
import { crashStarter, env, leftAt, work } from './left.ts';

const starter = bundleForTests(crashStarter);

const MINUTE = 60_000;
const after = (ms: number) => () => new Date(Date.now() + ms);

/** On disk, and not in the register of submissions. */
const UNOWNED = 'staging.commit:after:1';

describe('a batch that no register names', () => {
  it('is sent by a look soon after', long, async () => {
    const { api, folder, batchId } = await leftAt(starter, UNOWNED);
    const server = await startServer({ api, folder, env, now: after(10 * MINUTE) });
    await follow(server, batchId, isSaved);
    expect(api.creates).toHaveLength(1);
  });

  it('is sent by the same submission soon after, under its own id', async () => {
    const { api, folder, batchId } = await leftAt(starter, UNOWNED);
    const server = await startServer({ api, folder, env });
    expect(await server.ok('submit_batch', work)).toMatchObject({ batch_id: batchId, duplicate: false });
    await follow(server, batchId, isSaved);
    expect(await server.ok('submit_batch', work)).toMatchObject({ batch_id: batchId, duplicate: true });
    expect((await server.ok('list_batches')).batches).toHaveLength(1);
    expect(api.creates).toHaveLength(1);
  });

  it('is never sent with a body that was exchanged for another as long', async () => {
    const { api, folder, batchId } = await leftAt(starter, UNOWNED);
    const body = path.join(folder, 'data', 'batches', batchId, 'part-0001.requests.json');
    const text = await readFile(body, 'utf8');
    await writeFile(body, text.replace('"one"', '"two"'));
    expect(await readFile(body, 'utf8')).not.toBe(text);
    const server = await startServer({ api, folder, env });
    const seen = await follow(server, batchId, ({ processing_status }) => processing_status === 'not_sent');
    expect(JSON.stringify(seen)).toContain('is not what was written there');
    expect(api.creates).toHaveLength(0);
  });

  eachNth(4, [
    ['later', 16],
    ['once the clock was set back', -60],
  ])('is never sent by a look %s, says so and leaves the lists', async (_when, minutes) => {
    const { api, folder, batchId } = await leftAt(starter, UNOWNED);
    const server = await startServer({ api, folder, env, now: after(minutes * MINUTE) });
    const isOver = (status: object) => 'never_sent' in status;
    const seen = await follow(server, batchId, isOver);
    expect(seen).toMatchObject({
      processing_status: 'not_sent',
      check_again_in_seconds: 0,
      warnings: [expect.stringMatching(/never sent.*within 15 minutes/)],
      next_step: expect.stringMatching(/None of this was sent or paid/),
    });
    expect((await server.ok('list_batches')).batches).toEqual([]);
    expect(api.creates).toHaveLength(0);
    // A person who wants it sent says so.
    await server.ok('retry_batch', { batch_id: batchId });
    await follow(server, batchId, isSaved);
    expect((await server.ok('list_batches')).batches).toHaveLength(1);
    expect(await server.ok('submit_batch', work)).toMatchObject({ batch_id: batchId, duplicate: true });
    expect(api.creates).toHaveLength(1);
  });

  eachNthOf(2, [1, 25 * 60])(
    'is not sent %i minutes after another did its work, nor by retry_batch',
    async (wait) => {
      const { api, folder, batchId } = await leftAt(starter, UNOWNED);
      const other = await startServer({ api, folder, env, now: after(20 * MINUTE) });
      const done = await other.ok('submit_batch', work);
      expect(done.batch_id).not.toBe(batchId);
      await follow(other, done.batch_id, isSaved);
      const later = await startServer({ api, folder, env, now: after((20 + wait) * MINUTE) });
      const seen = await follow(later, batchId, ({ check_again_in_seconds }) => check_again_in_seconds === 0);
      expect(seen.warnings[0]).toContain(`${done.batch_id} does the same work`);
      expect((await later.ok('list_batches')).batches).toMatchObject([{ batch_id: done.batch_id }]);
      if (wait < 60) {
        const told = await later.fails('retry_batch', { batch_id: batchId });
        expect(told).toMatch(new RegExp(`^wrong_state.*${done.batch_id} already does the same work`));
      }
      expect(api.creates).toHaveLength(1);
    },
  );
});

it('what was to be sent beside the same work, and never was, says which call sends it', async () => {
  const api = await startApi({ endsAtOnce: true });
  const server = await startServer({ api, env });
  const first = await server.ok('submit_batch', work);
  await follow(server, first.batch_id, isSaved);
  const { folder } = server;
  const doomed = await spawnServer({
    starter: starter.path,
    folder,
    api,
    env: { ...env, CRASH_AT: UNOWNED },
  });
  const beside = { ...work, force_new: true };
  await expect(doomed.ok('submit_batch', beside)).rejects.toThrow(/Connection closed/);
  const later = await startServer({ api, folder, env, now: after(16 * MINUTE) });
  const { batches } = await later.ok('list_batches');
  const left = batches.find(({ batch_id }: Reply) => batch_id !== first.batch_id)?.batch_id;
  const { warnings } = await follow(later, left, (status) => 'never_sent' in status);
  expect(warnings).toEqual([
    expect.stringMatching(
      new RegExp(
        `${first.batch_id} does the same work.* ask the person first, then call retry_batch with batch_id ${left}`,
      ),
    ),
  ]);
  expect(api.creates).toHaveLength(1);
  await later.ok('retry_batch', { batch_id: left });
  await follow(later, left, isSaved);
  expect(api.creates).toHaveLength(2);
});

eachNthOf(2, ['data', 'data/batches'])(
  'a backup of %s from before it was sent has it sent once',
  async (what) => {
    const { api, folder, batchId } = await leftAt(starter, 'budget.update:after:1');
    const kept = path.join(folder, what);
    await cp(kept, `${kept}.backup`, { recursive: true });
    const server = await startServer({ api, folder, env });
    await follow(server, batchId, isSaved);
    await rm(kept, { recursive: true });
    await cp(`${kept}.backup`, kept, { recursive: true });

    const restored = await startServer({ api, folder, env, now: after(10 * MINUTE) });
    await follow(restored, batchId, isSaved);
    expect((await restored.ok('get_results', { batch_id: batchId })).totals.succeeded).toBe(1);
    expect(api.creates).toHaveLength(1);
  },
);

eachNthOf(2, ['prepared', 'refused'])(
  'a backup of what was %s, and sent since, has what runs at the API tell before it is sent',
  async (state) => {
    const { api, folder, batchId } = await leftAt(starter, 'budget.update:after:1');
    if (state === 'refused') {
      api.override('create', json(401, apiError('authentication_error', 'no')), { times: 1 });
      const first = await startServer({ api, folder, env });
      await follow(first, batchId, ({ processing_status }) => processing_status === 'not_sent');
    }
    const kept = path.join(folder, 'data');
    await cp(kept, `${kept}.backup`, { recursive: true });
    const server = await startServer({ api, folder, env });
    if (state === 'refused') await server.ok('retry_batch', { batch_id: batchId });
    await follow(server, batchId, isSaved);
    await rm(kept, { recursive: true });
    await cp(`${kept}.backup`, kept, { recursive: true });

    const restored = await startServer({ api, folder, env, now: after(10 * MINUTE) });
    const [made] = api.batches;
    const isOpen = state === 'prepared';
    if (isOpen && made) {
      made.status = 'in_progress';
      const seen = await follow(restored, batchId, ({ warnings }) => warnings.join(' ').includes(made.id));
      expect(seen.processing_status).toBe('submitting');
      // What comes in since then is none of it.
      api.make(['z']);
      made.status = 'ended';
    } else await restored.ok('retry_batch', { batch_id: batchId });
    await follow(restored, batchId, isSaved);
    expect((await restored.ok('get_results', { batch_id: batchId })).totals.succeeded).toBe(1);
    expect(api.creates).toHaveLength(isOpen ? 1 : 2);
    expect(api.batches.filter(({ requests }) => requests[0]?.custom_id === 'a')).toHaveLength(1);
  },
);

it('a backup of what was refused, and sent since, is told by a computer whose clock is an hour ahead', async () => {
  const api = await startApi({ endsAtOnce: true });
  const server = await startServer({ api, env, now: after(60 * MINUTE) });
  api.override('create', json(401, apiError('authentication_error', 'no')), { times: 1 });
  await server.fails('submit_batch', work);
  const [{ batch_id }] = (await server.ok('list_batches')).batches;
  await cp(server.data, `${server.data}.backup`, { recursive: true });
  await server.ok('retry_batch', { batch_id });
  await follow(server, batch_id, isSaved);
  await rm(server.data, { recursive: true });
  await cp(`${server.data}.backup`, server.data, { recursive: true });
  const restored = await startServer({ api, env, folder: server.folder, now: after(70 * MINUTE) });
  await restored.ok('retry_batch', { batch_id });
  await follow(restored, batch_id, isSaved);
  expect(api.batches).toHaveLength(1);
});

it('a retry of what came to nothing is refused where another batch does the work by now', async () => {
  let fails = true;
  const { api, server, batch_id } = await endedBatch(work.requests, (requests) =>
    requests.map((each) => (fails ? errored(each, 'api_error', 'oops') : succeeded(each, 'fine'))),
  );
  await follow(server, batch_id, isSaved);
  fails = false;
  const again = await server.ok('submit_batch', work);
  expect(again.batch_id).not.toBe(batch_id);
  expect(await server.fails('retry_batch', { batch_id })).toContain(
    `${again.batch_id} already does the same work`,
  );
  expect(api.creates).toHaveLength(2);
});

eachNthOf(2, ['submissions', 'submissions and the record'])(
  'work is found again without %s',
  async (what) => {
    const api = await startApi({ endsAtOnce: true });
    const server = await startServer({ api, env });
    const { batch_id } = await server.ok('submit_batch', work);
    await follow(server, batch_id, isSaved);
    if (what !== 'submissions') {
      // The register names the second, whose folder is deleted: the first did the work all the same.
      const second = await server.ok('submit_batch', { ...work, force_new: true });
      await follow(server, second.batch_id, isSaved);
      await rm(path.join(server.data, 'batches', second.batch_id), { recursive: true });
    } else {
      await rm(path.join(server.data, 'submissions'), { recursive: true });
    }
    const before = api.creates.length;
    expect(await server.ok('submit_batch', work)).toMatchObject({ batch_id, duplicate: true });
    expect(api.creates).toHaveLength(before);
  },
);

eachNthOf(2, ['its folder', 'all folders'])(
  'what may have been paid is not bought again, where %s is gone',
  async (what) => {
    const api = await startApi({ endsAtOnce: true });
    const server = await startServer({ api, env });
    const { batch_id } = await server.ok('submit_batch', work);
    await follow(server, batch_id, isSaved);
    const batches = path.join(server.data, 'batches');
    await rm(what === 'its folder' ? path.join(batches, batch_id) : batches, { recursive: true });
    const refusal = await server.fails('submit_batch', work);
    expect(refusal).toMatch(/^store_damaged: Nothing was sent: .*force_new: true/);
    expect(refusal).toContain(`${batch_id}, which is gone from ${server.data}`);
    expect(api.creates).toHaveLength(1);
    // A day later it is other work, and so it is by the person's word.
    const later = await startServer({ api, env, folder: server.folder, now: after(25 * 60 * MINUTE) });
    expect(await later.ok('submit_batch', work)).toMatchObject({ duplicate: false });
    expect(await server.ok('submit_batch', { ...work, force_new: true })).toMatchObject({ duplicate: false });
  },
);

it('what the budget did not hold is submitted again when it does', async () => {
  const api = await startApi({ endsAtOnce: true });
  const poor = await startServer({ api, env: { ...env, BATCH_MCP_DAILY_BUDGET_USD: '0.000001' } });
  expect(await poor.fails('submit_batch', work)).toMatch(/^cost_limit/);
  const server = await startServer({ api, env, folder: poor.folder });
  expect(await server.ok('submit_batch', work)).toMatchObject({ duplicate: false });
  expect(api.creates).toHaveLength(1);
});
