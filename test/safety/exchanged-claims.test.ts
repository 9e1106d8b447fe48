import { cp, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { follow, isSaved, startApi } from '../api.ts';
import { type ApiServer, reset } from '../api-server.ts';
import { bundleForTests } from '../bundle.ts';
import { type Reply, spawnServer, startServer, type TestServer, temporaryFolder } from '../harness.ts';
import { crashStarter } from './left.ts';

const starter = bundleForTests(crashStarter);

const env = { BATCH_MCP_SETTLE_SECONDS: '0.05' };
const workOf = (task_id: string) => ({ requests: [{ task_id, prompt: task_id }] });
const claimOf = ({ data }: TestServer, id = '') => path.join(data, 'claims', id);

async function answersOf(server: TestServer, batch_id: string): Promise<string[]> {
  const { results } = await server.ok('get_results', { batch_id });
  return results.map(({ text }: { text: string }) => text);
}

describe('a claim that was exchanged for that of another batch', () => {
  it('gives nobody the answers of the other', async () => {
    const api = await startApi({ endsAtOnce: true });
    const server = await startServer({ api, env });
    for (const id of ['a', 'b']) await follow(server, (await server.ok('submit_batch', workOf(id))).batch_id);
    const [one = '', two = ''] = api.batches.map(({ id }) => id);
    await rename(claimOf(server, one), claimOf(server, 'kept'));
    await rename(claimOf(server, two), claimOf(server, one));
    await rename(claimOf(server, 'kept'), claimOf(server, two));
    expect(await answersOf(server, one)).toEqual(['answer a']);
    expect(await answersOf(server, two)).toEqual(['answer b']);
    expect((await server.ok('list_batches', { include_remote: true })).remote).toEqual([]);
    expect((await server.ok('list_batches')).batches).toHaveLength(2);
  });

  it('or is gone has no batch of ours adopted as if another program had made it', async () => {
    const api = await startApi({ endsAtOnce: true });
    const server = await startServer({ api, env });
    const { batch_id } = await server.ok('submit_batch', workOf('a'));
    await follow(server, batch_id);
    const [id = ''] = api.batches.map((batch) => batch.id);
    await rename(claimOf(server, id), path.join(server.data, 'claims.kept'));
    expect((await server.ok('batch_status', { batch_id: id })).batch_id).toBe(batch_id);
    expect(await readdir(claimOf(server))).toEqual([id]);
  });

  it('hides no batch from the part that it is', async () => {
    const api = await startApi();
    const server = await startServer({ api, env });
    await server.ok('submit_batch', workOf('a'));
    const [other = ''] = api.batches.map(({ id }) => id);
    api.override('create', reset, { times: 1, after: true });
    const next = `${other.slice(0, -1)}2`;
    await cp(claimOf(server, other), claimOf(server, next), { recursive: true });
    const { batch_id } = await server.ok('submit_batch', workOf('b'));
    await follow(server, batch_id, ({ parts }) => parts[0].provider_batch_id === next);
    api.endAll();
    await follow(server, batch_id);
    expect(await answersOf(server, batch_id)).toEqual(['answer b']);
    expect(api.creates).toHaveLength(2);
  });
});

describe('claims exchanged while their parts were being sent', () => {
  /** A submission whose process dies when its batch is made and claimed, and its record does not know. */
  async function claimedAt(api: ApiServer, folder: string, id: string): Promise<void> {
    const doomed = await spawnServer({
      starter: starter.path,
      folder,
      api,
      env: { ...env, CRASH_AT: 'claim.update:after:1' },
    });
    await expect(doomed.ok('submit_batch', workOf(id))).rejects.toThrow(/Connection closed/);
  }

  async function exchange(server: TestServer, api: ApiServer): Promise<void> {
    const [one = '', two = ''] = api.batches.map(({ id }) => id);
    await rename(claimOf(server, one), claimOf(server, 'kept'));
    await rename(claimOf(server, two), claimOf(server, one));
    await rename(claimOf(server, 'kept'), claimOf(server, two));
  }

  it('give each part its own answers, and nothing is sent again', async () => {
    const api = await startApi({ endsAtOnce: true });
    const folder = await temporaryFolder();
    for (const id of ['a', 'b']) await claimedAt(api, folder, id);
    const server = await startServer({ api, folder, env });
    await exchange(server, api);
    const { batches } = await server.ok('list_batches');
    for (const { batch_id } of batches) await follow(server, batch_id, isSaved);
    const found = await Promise.all(batches.map(({ batch_id }: Reply) => answersOf(server, batch_id)));
    expect(found).toEqual([['answer b'], ['answer a']]);
    expect(api.creates).toHaveLength(2);
  });

  it('are known by the record of the part that was done', async () => {
    const api = await startApi({ endsAtOnce: true });
    const folder = await temporaryFolder();
    await claimedAt(api, folder, 'a');
    const server = await startServer({ api, folder, env });
    const done = await server.ok('submit_batch', workOf('b'));
    await follow(server, done.batch_id, isSaved);
    await exchange(server, api);
    const [first = '', second = ''] = api.batches.map(({ id }) => id);
    expect((await server.ok('batch_status', { batch_id: second })).batch_id).toBe(done.batch_id);
    const left = (await server.ok('list_batches')).batches.at(-1).batch_id;
    await follow(server, left, isSaved);
    expect(await answersOf(server, left)).toEqual(['answer a']);
    expect((await server.ok('batch_status', { batch_id: first })).batch_id).toBe(left);
    expect(api.creates).toHaveLength(2);
  });
});

it('a part that was claimed for want of another, and whose record lost that, is not sent again', async () => {
  const api = await startApi();
  const folder = await temporaryFolder();
  const doomed = await spawnServer({ folder, api, env });
  api.override('create', reset, { times: 1, after: true });
  const { batch_id } = await doomed.ok('submit_batch', workOf('a'));
  await follow(doomed, batch_id, ({ processing_status }) => processing_status === 'in_progress');
  process.kill(doomed.pid, 'SIGKILL');
  const record = path.join(folder, 'data', 'batches', batch_id, 'record');
  for (const name of (await readdir(record)).sort().slice(1)) await rm(path.join(record, name));
  const server = await startServer({ api, folder, env });
  const [id = ''] = api.batches.map((each) => each.id);
  await follow(server, batch_id, ({ warnings }) => warnings.join(' ').includes(id));
  api.endAll();
  await follow(server, batch_id, isSaved);
  expect(api.creates).toHaveLength(1);
});
