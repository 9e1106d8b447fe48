import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { endedBatch, follow, ids, prompts } from '../api.ts';
import { type ApiHandler, type ApiServer, apiError, json, reset, succeeded } from '../api-server.ts';
import { eachNth, eachNthOf } from '../long.ts';

const tasks = prompts(ids(5));

/** What of a download arrives, made from its whole lines. */
function arriving(change: (lines: string[], api: ApiServer) => string, ending: 'clean' | 'cut' = 'clean') {
  return (api: ApiServer): ApiHandler =>
    (_request, response) => {
      const lines = String(api.batches[0]?.results).trimEnd().split('\n');
      response.writeHead(200, { 'content-type': 'application/x-jsonl' });
      const body = change(lines, api);
      if (ending === 'clean') response.end(body);
      // The first bytes have to be on their way before the socket goes.
      else response.write(body, () => setTimeout(() => response.socket?.destroy(), 20));
    };
}

const whole = (lines: string[]) => lines.map((line) => `${line}\n`).join('');
const unknownLine = JSON.stringify(succeeded({ custom_id: 'stranger', params: {} }, 'Who is that?'));

/** Downloads that are not what they should be; `missing` is what they lack when they stay so. */
const faults: { name: string; handler: (api: ApiServer) => ApiHandler; missing: string[] }[] = [
  {
    name: 'cut at a line boundary',
    handler: arriving((lines) => whole(lines.slice(0, 3))),
    missing: ['t004', 't005'],
  },
  {
    name: 'cut in a line',
    handler: arriving((lines) => whole(lines.slice(0, 3)) + lines[3]?.slice(0, 40)),
    missing: ['t004', 't005'],
  },
  {
    name: 'with a line dropped',
    handler: arriving((lines) => whole(lines.filter((_, index) => index !== 1))),
    missing: ['t002'],
  },
  {
    name: 'with a line in place of another',
    handler: arriving((lines) => whole(lines.map((line, index) => (index === 1 ? (lines[0] ?? '') : line)))),
    missing: ['t002'],
  },
  {
    name: 'with a line repeated',
    handler: arriving((lines) => whole([...lines, lines[2] ?? ''])),
    missing: [],
  },
  { name: 'with an unknown id', handler: arriving((lines) => whole([...lines, unknownLine])), missing: [] },
  {
    name: 'with an unknown id for a known one',
    handler: arriving((lines) => whole([...lines.slice(1), unknownLine])),
    missing: ['t001'],
  },
  { name: 'with a line of no JSON', handler: arriving((lines) => `${whole(lines)}<html>\n`), missing: [] },
  { name: 'empty', handler: arriving(() => ''), missing: ids(5) },
];

/** Downloads that break off, or never begin. */
const failures: { name: string; handler: (api: ApiServer) => ApiHandler }[] = [
  {
    name: 'cut in the socket',
    handler: arriving((lines) => whole(lines.slice(0, 3)) + lines[3]?.slice(0, 9), 'cut'),
  },
  { name: 'cut in the socket at a line boundary', handler: arriving((lines) => whole(lines), 'cut') },
  { name: 'reset', handler: () => reset },
  { name: 'not found yet', handler: () => json(404, apiError('not_found_error', 'No such batch')) },
  { name: 'answered 500', handler: () => json(500, apiError('api_error', 'Internal server error')) },
];

const fetches = (api: ApiServer) => api.requests.filter(({ path }) => path.endsWith('/results')).length;

/** Names of what is left in the batch's folder of downloads that came to nothing. */
async function leftovers(data: string, batchId: string): Promise<string[]> {
  const names = await readdir(path.join(data, 'batches', batchId));
  return names.filter((name) => /\.part$|\.tmp$/.test(name));
}

describe('a download', () => {
  eachNthOf(20, [...faults, ...failures])(
    '$name is fetched again, and whole the second time',
    async ({ handler }) => {
      const { api, server, batch_id } = await endedBatch(tasks, undefined);
      api.override('results', handler(api), { times: 1 });
      const results = await server.ok('get_results', { batch_id });

      expect(results).toMatchObject({ totals: { total: 5, succeeded: 5, missing: 0 }, warnings: [] });
      expect(results.results.map(({ text }: { text: string }) => text)).toEqual(
        ids(5).map((id) => `answer ${id}`),
      );
      expect(fetches(api)).toBe(2);
      expect(await leftovers(server.data, batch_id)).toEqual([]);
    },
  );
});

