import { describe, expect, test } from 'vitest';
import { follow, prompts, startApi, startCheckedServer } from '../api.ts';
import { type ApiServer, reset } from '../api-server.ts';
import type { TestServer } from '../harness.ts';
import { long } from '../long.ts';

const quick = { env: { BATCH_MCP_SETTLE_SECONDS: '0.2' } };

type Uncertain = { api: ApiServer; server: TestServer; batch_id: string; ours: string; theirs: string };

/** A batch whose create was not answered, beside a stranger's of the same count: nobody can tell which is which. */
async function uncertainBatch(): Promise<Uncertain> {
  const api = await startApi();
  const server = await startCheckedServer({ api, ...quick });
  let theirs = '';
  api.override(
    'create',
    (request, response) => {
      theirs = api.make(['x', 'y']);
      reset(request, response);
    },
    { times: 1, after: true },
  );
  const { batch_id } = await server.ok('submit_batch', { requests: prompts(['a', 'b']) });
  await follow(server, batch_id, ({ warnings }) => warnings.join(' ').includes(theirs));
  return { api, server, batch_id, ours: api.batches[0]?.id ?? '', theirs };
}

async function endedWell({ api, server, batch_id }: Uncertain, end = () => api.endAll()): Promise<void> {
  end();
  const { totals, results } = await server.ok('get_results', { batch_id });
  expect(totals).toMatchObject({ total: 2, succeeded: 2 });
  expect(results).toMatchObject([{ text: 'answer a' }, { text: 'answer b' }]);
}

describe('a part of which nobody can tell whether the API has it', () => {
  test('is not retried without a word on that', async () => {
    const { api, server, batch_id } = await uncertainBatch();
    for (const options of [{}, { outcomes: ['failed'] }, { dry_run: true }]) {
      expect(await server.fails('retry_batch', { batch_id, ...options })).toMatch(
        /^wrong_state: .*a person can decide: retry_batch with resolve/,
      );
    }
    expect(api.creates).toHaveLength(1);
  });

  test('is the one that a person names', async () => {
    const uncertain = await uncertainBatch();
    const { api, server, batch_id, ours } = uncertain;
    expect(await server.ok('retry_batch', { batch_id, resolve: ours })).toMatchObject({
      batch_id,
      processing_status: 'in_progress',
      parts: [{ provider_batch_id: ours, attempt: 1 }],
    });
    expect(api.creates).toHaveLength(1);
    await endedWell(uncertain);
  });

  test('is known by its mark, without a person, once it has ended', async () => {
    const { api, server, batch_id, ours } = await uncertainBatch();
    api.endAll();
    const status = await follow(server, batch_id);
    expect(status).toMatchObject({ outcomes: { succeeded: 2 }, parts: [{ provider_batch_id: ours }] });
    expect(api.creates).toHaveLength(1);
  });

  test('is sent again at the word of a person', async () => {
    const uncertain = await uncertainBatch();
    const { api, server, batch_id } = uncertain;
    const reply = await server.ok('retry_batch', { batch_id, resolve: 'send_again' });
    expect(reply).toMatchObject({ processing_status: 'in_progress', request_count: 2 });
    expect(reply).not.toHaveProperty('retry');
    expect(api.creates).toHaveLength(2);
    // What the first send cost, if it was made, nobody knows while it runs.
    await endedWell(uncertain, () => api.end(api.batches.at(-1)?.id ?? ''));

    const { cost_usd, warnings } = await server.ok('batch_status', { batch_id });
    expect(cost_usd).toMatchObject({ actual: null, basis: 'estimated' });
    expect(warnings.join(' ')).toMatch(
      /sent again without knowing .* up to \$[\d.]+ beside the \$[\d.]+ of the answers/,
    );
    const [, answers] = /beside the \$([\d.]+) of the answers/.exec(warnings.join(' ')) ?? [];
    const { cost_usd: once } = await server.ok('estimate_cost', { requests: prompts(['a', 'b']) });
    expect(cost_usd.maximum).toBeCloseTo(2 * once.maximum, 9);
    const { folder } = server;
    const poor = await startCheckedServer({ api, folder, argv: ['--daily-budget-usd', '0.0001'] });
    const refusal = await poor.fails('submit_batch', { requests: prompts(['c']) });
    const [, spent, reserved] = /\$([\d.]+) spent, \$([\d.]+) reserved/.exec(refusal) ?? [];
    expect(Number(reserved)).toBeCloseTo(once.maximum, 2);
    expect(spent).toBe(answers);
  });

  test('is one of those that were there when it was first looked for, and what is left once the others are disproved', async () => {
    const { api, server, batch_id, ours, theirs } = await uncertainBatch();
    const later = [1, 2, 3, 4, 5, 6].map(() => api.make(['x', 'y']));
    api.end(theirs);
    const { parts, warnings } = await follow(
      server,
      batch_id,
      ({ processing_status }) => processing_status === 'in_progress',
    );
    expect(parts).toMatchObject([{ provider_batch_id: ours }]);
    for (const id of later) expect(warnings.join(' ')).not.toContain(id);
    expect(api.creates).toHaveLength(1);
  });

  test('is not sent again where one of them that has ended has its mark', async () => {
    const uncertain = await uncertainBatch();
    const { api, server, batch_id, ours } = uncertain;
    api.endAll();
    const reply = await server.ok('retry_batch', { batch_id, resolve: 'send_again' });
    expect(reply).toMatchObject({ parts: [{ provider_batch_id: ours }] });
    expect(api.creates).toHaveLength(1);
    await endedWell(uncertain);
  });

  test(
    'is not sent again before anybody has looked for it, where the API has what it could be',
    long,
    async () => {
      const api = await startApi();
      const slow = { env: { BATCH_MCP_SETTLE_SECONDS: '6' }, limits: { callMs: 500 } };
      const server = await startCheckedServer({ api, ...slow });
      api.override('create', reset, { times: 1, after: true });
      const { batch_id } = await server.ok('submit_batch', { requests: prompts(['a', 'b']) });
      await follow(server, batch_id, ({ processing_status }) => processing_status === 'unconfirmed');
      const again = { batch_id, resolve: 'send_again' };
      expect(await server.fails('retry_batch', again)).toMatch(
        /^wrong_state: Nothing was sent. It is still being settled, and could be msgbatch_/,
      );
      api.endAll();
      const { parts } = await server.ok('retry_batch', again);
      expect(parts).toMatchObject([{ provider_batch_id: api.batches[0]?.id }]);
      expect(api.creates).toHaveLength(1);
    },
  );

  test('cannot be one that does not fit', async () => {
    const { api, server, batch_id } = await uncertainBatch();
    const larger = api.make(['x', 'y', 'z']);
    expect(await server.fails('retry_batch', { batch_id, resolve: larger })).toMatch(
      /holds 3 requests, not 2/,
    );
    expect(await server.fails('retry_batch', { batch_id, resolve: 'msgbatch_none' })).toMatch(
      /^api_not_found/,
    );
    expect(await server.fails('retry_batch', { batch_id, resolve: 'yes' })).toMatch(
      /^invalid_input: .*send_again, or msgbatch_/s,
    );
    const status = await server.ok('batch_status', { batch_id });
    expect(status.processing_status).toBe('unconfirmed');
  });
});
