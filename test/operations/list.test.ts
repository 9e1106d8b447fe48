import { describe, expect, it } from 'vitest';
import { startApi } from '../api.ts';
import type { ApiServer } from '../api-server.ts';
import { type ServerOptions, startServer } from '../harness.ts';

it('a list with sandbox batches says that their answers are made up, and one without does not', async () => {
  const server = await startServer({ argv: ['--sandbox'] });
  expect((await server.ok('list_batches')).warnings).toEqual([]);
  await server.ok('submit_batch', { requests: [{ task_id: 'a', prompt: 'hi' }] });
  const { batches, totals, warnings } = await server.ok('list_batches');
  expect(batches).toMatchObject([{ provider: 'sandbox' }]);
  expect(totals).toMatchObject({ batches: 1, open_expected_usd: 0 });
  expect(warnings.join(' ')).toMatch(/made-up answers/);
  const grouped = await server.ok('list_batches', { group_by: 'model' });
  expect(grouped).toMatchObject({ batches: [], groups: [] });
  expect(grouped.warnings.join(' ')).toMatch(/groups leave them out/);
});

describe('what is here is listed, and why the rest is not,', () => {
  it.each<[what: string, options: (api: ApiServer) => ServerOptions, why: RegExp]>([
    ['without a key', () => ({}), /There is no Anthropic credential. Set ANTHROPIC_API_KEY/],
    ['without an API', ({ key }) => ({ api: { key, url: 'http://127.0.0.1:9' } }), /ECONNREFUSED/],
    [
      'where the owner keeps it out',
      (api) => ({ api, env: { BATCH_MCP_REMOTE: 'off' } }),
      /BATCH_MCP_REMOTE is off/,
    ],
  ])('%s', async (_what, options, why) => {
    const api = await startApi();
    const first = await startServer({ api });
    const { batch_id } = await first.ok('submit_batch', { requests: ['Hello'] });
    await first.close();
    const server = await startServer({ folder: first.folder, ...options(api) });
    const { batches, remote, warnings } = await server.ok('list_batches', { include_remote: true });
    expect({ batches, remote }).toMatchObject({ batches: [{ batch_id }], remote: null });
    expect(warnings).toEqual([expect.stringMatching(/^These are the batches of this computer; /)]);
    expect(warnings[0]).toMatch(why);
  });
});
