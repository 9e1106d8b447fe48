import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { follow, isSaved, startApi } from '../api.ts';
import { reset, succeeded } from '../api-server.ts';
import { bundleForTests } from '../bundle.ts';
import { spawnServer, startServer, type TestClient, temporaryFolder } from '../harness.ts';
import { eachNth, long } from '../long.ts';
import { crashStarter } from './left.ts';
import { mergeThroughKills } from './merge-through-kills.ts';

const starter = bundleForTests(crashStarter);
const env = { BATCH_MCP_SETTLE_SECONDS: '0.2' };

it('64 rows are merged through processes that are killed at any time, each stage paid once', long, () =>
  mergeThroughKills(starter, 64, 3),
);

describe('a merge whose first stage has ended', () => {
  eachNth<[crashAt: string, fault?: 'made' | 'lost']>(5, [
    ['provider.createBatch:after:1'],
    ['provider.createBatch:before:1'],
    ['record.update:after:4'],
    ['claim.update:after:1', 'made'],
    ['provider.listBatches:after:2', 'lost'],
  ])('is paid once, whoever dies at the next: %s, create %s', async (crashAt, fault) => {
    const api = await startApi({ results: (all) => all.map((request) => succeeded(request, 'merged')) });
    const folder = await temporaryFolder();
    const first = await startServer({ api, folder, env });
    await writeFile(path.join(first.work, 't.csv'), 'text\na\nb\nc\nd\n');
    const work = { rows_file: 't.csv', prompt: 'Sum up: {{items}}', merge: 2 };
    const { batch_id } = await first.ok('submit_batch', work);
    await first.close();
    api.endAll();
    if (fault !== undefined) api.override('create', reset, { times: 1, after: fault === 'made' });
    const toTheEnd = (client: TestClient) =>
      follow(client, batch_id, (seen) => {
        api.endAll();
        return isSaved(seen);
      });
    const doomed = await spawnServer({
      starter: starter.path,
      folder,
      api,
      env: { ...env, CRASH_AT: crashAt },
    });
    await expect(toTheEnd(doomed)).rejects.toThrow(/Connection closed|Not connected/);
    const second = await startServer({ api, folder, env });
    expect((await toTheEnd(second)).outcomes).toMatchObject({ succeeded: 3, pending: 0 });
    expect(api.batches.map(({ requests }) => requests.map((each) => each.custom_id))).toEqual([
      ['merge_1_1', 'merge_1_2'],
      ['merge_2_1'],
    ]);
  });
});
