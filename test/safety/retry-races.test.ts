import { rm } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import { createContext } from '../../src/config/create-context.ts';
import { removeOld } from '../../src/operations/prune.ts';
import type { Store } from '../../src/store/store.ts';
import { endedBatch, follow, isSaved, startApi, toTheEnd } from '../api.ts';
import { type ApiRequest, type ApiServer, apiError, errored, json, succeeded } from '../api-server.ts';
import { type Reply, startServer, type TestServer, temporaryFolder } from '../harness.ts';
import { eachNth } from '../long.ts';

const work = { requests: [{ task_id: 'a', prompt: 'one' }] };
/** With its first answers still errors, and later ones good. */
const failsOnce = () => {
  let ends = 0;
  return (requests: ApiRequest[]) => {
    ends += 1;
    return requests.map((each) =>
      ends === 1 ? errored(each, 'api_error', 'oops') : succeeded(each, 'fine'),
    );
  };
};

type Moment = 'before' | 'after';
/** The store, with something that happens once at the n-th change of a register. */
function meanwhile(
  register: 'submission' | 'record',
  moment: Moment,
  nth: number,
  what: () => Promise<unknown>,
) {
  let changes = 0;
  const watch = <T>(found: { update: (change: (current: T | null) => T | null) => Promise<T | null> }) => ({
    ...found,
    update: async (change: (current: T | null) => T | null) => {
      changes += 1;
      const isNow = changes === nth;
      if (isNow && moment === 'before') await what();
      const value = await found.update(change);
      if (isNow && moment === 'after') await what();
      return value;
    },
  });
  return (real: Store): Store => ({
    ...real,
    ...(register === 'submission' && {
      submission: (hash) => ({ ...real.submission(hash), ...watch(real.submission(hash)) }),
    }),
    ...(register === 'record' && { record: (id) => ({ ...real.record(id), ...watch(real.record(id)) }) }),
  });
}

/** A batch that came to nothing: all its answers are errors. */
async function cameToNothing(): Promise<{ api: ApiServer; server: TestServer; batch_id: string }> {
  const ended = await endedBatch(work.requests, failsOnce());
  await follow(ended.server, ended.batch_id, isSaved);
  return ended;
}

/** Every batch here is followed to its end, whoever sends it. */
async function settleAll({ api, server }: { api: ApiServer; server: TestServer }): Promise<void> {
  for (const { batch_id } of (await server.ok('list_batches')).batches) await toTheEnd(server, api, batch_id);
}

describe('a retry of what came to nothing, and the same work submitted at that moment,', () => {
  // The retry writes to the register of submissions before its parts are named, and after.
  eachNth(3, [
    ['submission', 'after', 1],
    ['submission', 'before', 2],
    ['submission', 'after', 2],
    ['submission', 'before', 1],
    ['record', 'before', 1],
    ['record', 'after', 1],
  ] as const)('are paid once: submitted at the %s (%s its change %i)', async (register, moment, nth) => {
    const { api, server, batch_id } = await cameToNothing();
    const { folder } = server;
    const submitted: Reply[] = [];
    const store = meanwhile(register, moment, nth, async () => {
      submitted.push(await server.ok('submit_batch', work));
    });
    const other = await startServer({ api, folder, store });
    const { isError, text } = await other.call('retry_batch', { batch_id });
    await settleAll({ api, server });
    expect(submitted).toHaveLength(1);
    expect(api.creates).toHaveLength(2);
    if (isError)
      expect(text).toMatch(new RegExp(`^wrong_state.*${submitted[0]?.batch_id} already does the same work`));
    else expect(submitted[0]).toMatchObject({ batch_id, duplicate: true });
  });

  it('are paid once: retried while the submission is about to own the work', async () => {
    const { api, server, batch_id } = await cameToNothing();
    const store = meanwhile('submission', 'before', 1, () => server.ok('retry_batch', { batch_id }));
    const other = await startServer({ api, folder: server.folder, store });
    expect(await other.ok('submit_batch', work)).toMatchObject({ batch_id, duplicate: true });
    await settleAll({ api, server });
    expect(api.creates).toHaveLength(2);
  });

  it('are paid once where the process of the retry ends before it finds that out', async () => {
    const { api, server, batch_id } = await cameToNothing();
    const { folder } = server;
    const submitted: Reply[] = [];
    let isGone = false;
    const fails = () => Promise.reject(new Error('gone'));
    const store = (real: Store): Store => {
      const taken = meanwhile('submission', 'after', 1, async () => {
        submitted.push(await server.ok('submit_batch', work));
      })(real);
      const self = () => ({ ...real.presence.self(), pid: 4_000_000, nonce: 'of a dead process' });
      return {
        ...taken,
        presence: { ...real.presence, self },
        submission: (hash) =>
          isGone ? { ...taken.submission(hash), update: fails } : taken.submission(hash),
        record: (id) => {
          const record = taken.record(id);
          const update: typeof record.update = async (change) => {
            if (isGone) return fails();
            const value = await record.update(change);
            isGone = (value?.parts.length ?? 0) > 1;
            return value;
          };
          return { ...record, update };
        },
      };
    };
    const doomed = await startServer({ api, folder, store });
    await doomed.call('retry_batch', { batch_id });
    expect(isGone).toBe(true);
    const seen = await follow(server, batch_id, ({ processing_status }) => processing_status === 'not_sent');
    expect(JSON.stringify(seen)).toContain(`${submitted[0]?.batch_id} already does the same work`);
    await settleAll({ api, server });
    expect(api.creates).toHaveLength(2);
  });
});

