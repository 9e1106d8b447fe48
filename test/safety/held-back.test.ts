import { describe, expect, it } from 'vitest';
import { follow, isSaved, prompts, startApi } from '../api.ts';
import { type ApiServer, apiError, json } from '../api-server.ts';
import { bundleForTests } from '../bundle.ts';
import { type Reply, type ServerOptions, spawnServer, startServer, temporaryFolder } from '../harness.ts';
import { long } from '../long.ts';
import { crashStarter, env, leftAt } from './left.ts';

const starter = bundleForTests(crashStarter);

const otherKey = (api: ApiServer) => ({ url: api.url, key: 'sk-ant-another-key-of-another-account' });

type Row = [name: string, options: (api: ApiServer) => ServerOptions, why: RegExp];

const rows: Row[] = [
  ['read-only', (api) => ({ api, argv: ['--read-only'] }), /is read-only/],
  ['with the sandbox alone', (api) => ({ api, argv: ['--provider', 'sandbox'] }), /the sandbox alone/],
  ['of zero dollars', (api) => ({ api, argv: ['--max-cost-usd', '0'] }), /zero dollars/],
  ['with no budget', (api) => ({ api, argv: ['--daily-budget-usd', '0'] }), /zero dollars/],
  ['with a lower ceiling', (api) => ({ api, argv: ['--max-cost-usd', '0.000001'] }), /above its limit of/],
  ['with a lower budget', (api) => ({ api, argv: ['--daily-budget-usd', '0.000001'] }), /daily budget/],
  [
    'that asks a person first',
    (api) => ({ api, env: { BATCH_MCP_ASK_ABOVE_USD: '0.000001' } }),
    /a person has to approve it/,
  ],
  ['with another key', (api) => ({ api: otherKey(api) }), /another API key/],
  [
    'of another workspace',
    (api) => ({ api: { url: `${api.url}/elsewhere`, key: api.key } }),
    /another base URL/,
  ],
];

/** Every way to look at a batch. */
async function look(options: ServerOptions, batch_id: string): Promise<Reply[]> {
  const server = await startServer(options);
  await server.ok('list_batches');
  const seen = [
    await server.ok('batch_status', { batch_id, wait_seconds: 20 }),
    await server.ok('get_results', { batch_id }),
  ];
  await server.close();
  return seen;
}

describe('what a dead process prepared', () => {
  it('is sent by no server that may not, and by the first that may', async () => {
    const { api, folder, batchId } = await leftAt(starter, 'submission.update:after:1');
    for (const [name, options, why] of rows) {
      const given = options(api);
      const began = performance.now();
      for (const seen of await look({ folder, ...given, env: { ...env, ...given.env } }, batchId)) {
        expect(seen.warnings[0], name).toMatch(why);
        expect(seen.warnings[0], name).toMatch(/It was not sent before .*batch_status is called there/);
        expect(seen, name).toMatchObject({
          check_again_in_seconds: 0,
          next_step: expect.stringMatching(/This server does not send what waits.*first warning/),
        });
      }
      // Who can't be helped by waiting does not wait.
      expect(performance.now() - began, name).toBeLessThan(10_000);
      expect(api.creates, name).toHaveLength(0);
    }
    const able = await startServer({ folder, api, env });
    await follow(able, batchId, isSaved);
    expect(api.creates).toHaveLength(1);
  });

  it('is looked at with another key of the account where that cannot be asked for now, and sent when it can', async () => {
    const otherKey = 'sk-ant-another-key-of-the-same-account';
    const api = await startApi({ endsAtOnce: true, otherKeys: [otherKey] });
    const folder = await temporaryFolder();
    const LIMITS = JSON.stringify({ partRequests: 1 });
    const crash = { ...env, LIMITS, CRASH_AT: 'provider.listBatches:after:2' };
    const doomed = await spawnServer({ starter: starter.path, folder, api, env: crash });
    const two = { requests: prompts(['a', 'b']) };
    await expect(doomed.ok('submit_batch', two)).rejects.toThrow(/Connection closed/);
    expect(api.creates).toHaveLength(1);

    const server = await startServer({ api: { url: api.url, key: otherKey }, folder, env });
    const [{ batch_id }] = (await server.ok('list_batches')).batches;
    let isDown = true;
    api.override('retrieve', (request, response, pass) =>
      isDown ? json(500, apiError('api_error', 'down'))(request, response) : pass(),
    );
    const seen = await server.ok('batch_status', { batch_id });
    expect(seen.warnings.join(' ')).toMatch(/The last look did not succeed/);
    expect(api.creates).toHaveLength(1);
    isDown = false;
    await follow(server, batch_id, isSaved);
    expect(api.creates).toHaveLength(2);
  });

  it('is settled by a server that may not send it, and sent by none such', long, async () => {
    const { api, folder, batchId } = await leftAt(starter, 'provider.createBatch:before:1');
    const reader = await startServer({ folder, api, env, argv: ['--read-only'] });
    const seen = await follow(reader, batchId, ({ check_again_in_seconds }) => check_again_in_seconds === 0);
    expect(seen.warnings[0]).toMatch(/is read-only/);
    expect(api.creates).toHaveLength(0);
    await follow(await startServer({ folder, api, env }), batchId, isSaved);
    expect(api.creates).toHaveLength(1);
  });

  it('is told once at each look that it was sent with another key', async () => {
    const { api, folder, batchId } = await leftAt(starter, 'provider.createBatch:before:1');
    const key = 'sk-ant-another-account';
    const now = () => new Date(Date.now() + 3_600_000);
    const server = await startServer({ folder, api: { url: api.url, key }, env, now });
    for (let look = 0; look < 3; look += 1) {
      const { warnings } = await follow(server, batchId, ({ progress }) => !progress);
      expect(warnings.filter((warning: string) => /with another API key/.test(warning))).toHaveLength(1);
    }
    expect(api.creates).toHaveLength(0);
  });
});
