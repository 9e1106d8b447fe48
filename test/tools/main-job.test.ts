import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { follow, startApi, startCheckedServer } from '../api.ts';
import { type ApiRequest, succeeded } from '../api-server.ts';
import type { TestServer } from '../harness.ts';

/** The example of the public guide whose system this product re-implements, as it stands there. */
const guideRequests = [
  {
    task_id: 'analyze_logs_1',
    task_type: 'analyze_logs',
    input_data: {
      logs: '2026-01-27 ERROR: Connection timeout to database\n2026-01-27 ERROR: Failed to process request',
    },
    model_tier: 'capable',
  },
  {
    task_id: 'generate_report_1',
    task_type: 'generate_report',
    input_data: { data: 'Monthly metrics: 1000 users, 5000 requests, 99.9% uptime' },
    model_tier: 'cheap',
  },
];

const ways: { way: string; work: (server: TestServer) => Promise<object> }[] = [
  { way: 'inline', work: async () => ({ requests: guideRequests }) },
  {
    way: 'by a .json file',
    async work({ work }) {
      await writeFile(path.join(work, 'batch_requests.json'), JSON.stringify(guideRequests, null, 2));
      return { requests_file: 'batch_requests.json' };
    },
  },
  {
    way: 'by a .jsonl file',
    async work({ work }) {
      const lines = guideRequests.map((request) => `${JSON.stringify(request)}\n`).join('');
      await writeFile(path.join(work, 'batch_requests.jsonl'), lines);
      return { requests_file: path.join(work, 'batch_requests.jsonl') };
    },
  },
];

const lastFirst = (requests: ApiRequest[]) =>
  requests.toReversed().map((request) => succeeded(request, `answer ${request.custom_id}`));

describe.each(ways)("the guide's own batch, $way", ({ work }) => {
  test('runs through the API', async () => {
    const api = await startApi({ results: lastFirst });
    const server = await startCheckedServer({ api });

    const submitted = await server.ok('submit_batch', await work(server));
    expect(submitted).toMatchObject({
      provider: 'anthropic',
      processing_status: 'in_progress',
      request_count: 2,
      duplicate: false,
      warnings: [],
    });
    const { batch_id } = submitted;
    expect(api.creates).toHaveLength(1);
    const [first, second, ...more] = api.creates[0]?.requests ?? [];
    expect(more).toEqual([]);
    expect(first).toEqual({
      custom_id: 'analyze_logs_1',
      params: {
        model: 'claude-sonnet-5-5',
        max_tokens: 4096 + 8192,
        system: expect.stringContaining('logs'),
        messages: [
          { role: 'user', content: expect.stringContaining(guideRequests[0]?.input_data.logs ?? '?') },
        ],
      },
    });
    expect(second).toEqual({
      custom_id: 'generate_report_1',
      params: {
        model: 'claude-haiku-5-5',
        max_tokens: 4096 + 6144,
        system: expect.stringContaining('report'),
        messages: [
          { role: 'user', content: expect.stringContaining(guideRequests[1]?.input_data.data ?? '?') },
        ],
      },
    });

    expect(await server.ok('batch_status', { batch_id })).toMatchObject({
      processing_status: 'in_progress',
      results_state: 'none',
      outcomes: { pending: 2, succeeded: 0 },
      request_counts: { processing: 2 },
      cost_usd: { actual: null },
    });
    expect(await server.ok('get_results', { batch_id })).toMatchObject({
      processing_status: 'in_progress',
      totals: { total: 2, pending: 2 },
      results: [],
    });

    api.endAll();
    const results = await server.ok('get_results', { batch_id, detail: 'full' });
    expect(results).toMatchObject({
      processing_status: 'ended',
      totals: { total: 2, pending: 0, succeeded: 2, incomplete: 0, errored: 0, missing: 0 },
      error_digest: [],
      next_cursor: null,
      // 10 tokens in and 5 out each, at half of 2 and 10 dollars, and of 0.10 and 0.50, per million.
      cost_usd: { actual: 0.00003675, basis: 'actual' },
      warnings: [],
    });
    expect(results.results).toMatchObject([
      {
        task_id: 'analyze_logs_1',
        outcome: 'succeeded',
        text: 'answer analyze_logs_1',
        stop_reason: 'end_turn',
        model: 'claude-sonnet-5-5',
        attempt: 1,
      },
      { task_id: 'generate_report_1', text: 'answer generate_report_1', model: 'claude-haiku-5-5' },
    ]);
    expect(api.creates).toHaveLength(1);
    expect(api.requests.every(({ headers }) => headers['anthropic-version'] === '2026-10-21')).toBe(true);
  });

  test('runs through the sandbox', async () => {
    const server = await startCheckedServer();
    const submitted = await server.ok('submit_batch', { ...(await work(server)), sandbox: true });
    expect(submitted).toMatchObject({ provider: 'sandbox', request_count: 2 });
    const { batch_id } = submitted;

    const status = await follow(server, batch_id);
    expect(status).toMatchObject({ processing_status: 'ended', results_state: 'saved' });
    const results = await server.ok('get_results', { batch_id, detail: 'full' });
    expect(results.totals).toMatchObject({ total: 2, succeeded: 2 });
    expect(results.results).toMatchObject([
      { task_id: 'analyze_logs_1', outcome: 'succeeded', model: 'claude-sonnet-5-5' },
      { task_id: 'generate_report_1', outcome: 'succeeded', model: 'claude-haiku-5-5' },
    ]);
    for (const reply of [submitted, status, results]) {
      expect(reply.provider).toBe('sandbox');
      expect(reply.warnings[0]).toMatch(/made up/);
    }
  });
});

test('a batch is listed, and found by either of its ids', async () => {
  const api = await startApi({ endsAtOnce: true });
  const server = await startCheckedServer({ api });
  const { batch_id, parts } = await server.ok('submit_batch', { requests: guideRequests, name: 'The guide' });
  const listed = await server.ok('list_batches');
  expect(listed.batches).toMatchObject([{ batch_id, name: 'The guide', request_count: 2 }]);
  expect(listed.totals).toMatchObject({ batches: 1, requests: 2 });
  const byTheirs = await server.ok('batch_status', { batch_id: parts[0].provider_batch_id });
  expect(byTheirs.batch_id).toBe(batch_id);
});

test('a canceled batch tells what was answered and what was not', async () => {
  const server = await startCheckedServer({ sandboxSeconds: 600 });
  const { batch_id } = await server.ok('submit_batch', { requests: guideRequests, sandbox: true });
  expect(await server.ok('cancel_batch', { batch_id })).toMatchObject({ processing_status: 'canceling' });
  await follow(server, batch_id);
  const results = await server.ok('get_results', { batch_id });
  expect(results).toMatchObject({
    processing_status: 'ended',
    totals: { total: 2, canceled: 2, pending: 0 },
  });
  expect(results.error_digest).toMatchObject([{ type: 'canceled', count: 2, retryable: true }]);
  expect(await server.fails('cancel_batch', { batch_id })).toMatch(/ended already.*get_results/);
});
