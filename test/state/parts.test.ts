import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { follow, ids, prompts, startApi, startCheckedServer } from '../api.ts';
import { type ApiHandler, type ApiServer, apiError, json, succeeded } from '../api-server.ts';
import { eachNth, eachNthOf, long } from '../long.ts';
import { ownId } from '../marks.ts';

/** The bytes of each create's body, as its header tells them. */
const bodyBytes = (api: ApiServer) =>
  api.requests
    .filter(({ route }) => route === 'create')
    .map(({ headers }) => Number(headers['content-length']));

const sentIds = (api: ApiServer) => api.creates.map(({ requests }) => requests.map((each) => each.custom_id));

test('a new part begins before a part would hold too many requests', async () => {
  const api = await startApi({ endsAtOnce: true });
  const server = await startCheckedServer({ api, limits: { partRequests: 2 } });
  const { batch_id } = await server.ok('submit_batch', { requests: prompts(ids(5)) });

  expect(sentIds(api)).toEqual([['t001', 't002'], ['t003', 't004'], ['t005']]);
  const status = await follow(server, batch_id);
  expect(status).toMatchObject({ request_count: 5, part_count: 3, processing_status: 'ended' });
  const { results, totals } = await server.ok('get_results', { batch_id });
  expect(totals).toMatchObject({ total: 5, succeeded: 5 });
  expect(results.map(({ task_id }: { task_id: string }) => task_id)).toEqual(ids(5));
});

eachNthOf(4, [
  { of: 'letters', letter: 'a', bytes: 1 },
  { of: 'letters of two bytes', letter: 'é', bytes: 2 },
  { of: 'letters of three bytes', letter: '語', bytes: 3 },
  { of: 'letters of four bytes', letter: '🜁', bytes: 4 },
])(
  'a new part begins before a part of $of would be too large in bytes, to the last one',
  async ({ letter, bytes }) => {
    const prompt = letter.repeat(600 / bytes);
    const requests = ids(6).map((task_id) => ({ task_id, prompt }));
    const whole = await startApi();
    const measured = await startCheckedServer({ api: whole });
    await measured.ok('submit_batch', { requests: requests.slice(0, 2) });
    const [two = 0] = bodyBytes(whole);

    const fits = await startApi();
    const exact = await startCheckedServer({ api: fits, limits: { partBytes: two } });
    await exact.ok('submit_batch', { requests });
    expect(bodyBytes(fits)).toEqual([two, two, two]);

    const less = await startApi();
    const short = await startCheckedServer({ api: less, limits: { partBytes: two - 1 } });
    await short.ok('submit_batch', { requests });
    expect(less.creates.map((create) => create.requests.length)).toEqual([1, 1, 1, 1, 1, 1]);
  },
);

describe('what is larger than a batch can hold', () => {
  const large = 'x'.repeat(2_000);
  const small = { task_id: 'small', prompt: 'A question.' };
  const limits = { partBytes: 1_000 };

  test('is refused as a task, by its name and size', async () => {
    const api = await startApi();
    const server = await startCheckedServer({ api, limits });
    const text = await server.fails('submit_batch', {
      requests: [small, { task_id: 'large', prompt: large }],
    });
    expect(text).toMatch(/requests\[1\] \(large\): is 2\d\d\d bytes as a request, more than one can have/);
    expect(api.creates).toEqual([]);
  });

  eachNth(2, [
    ['here', Number.POSITIVE_INFINITY],
    ['on threads', 0],
  ])('is refused as a line, with what is wrong before it, examined %s', async (_where, threadedBytes) => {
    const api = await startApi();
    const server = await startCheckedServer({ api, limits: { ...limits, threadedBytes } });
    const lines = [small, { task_id: 'none' }, { task_id: 'large', prompt: 'x'.repeat(2_500_000) }, small];
    await writeFile(
      path.join(server.work, 'tasks.jsonl'),
      lines.map((line) => JSON.stringify(line)).join('\n'),
    );
    const text = await server.fails('submit_batch', { requests_file: 'tasks.jsonl' });
    expect(text).toContain('line 2 (none): task_type');
    expect(text).toContain('line 3: is longer than one batch can hold, and what follows it was not read');
    expect(api.creates).toEqual([]);
  });
});

