import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { follow, startApi } from '../api.ts';
import { type ApiHandler, type ApiServer, apiError, hang, json, reset } from '../api-server.ts';
import { type Broken, brokenAnswers } from '../broken-answers.ts';
import { type Reply, startServer, type TestServer, temporaryFolder } from '../harness.ts';
import { eachNth, long } from '../long.ts';

const ids = ['a', 'b', 'c'];
const work = { requests: ids.map((task_id) => ({ task_id, prompt: `say ${task_id}` })) };
const env = { BATCH_MCP_SETTLE_SECONDS: '0.2' };
const little = { callMs: 1_500, stallMs: 1_000 };

/** A server before an API; only before one that falls silent it has little patience. */
async function start(fault?: ApiHandler): Promise<{ api: ApiServer; server: TestServer }> {
  const api = await startApi();
  const isSilent = fault === hang || fault === stalledBody || fault === stalledDownload;
  return { api, server: await startServer({ api, env, ...(isSilent && { patience: little }) }) };
}

/** A batch that the API has: a busy machine may answer the submission while it is still being sent. */
async function submitted(server: TestServer): Promise<string> {
  const { batch_id, processing_status } = await server.ok('submit_batch', work);
  const isSent = (status: Reply) => status.processing_status === 'in_progress' && !status.progress;
  if (processing_status !== 'in_progress') await follow(server, batch_id, isSent);
  return batch_id;
}

async function expectAllAnswers(server: TestServer, batchId: string) {
  const { results, totals } = await server.ok('get_results', { batch_id: batchId });
  expect(totals).toMatchObject({ total: 3, succeeded: 3 });
  expect(results.map((each: Reply) => [each.task_id, each.text])).toEqual(
    ids.map((id) => [id, `answer ${id}`]),
  );
}

function expectPatience(status: Reply, told: RegExp, again: number) {
  const words = status.warnings.join(' ');
  expect(words).toMatch(/The last look did not succeed; what is shown is older/);
  expect(words).toMatch(told);
  expect(words).not.toMatch(/(?<!Nothing is )\blost\b/);
  expect(status.check_again_in_seconds).toBe(again);
}

const error = (status: number, type: string, headers = {}) =>
  json(status, apiError(type, 'told by the API'), headers);
const garbage: ApiHandler = (_request, response) =>
  response.writeHead(200, { 'content-type': 'application/json' }).end('<html>maintenance</html>');
const cutBody: ApiHandler = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '500' });
  response.write('{"id":"msgbatch_');
  setTimeout(() => response.destroy(), 20);
};
const stalledBody: ApiHandler = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.write('{"id":"msgbatch_');
};

/** `requests`: how often one look asks; what may have been a broken connection is asked for once more. */
type Fault = [name: string, handler: ApiHandler, requests: number, told: RegExp];

/** Ten thousand times larger than it comes. */
const endless: ApiHandler = (_request, response) =>
  response
    .writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
    .end(gzipSync(Buffer.alloc(40_000_000, ' ')));

const faults: Fault[] = [
  ['an answer without end', endless, 2, /the answer is longer than 10 MB/],
  ['429', error(429, 'rate_limit_error', { 'retry-after': '7' }), 1, /in 7 seconds/],
  ['529', error(529, 'overloaded_error'), 1, /busy/],
  ['500', error(500, 'api_error'), 2, /500 api_error/],
  ['502 in HTML', (_, response) => response.writeHead(502).end('<html>bad gateway</html>'), 2, /502/],
  ['504', error(504, 'timeout_error'), 2, /504/],
  ['a reset', reset, 2, /the connection failed/],
  ['a hang', hang, 1, /no answer within 1.5 seconds/],
  ['a 200 that is no JSON', garbage, 2, /could not be/],
  ['a 200 cut in its body', cutBody, 2, /could not be/],
  ['a 200 that stalls in its body', stalledBody, 1, /no answer within 1.5 seconds/],
  ['a 200 of another shape', json(200, { type: 'message_batch', id: 7 }), 2, /could not be/],
  [
    'a 200 of another batch',
    json(200, {
      id: 'msgbatch_of_others',
      processing_status: 'ended',
      request_counts: { succeeded: 3 },
      created_at: '2026-11-22T10:00:00Z',
    }),
    2,
    /another batch, msgbatch_of_others|could not be/,
  ],
  [
    'a redirect',
    (_, response) => response.writeHead(307, { location: 'http://127.0.0.1:9/' }).end(),
    2,
    /redirects elsewhere \(307\), to 127\.0\.0\.1:9/,
  ],
  ['401', error(401, 'authentication_error'), 1, /check ANTHROPIC_API_KEY/],
  ['403', error(403, 'permission_error'), 1, /403 permission_error/],
];

