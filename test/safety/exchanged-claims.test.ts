import { cp, readdir, rename } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { follow, startApi } from '../api.ts';
import { reset } from '../api-server.ts';
import { startServer, type TestServer } from '../harness.ts';

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