describe('a retry of what was canceled in part', () => {
  it('is refused where the same work was submitted since', async () => {
    const requests = ['a', 'b'].map((task_id) => ({ task_id, prompt: task_id }));
    let ends = 0;
    const { api, server, batch_id } = await endedBatch(requests, (sent) => {
      ends += 1;
      return sent.map((each, index) =>
        index === 0 && ends === 1
          ? { custom_id: each.custom_id, result: { type: 'canceled' } }
          : succeeded(each, 'fine'),
      );
    });
    await follow(server, batch_id, isSaved);
    const again = await server.ok('submit_batch', { requests });
    expect(again.duplicate).toBe(false);
    expect(await server.fails('retry_batch', { batch_id })).toContain(
      `${again.batch_id} already does the same work`,
    );
    expect(api.creates).toHaveLength(2);
  });
});

it('a retry of what was never sent, and the same work submitted at that moment, are paid once', async () => {
  const api = await startApi();
  const folder = await temporaryFolder();
  const server = await startServer({ api, folder });
  api.override('create', json(401, apiError('authentication_error', 'no')), { times: 1 });
  await server.fails('submit_batch', work);
  const [{ batch_id }] = (await server.ok('list_batches')).batches;
  // Nothing names it any more.
  await rm(path.join(server.data, 'submissions'), { recursive: true });
  const store = meanwhile('submission', 'before', 1, () => server.ok('submit_batch', work));
  const other = await startServer({ api, folder, store });
  expect(await other.fails('retry_batch', { batch_id })).toMatch(/already does the same work/);
  await settleAll({ api, server });
  expect(api.batches).toHaveLength(1);
});

it('work that came to nothing, and was sent again two hours ago, is the same work a day after it was submitted', async () => {
  const hoursAgo = (hours: number) => () => new Date(Date.now() - hours * 60 * 60 * 1000);
  const { api, server, batch_id } = await endedBatch(work.requests, failsOnce(), {
    server: { now: hoursAgo(25) },
  });
  await follow(server, batch_id, isSaved);
  const later = await startServer({ api, folder: server.folder, now: hoursAgo(2) });
  await later.ok('retry_batch', { batch_id });
  api.endAll();
  await follow(later, batch_id, isSaved);
  const last = await startServer({ api, folder: server.folder });
  expect(await last.ok('submit_batch', work)).toMatchObject({ batch_id, duplicate: true });
  expect(api.creates).toHaveLength(2);
});

it('an old batch that was sent again an hour ago is not pruned', async () => {
  const hours = (count: number) => () => new Date(Date.now() + count * 60 * 60 * 1000);
  const { api, server, batch_id } = await endedBatch(work.requests, failsOnce());
  await follow(server, batch_id, isSaved);
  const later = await startServer({ api, folder: server.folder, now: hours(47) });
  await later.ok('retry_batch', { batch_id });
  api.endAll();
  await follow(later, batch_id, isSaved);
  const config = readConfig({ env: { HOME: server.folder, BATCH_MCP_DATA_DIR: server.data }, argv: [] });
  const context = await createContext(config, () => {});
  onTestFinished(() => context.close());
  const prune = (now: () => Date) => removeOld({ ...context, now }, { older_than_days: 1 }, {});
  expect((await prune(hours(48))).batches).toEqual([]);
  expect((await prune(hours(72))).batches).toMatchObject([{ batch_id }]);
});

describe('a batch two days old that was sent an hour ago is the same work, without the register', () => {
  const HOUR = 60 * 60 * 1000;
  const hours = (count: number) => () => new Date(Date.now() + count * HOUR);

  it('where its create had been refused until then', async () => {
    const api = await startApi();
    const first = await startServer({ api });
    const { folder, data } = first;
    api.override('create', json(401, apiError('authentication_error', 'no')), { times: 1 });
    await first.fails('submit_batch', work);
    const [{ batch_id }] = (await first.ok('list_batches')).batches;
    const later = await startServer({ api, folder, now: hours(47) });
    await later.ok('retry_batch', { batch_id });
    await rm(path.join(data, 'submissions'), { recursive: true });
    const last = await startServer({ api, folder, now: hours(48) });
    expect(await last.ok('submit_batch', work)).toMatchObject({ batch_id, duplicate: true });
    expect(api.batches).toHaveLength(1);
  });

  it('where its first attempt had come to nothing; a day later it is not', async () => {
    const { api, server, batch_id } = await endedBatch(work.requests, failsOnce());
    const { folder, data } = server;
    await follow(server, batch_id, isSaved);
    const later = await startServer({ api, folder, now: hours(47) });
    await later.ok('retry_batch', { batch_id });
    await rm(path.join(data, 'submissions'), { recursive: true });
    const last = await startServer({ api, folder, now: hours(48) });
    expect(await last.ok('submit_batch', work)).toMatchObject({ batch_id, duplicate: true });
    expect(api.batches).toHaveLength(2);
    const over = await startServer({ api, folder, now: hours(72) });
    expect(await over.ok('submit_batch', work)).toMatchObject({ duplicate: false });
  });
});