describe('a look at the status that goes wrong', () => {
  const notFound: Fault = ['a passing 404', error(404, 'not_found_error'), 1, /which can pass/];
  eachNth(10, [...faults, notFound])('%s', async (_name, handler, requests, told) => {
    const { api, server } = await start(handler);
    const batch_id = await submitted(server);
    api.override('retrieve', handler, { times: requests });
    const status = await server.ok('batch_status', { batch_id });
    expect(api.asked('retrieve')).toBe(requests);
    expect(status).toMatchObject({ processing_status: 'in_progress', outcomes: { pending: 3 } });
    expectPatience(status, told, 120);

    api.endAll();
    const later = await follow(server, batch_id);
    expect(later.warnings).toEqual([]);
    await expectAllAnswers(server, batch_id);
    expect(api.creates).toHaveLength(1);
  });

  it('says what a 404 can mean once it has lasted ten minutes', async () => {
    const api = await startApi();
    let minutes = 0;
    const now = () => new Date(Date.now() + minutes * 60_000);
    const server = await startServer({ api, env, now });
    const batch_id = await submitted(server);
    api.override('retrieve', error(404, 'not_found_error'), { times: 3 });
    expectPatience(await server.ok('batch_status', { batch_id }), /which can pass/, 120);
    minutes = 5;
    expectPatience(await server.ok('batch_status', { batch_id }), /which can pass/, 120);
    minutes = 11;
    const status = await server.ok('batch_status', { batch_id });
    expectPatience(status, /Since .* has answered .* another workspace, or somebody deleted/, 300);
    expect(status.processing_status).toBe('in_progress');

    // Known again: the next one starts anew.
    await server.ok('batch_status', { batch_id });
    api.override('retrieve', error(404, 'not_found_error'), { times: 1 });
    expectPatience(await server.ok('batch_status', { batch_id }), /which can pass/, 300);
  });
});

describe('a list that goes wrong while an uncertain create is settled', () => {
  async function submitThrough(handler: ApiHandler, times: number) {
    const { api, server } = await start(handler);
    // From here on only: the list asked for before the create is well.
    api.override(
      'create',
      (request, response) => {
        api.override('list', handler, { times });
        reset(request, response);
      },
      { times: 1, after: true },
    );
    return { api, server, submitted: await server.ok('submit_batch', work) };
  }

  async function expectPaidOnce(api: ApiServer, server: TestServer, batchId: string) {
    api.endAll();
    await follow(server, batchId);
    await expectAllAnswers(server, batchId);
    expect(api.creates).toHaveLength(1);
  }

  const canPass = ([name]: Fault) => name !== '401' && name !== '403';

  eachNth(12, faults.filter(canPass))('once, is asked again: %s', async (_name, handler, requests) => {
    const { api, server, submitted } = await submitThrough(handler, requests);
    expect(submitted.processing_status).toBe('in_progress');
    expect(api.asked('list')).toBe(1 + requests + 1);
    await expectPaidOnce(api, server, submitted.batch_id);
  });

  const PAGE_TRIES = 5;
  eachNth(4, [
    ...faults.filter((fault) => !canPass(fault)),
    ['529, for as long as it looks', error(529, 'overloaded_error'), PAGE_TRIES, /busy/] satisfies Fault,
  ])('ends the look: %s', async (_name, handler, requests, told) => {
    const { api, server, submitted } = await submitThrough(handler, requests);
    expect(submitted.processing_status).toBe('unconfirmed');
    expectPatience(submitted, told, 60);
    expect(api.asked('list')).toBe(1 + requests);
    await expectPaidOnce(api, server, submitted.batch_id);
  });

  it('holds no call up longer than 25 seconds', long, async () => {
    const api = await startApi();
    const server = await startServer({ api, env });
    const busy = error(529, 'overloaded_error', { 'retry-after': '9' });
    api.override(
      'create',
      (request, response) => {
        api.override('list', busy);
        reset(request, response);
      },
      { times: 1, after: true },
    );
    const within = async (tool: string, args: object) => {
      const began = performance.now();
      const { text } = await server.call(tool, args);
      expect(performance.now() - began, `${tool}: ${text}`).toBeLessThan(25_000);
      return text;
    };
    const batch_id = /batch_\w{26}/.exec(await within('submit_batch', work))?.[0] ?? '';
    await within('batch_status', { batch_id });
    await within('retry_batch', { batch_id, resolve: 'send_again' });
    await within('list_batches', { include_remote: true });
    expect(api.creates).toHaveLength(1);
  });

  it('goes out only when the list before the create is whole', async () => {
    const { api, server } = await start();
    api.override('list', error(529, 'overloaded_error'), { times: 1 });
    const submitted = await server.ok('submit_batch', work);
    expect(submitted.processing_status).toBe('not_sent');
    expect(submitted.warnings.join(' ')).toMatch(/none of it is paid/);
    expect(api.creates).toHaveLength(0);
    const again = await server.ok('submit_batch', work);
    expect(again).toMatchObject({ batch_id: submitted.batch_id, processing_status: 'in_progress' });
    expect(api.creates).toHaveLength(1);
  });
});