describe('a download that stays', () => {
  eachNthOf(16, faults)(
    '$name is fetched three times, and what it lacks is missing, said aloud',
    async ({ handler, missing }) => {
      const { api, server, batch_id } = await endedBatch(tasks, undefined);
      api.override('results', handler(api));
      const results = await server.ok('get_results', { batch_id });

      expect(fetches(api)).toBe(3);
      expect(results.totals).toEqual({
        total: 5,
        succeeded: 5 - missing.length,
        missing: missing.length,
        pending: 0,
        incomplete: 0,
        errored: 0,
        expired: 0,
        canceled: 0,
      });
      const lost = results.results.filter(({ outcome }: { outcome: string }) => outcome === 'missing');
      expect(lost.map(({ task_id }: { task_id: string }) => task_id)).toEqual(missing);
      expect(results.warnings[0]).toMatch(/The API's results/);
      expect(results.warnings).toHaveLength(missing.length > 0 ? 3 : 1);
      if (missing.length > 0) {
        expect(results.warnings[0]).toContain(`no answer for ${missing.length} tasks`);
        expect(results.error_digest).toMatchObject([{ type: 'missing', count: missing.length }]);
      }
      await server.ok('get_results', { batch_id });
      expect(fetches(api)).toBe(3);
      expect(await leftovers(server.data, batch_id)).toEqual([]);
    },
  );
});

describe('a download that stays', () => {
  eachNthOf(8, failures)('$name is told of, and fetched again at a later look', async ({ handler }) => {
    const { api, server, batch_id } = await endedBatch(tasks, undefined);
    api.override('results', handler(api), { times: 3 });
    const status = await server.ok('batch_status', { batch_id });
    expect(status).toMatchObject({
      processing_status: 'ended',
      results_state: 'downloading',
      outcomes: { pending: 5 },
    });
    expect(status.warnings).toEqual([expect.stringMatching(/results could not be read/)]);
    expect(fetches(api)).toBe(3);

    const results = await server.ok('get_results', { batch_id });
    expect(results).toMatchObject({ totals: { succeeded: 5, pending: 0 }, warnings: [] });
    expect(await leftovers(server.data, batch_id)).toEqual([]);
  });
});

test('a slow download answers in time, and is there at a later look', async () => {
  const { api, server, batch_id } = await endedBatch(tasks, undefined);
  let finish = () => {};
  api.override('results', (_request, response) => {
    response.writeHead(200);
    const body = String(api.batches[0]?.results);
    const firstLine = body.indexOf('\n') + 1;
    response.write(body.slice(0, firstLine + 10));
    finish = () => response.end(body.slice(firstLine + 10));
  });
  const status = await server.ok('batch_status', { batch_id });
  expect(status).toMatchObject({ processing_status: 'ended', results_state: 'downloading' });
  expect(status.next_step).toMatch(/being downloaded/);
  expect(status.progress).toEqual({ stage: 'downloading', done: 1, total: 5 });
  finish();
  const late = await follow(server, batch_id);
  expect(late.outcomes).toMatchObject({ succeeded: 5 });
  expect(fetches(api)).toBe(1);
});

test('results_url is not followed', async () => {
  const { api, server, batch_id } = await endedBatch(tasks, undefined);
  api.override('retrieve', (request, response) => {
    const id = request.url?.split('/').at(-1);
    const counts = { processing: 0, succeeded: 5, errored: 0, canceled: 0, expired: 0 };
    const elsewhere = `${api.url}/stolen`;
    const times = { created_at: new Date(), expires_at: new Date(), ended_at: new Date() };
    json(200, {
      id,
      type: 'message_batch',
      processing_status: 'ended',
      request_counts: counts,
      ...times,
      cancel_initiated_at: null,
      archived_at: null,
      results_url: elsewhere,
    })(request, response);
  });
  expect(await server.ok('get_results', { batch_id })).toMatchObject({ totals: { succeeded: 5 } });
  expect(api.requests.filter(({ path }) => path.includes('stolen'))).toEqual([]);
  expect(fetches(api)).toBe(1);
});

test('an answer that turns out to be no JSON cannot be read, which is not to be missing', async () => {
  const { api, server, batch_id } = await endedBatch(tasks, undefined);
  const spoil = (line: string) =>
    line.includes('"t002"') ? line.replace('"text":"', '"text":"\u0001') : line;
  api.override('results', arriving((lines) => whole(lines.map(spoil)))(api));
  const { results } = await server.ok('get_results', { batch_id });
  expect(results).toHaveLength(5);
  expect(results[1]).toMatchObject({
    task_id: 't002',
    outcome: 'errored',
    error: { type: 'unreadable_result', message: 'The line that holds this answer is not JSON.' },
  });
});

eachNth<[string, ApiHandler]>(2, [
  ['answered 500', json(500, apiError('api_error', 'x'))],
  ['reset', reset],
])(
  'a shortfall after downloads that failed (%s) makes nothing missing: they are tried again',
  async (_name, fail) => {
    const { api, server, batch_id } = await endedBatch(tasks, undefined);
    api.override('results', fail, { times: 2 });
    api.override('results', arriving((lines) => whole(lines.slice(0, 3)))(api), { times: 1 });
    const first = await server.ok('get_results', { batch_id });
    expect(first.totals).toMatchObject({ pending: 5, missing: 0 });
    expect(first.warnings.join()).toMatch(/could not be downloaded whole/);
    const later = await server.ok('get_results', { batch_id });
    expect(later.totals).toMatchObject({ pending: 0, succeeded: 5, missing: 0 });
  },
);

eachNth(2, [
  ['a byte order mark', (lines: string[]) => `\ufeff${whole(lines)}`],
  ['lines of spaces between', (lines: string[]) => lines.join('\r\n \t\r\n')],
])('a download with %s is whole', async (_name, change) => {
  const { api, server, batch_id } = await endedBatch(tasks, undefined);
  api.override('results', arriving(change)(api));
  const results = await server.ok('get_results', { batch_id });
  expect(results).toMatchObject({ totals: { succeeded: 5 }, warnings: [] });
  expect(results.results[0]).toMatchObject({ task_id: 't001', text: 'answer t001' });
  expect(fetches(api)).toBe(1);
});