test('a part that the API refuses is told of, and those before it are there to be read', async () => {
  const api = await startApi();
  const server = await startCheckedServer({ api, limits: { partRequests: 2 } });
  api.override('create', (_request, _response, pass) => pass(), { times: 2, after: true });
  api.override('create', json(403, apiError('permission_error', 'no more today')), { times: 1 });
  const requests = prompts(ids(10));
  const { batch_id } = await server.ok('submit_batch', { requests });
  expect(sentIds(api)).toHaveLength(3);
  api.endAll();

  const status = await follow(server, batch_id, ({ outcomes }) => outcomes.succeeded === 4);
  expect(status).toMatchObject({ processing_status: 'not_sent', part_count: 5 });
  expect(status.warnings.join(' ')).toContain('part 3 of 5');
  const { results, totals } = await server.ok('get_results', { batch_id });
  expect(totals).toMatchObject({ total: 10, succeeded: 4, pending: 6 });
  expect(results.slice(0, 4).map(({ task_id }: { task_id: string }) => task_id)).toEqual(ids(4));

  expect(await server.ok('submit_batch', { requests })).toMatchObject({ batch_id, duplicate: true });
  expect(await server.ok('retry_batch', { batch_id })).toMatchObject({ batch_id });
  expect(sentIds(api).slice(3).flat()).toEqual(ids(10).slice(4));
  api.endAll();
  await follow(server, batch_id);
  const whole = await server.ok('get_results', { batch_id });
  expect(whole.totals).toMatchObject({ total: 10, succeeded: 10 });
  expect(whole.results.map(({ task_id }: { task_id: string }) => task_id)).toEqual(ids(10));
});

describe('a part that cannot be looked at', () => {
  /** Three parts, all ended; `handler` answers for the first of them. */
  async function startParts(route: 'retrieve' | 'results', handler: ApiHandler) {
    const api = await startApi();
    const server = await startCheckedServer({ api, limits: { partRequests: 2 } });
    const { batch_id } = await server.ok('submit_batch', { requests: prompts(ids(6)) });
    api.endAll();
    const first = api.batches[0]?.id ?? '';
    api.override(route, (request, response, pass) => {
      if (request.url?.includes(first)) handler(request, response, pass);
      else pass();
    });
    return { api, server, batch_id };
  }

  eachNthOf(2, [404, 500])('holds back no other, where its results answer %i', async (status) => {
    const { server, batch_id } = await startParts('results', json(status, apiError('not_found_error', 'x')));
    await follow(server, batch_id, ({ outcomes }) => outcomes.succeeded === 4);
    const { totals, results } = await server.ok('get_results', { batch_id });
    expect(totals).toMatchObject({ total: 6, succeeded: 4, pending: 2 });
    expect(results.at(-1)).toMatchObject({ task_id: 't006', text: 'answer t006' });
  });

  test('holds back no other, where it is not known any more', long, async () => {
    const { server, batch_id } = await startParts('retrieve', json(404, apiError('not_found_error', 'x')));
    await follow(server, batch_id, ({ outcomes }) => outcomes.succeeded === 4);
    const { totals, warnings } = await server.ok('get_results', { batch_id });
    expect(totals).toMatchObject({ total: 6, succeeded: 4, pending: 2 });
    expect(warnings.join()).toMatch(/does not know/);
  });
});

test(
  'a raw file of several parts has a line for each task, though their last lines have no end',
  long,
  async () => {
    const api = await startApi({
      endsAtOnce: true,
      results: (requests) =>
        Buffer.from(requests.map((each) => JSON.stringify(succeeded(each, 'x'))).join('\n')),
    });
    const server = await startCheckedServer({ api, limits: { partRequests: 2 } });
    const { batch_id } = await server.ok('submit_batch', { requests: prompts(ids(6)) });
    await follow(server, batch_id);
    await server.ok('get_results', { batch_id, output_file: 'all.raw.jsonl' });
    const lines = (await readFile(path.join(server.work, 'all.raw.jsonl'), 'utf8')).trimEnd().split('\n');
    const found = new Set(lines.map((line) => ownId(JSON.parse(line).custom_id)));
    expect([lines.length, found]).toEqual([6, new Set(ids(6))]);
  },
);