describe('a cancel that goes wrong', () => {
  eachNth(
    4,
    faults.map(([name, handler]): [string, ApiHandler] => [name, handler]),
  )('%s is asked for once, and told', async (_name, handler) => {
    const { api, server } = await start(handler);
    const batch_id = await submitted(server);
    api.override('cancel', handler, { times: 1 });
    expect(await server.fails('cancel_batch', { batch_id })).toMatch(/could not be canceled/);
    expect(api.asked('cancel')).toBe(1);
    expect((await server.ok('batch_status', { batch_id })).processing_status).toBe('in_progress');
    expect((await server.ok('cancel_batch', { batch_id })).processing_status).toBe('canceling');
  });
});

type Lines = (lines: string[]) => string;
const download =
  (api: ApiServer, change: Lines): ApiHandler =>
  (_request, response) => {
    const lines = api.batches[0]?.results.toString().split('\n').slice(0, -1) ?? [];
    response.writeHead(200, { 'content-type': 'application/x-jsonl' }).end(change(lines));
  };
const joined = (lines: string[]) => lines.map((line) => `${line}\n`).join('');

const cuts: [name: string, change: Lines, told: RegExp][] = [
  ['cut at a line boundary', (lines) => joined(lines.slice(0, 2)), /hold no answer for 1 tasks/],
  ['cut within a line', (lines) => joined(lines).slice(0, -20), /hold no answer for 1 tasks/],
  ['with a line left out', (lines) => joined(lines.slice(1)), /hold no answer for 1 tasks/],
  ['with a line twice', (lines) => joined([...lines, ...lines.slice(0, 1)]), /1 repeated/],
  [
    'with a line of a stranger',
    (lines) => joined([...lines, (lines[0] ?? '').replace('"a"', '"x"')]),
    /1 of unknown ids/,
  ],
  ['with a line that is no JSON', (lines) => joined([...lines.slice(1), 'oops']), /1 unreadable/],
  ['that is empty', () => '', /hold no answer for 3 tasks/],
];

const half =
  (end: (response: Parameters<ApiHandler>[1]) => void): ApiHandler =>
  (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/x-jsonl' });
    response.write('{"custom_id":"a","result":{"type":"succe');
    end(response);
  };
const stalledDownload = half(() => {});
const instead =
  (body: string | Buffer): ApiHandler =>
  (_request, response) =>
    response.writeHead(200, { 'content-type': 'application/x-jsonl' }).end(body);
const expired = (...ids: string[]) =>
  joined(ids.map((custom_id) => JSON.stringify({ custom_id, result: { type: 'expired' } })));
const brokenDownloads: [string, ApiHandler][] = [
  ['a page of HTML', instead('<html>maintenance</html>\n<p>Come back later.</p>')],
  ['an error with status 200', instead(JSON.stringify(apiError('overloaded_error', 'busy')))],
  ['all in one array', instead('[{"custom_id":"a","result":{"type":"expired"}}]')],
  ['a stream of events', instead('data: {"custom_id":"a","result":{"type":"expired"}}\n\n')],
  ['null', instead('null')],
  ['the results of another batch of ours', instead(expired('a', 'b', `c_mark_${'x'.repeat(20)}`))],
  ['the results of another program', instead(expired('a', 'b', 'c'))],
  ['UTF-16', instead(Buffer.from('\ufeff{"custom_id":"a"}', 'utf16le'))],
  ['429', error(429, 'rate_limit_error')],
  ['500', error(500, 'api_error')],
  ['529', error(529, 'overloaded_error')],
  ['404', error(404, 'not_found_error')],
  ['a reset', reset],
  ['a hang', hang],
  ['a socket cut within a line', half((response) => setTimeout(() => response.destroy(), 20))],
  ['a body that stalls', stalledDownload],
];

describe('a download that goes wrong', () => {
  eachNth(12, cuts)('%s once is fetched again', async (_name, change) => {
    const { api, server } = await start();
    const { batch_id } = await server.ok('submit_batch', work);
    api.endAll();
    api.override('results', download(api, change), { times: 1 });
    expect((await follow(server, batch_id)).warnings).toEqual([]);
    expect(api.asked('results')).toBe(2);
    await expectAllAnswers(server, batch_id);
  });

  eachNth(12, cuts)('%s each time is told, after three fetches', async (_name, change, told) => {
    const { api, server } = await start();
    const { batch_id } = await server.ok('submit_batch', work);
    api.endAll();
    api.override('results', download(api, change));
    const status = await follow(server, batch_id);
    expect(api.asked('results')).toBe(3);
    expect(status.warnings.join(' ')).toMatch(told);
    const { totals } = await server.ok('get_results', { batch_id });
    const { total, ...outcomes } = totals;
    expect(Object.values<number>(outcomes).reduce((sum, count) => sum + count, 0)).toBe(total);
    expect(totals.pending).toBe(0);
    // What is missing may have been paid.
    expect(await server.ok('submit_batch', work)).toMatchObject({ batch_id, duplicate: true });
    expect(api.creates).toHaveLength(1);
  });

  eachNth(10, brokenDownloads)('%s once is fetched again', async (_name, handler) => {
    const { api, server } = await start(handler);
    const { batch_id } = await server.ok('submit_batch', work);
    api.endAll();
    api.override('results', handler, { times: 1 });
    await follow(server, batch_id);
    expect(api.asked('results')).toBe(2);
    await expectAllAnswers(server, batch_id);
  });

  eachNth(14, brokenDownloads)(
    '%s three times is told, and fetched at the next look',
    async (_name, handler) => {
      const { api, server } = await start(handler);
      const { batch_id } = await server.ok('submit_batch', work);
      api.endAll();
      api.override('results', handler, { times: 3 });
      const status = await follow(server, batch_id, ({ warnings }) => warnings.length > 0);
      expect(api.asked('results')).toBe(3);
      expect(status).toMatchObject({ processing_status: 'ended', results_state: 'downloading' });
      expectPatience(status, /could not be read/, 5);
      await follow(server, batch_id);
      await expectAllAnswers(server, batch_id);
      expect(api.creates).toHaveLength(1);
    },
  );

  it('by two processes at once does no harm', async () => {
    const { api } = await start();
    const folder = await temporaryFolder();
    const servers = [await startServer({ api, folder }), await startServer({ api, folder })];
    const { batch_id } = (await servers[0]?.ok('submit_batch', work)) ?? {};
    api.endAll();
    const waiting: (() => void)[] = [];
    for (let fetch = 0; fetch < 2; fetch += 1) {
      api.override(
        'results',
        (request, response, pass) => {
          waiting.push(() => download(api, joined)(request, response, pass));
          if (waiting.length === 2) for (const answer of waiting) answer();
        },
        { times: 1 },
      );
    }
    // Neither is answered before both have asked.
    const replies = await Promise.all(servers.map((one) => one.ok('get_results', { batch_id })));
    expect(replies.map(({ totals }) => totals.succeeded)).toEqual([3, 3]);
    expect(replies[0]?.results).toEqual(replies[1]?.results);
    const files = await readdir(path.join(folder, 'data', 'batches', batch_id));
    expect(files.filter((name) => name.includes('results')).sort()).toEqual([
      'part-0001.results.idx',
      'part-0001.results.jsonl',
    ]);
  });
});

describe('an answer that breaks on the wire', () => {
  const rows = brokenAnswers.map((broken): [string, Broken] => [broken.name, broken]);
  const startBefore = ({ isSilent }: Broken, api: ApiServer) =>
    startServer({ api, env, ...(isSilent && { patience: { callMs: 600, stallMs: 400 } }) });

  eachNth(80, rows)('of a download, %s, is fetched again', async (_name, broken) => {
    const api = await startApi();
    const server = await startBefore(broken, api);
    const { batch_id } = await server.ok('submit_batch', work);
    api.endAll();
    const body = () => api.batches[0]?.results ?? Buffer.alloc(0);
    api.override('results', broken.handler(body), { times: 2 });
    expect((await follow(server, batch_id)).warnings).toEqual([]);
    expect(api.asked('results')).toBeLessThanOrEqual(3);
    await expectAllAnswers(server, batch_id);
    expect(api.creates).toHaveLength(1);
  });

  eachNth(80, rows)('of a list by which a create is settled, %s, proves nothing', async (_name, broken) => {
    const api = await startApi();
    const server = await startBefore(broken, api);
    // Seen here, it would say that the batch was not made.
    const none = () =>
      Buffer.from(JSON.stringify({ data: [], has_more: false, first_id: null, last_id: null }));
    const page = () =>
      Buffer.from(JSON.stringify({ data: [api.describe(api.batches[0]?.id ?? '')], has_more: false }));
    const isWhole = broken.name.includes('after the end');
    api.override(
      'create',
      (request, response) => {
        api.override('list', broken.handler(isWhole ? page : none), { times: 2 });
        reset(request, response);
      },
      { times: 1, after: true },
    );
    const { batch_id } = await server.ok('submit_batch', work);
    api.endAll();
    await follow(server, batch_id);
    await expectAllAnswers(server, batch_id);
    expect(api.creates).toHaveLength(1);
  });
});
