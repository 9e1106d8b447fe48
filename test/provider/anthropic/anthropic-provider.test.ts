import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { renderError } from '../../../src/errors.ts';
import { createAnthropicProvider } from '../../../src/provider/anthropic/anthropic-provider.ts';
import type { Provider } from '../../../src/provider/provider.ts';
import { type ApiServer, apiError, hang, json, reset, startApiServer } from '../../api-server.ts';
import { eachNth, long } from '../../long.ts';
import { collectGarbage, mostHeldDuring } from '../../memory.ts';
import { bodyFile, download, failure } from '../calls.ts';

const body = {
  requests: [{ custom_id: 'a', params: { model: 'm', max_tokens: 1, messages: [], note: 'ü' } }],
};

let folder: string;
let api: ApiServer;
let provider: Provider;
let logged: string[];
const log = (_level: string, message: string) => void logged.push(message);

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'batch-mcp-'));
  // The SDK also reads profiles from here; none of this machine's may be found.
  vi.stubEnv('ANTHROPIC_CONFIG_DIR', folder);
  for (const name of ['API_KEY', 'AUTH_TOKEN', 'BASE_URL', 'CUSTOM_HEADERS', 'PROFILE', 'WORKSPACE_ID']) {
    vi.stubEnv(`ANTHROPIC_${name}`, undefined);
  }
  logged = [];
  api = await startApiServer();
  provider = createAnthropicProvider({ apiKey: api.key, baseUrl: api.url, log });
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await provider.close();
  await api.close();
  await rm(folder, { recursive: true });
});

/** The body as a file, as the store has it. */
const bodyToSend = (content: unknown = body) => bodyFile(folder, content);

describe('the main way', () => {
  it('creates from the bytes of a file, with the key and without retries', async () => {
    const batch = await provider.createBatch(await bodyToSend(), 5000);
    expect(batch).toMatchObject({ id: api.batches[0]?.id, processing_status: 'in_progress', ended_at: null });
    expect(api.creates).toEqual([body]);
    expect(api.requests[0]?.headers).toMatchObject({
      authorization: `Bearer ${api.key}`,
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(await readFile(path.join(folder, 'body.json')))),
    });
  });

  it('retrieves, lists by page, cancels and downloads', async () => {
    const file = await bodyToSend();
    const first = await provider.createBatch(file, 5000);
    const second = await provider.createBatch(file, 5000);
    const page = await provider.listBatches({ limit: 1 });
    expect(page).toMatchObject({ batches: [{ id: second.id }], has_more: true, last_id: second.id });
    const rest = await provider.listBatches({ limit: 1, after_id: second.id });
    expect(rest).toMatchObject({ batches: [{ id: first.id }], has_more: false });
    expect((await provider.cancelBatch(first.id)).processing_status).toBe('canceling');
    api.endAll();
    expect((await provider.retrieveBatch(first.id)).request_counts.succeeded).toBe(1);
    expect(JSON.parse(await download(provider, first.id)).custom_id).toBe('a');
  });

  it('asks the configured host for results, whatever results_url says', async () => {
    const { id } = await provider.createBatch(await bodyToSend(), 5000);
    api.endAll();
    await download(provider, id);
    expect(api.requests.at(-1)?.path).toBe(`/v1/messages/batches/${id}/results`);
  });

  it.each<[what: string, times: object]>([
    ['missing', {}],
    ['null', { expires_at: null, ended_at: null, cancel_initiated_at: null }],
    ['empty', { expires_at: '', ended_at: '', cancel_initiated_at: '' }],
    ['no times', { expires_at: 'tomorrow', ended_at: 'never', cancel_initiated_at: '-' }],
    ['numbers', { expires_at: 20261123, ended_at: 0, cancel_initiated_at: false }],
  ])('takes optional fields that are unknown, and times that are %s', async (_what, times) => {
    const answer = {
      id: 'msgbatch_1',
      processing_status: 'in_progress',
      request_counts: { processing: 1, later: 1 },
      created_at: '2026-11-22T10:00:00Z',
      ...times,
      novelty: true,
    };
    api.override('retrieve', json(200, answer));
    expect(await provider.retrieveBatch('msgbatch_1')).toMatchObject({
      request_counts: { processing: 1, succeeded: 0, errored: 0, canceled: 0, expired: 0 },
      expires_at: '2026-11-23T10:00:00.000Z',
      ended_at: null,
      cancel_initiated_at: null,
    });
  });

  it.each<[form: string, time: string | number]>([
    ['without a zone', '2026-11-22T10:00:00.500'],
    ['without a zone, and with a blank', '2026-11-22 10:00:00.500'],
    ['in another zone', '2026-11-22T15:30:00.500+05:30'],
    ['in microseconds', '2026-11-22T10:00:00.500000Z'],
    ['in seconds since 1970', 1795341600.5],
    ['in milliseconds since 1970', 1795341600500],
    ['in such seconds as a text', '1795341600.500'],
    ['in such milliseconds as a text', ' 1795341600500 '],
  ])('takes times that are written %s, wherever this computer is', async (_form, time) => {
    vi.stubEnv('TZ', 'America/New_York');
    const { id } = await provider.createBatch(await bodyToSend(), 5000);
    const times = { created_at: time, expires_at: time, ended_at: time, cancel_initiated_at: time };
    api.override('retrieve', json(200, { ...api.describe(id), ...times }));
    const read = await provider.retrieveBatch(id);
    const meant = Date.parse('2026-11-22T10:00:00.500Z');
    expect(
      [read.created_at, read.expires_at, read.ended_at, read.cancel_initiated_at].map((each) =>
        Date.parse(each ?? ''),
      ),
    ).toEqual([meant, meant, meant, meant]);
  });

  it.each<[what: string, told: object]>([
    ['no counts', { request_counts: undefined }],
    ['null for its counts', { request_counts: null }],
    ['counts that are none', { request_counts: { processing: -1 } }],
    ['no status', { processing_status: undefined }],
    ['no time', { created_at: undefined }],
    ['a time that is none', { created_at: 'just now' }],
    ['nothing but its id', { request_counts: null, processing_status: null, created_at: null }],
  ])('takes a batch that was made, of which the answer tells %s', async (_what, told) => {
    api.override(
      'create',
      (request, response) =>
        json(200, { ...api.describe(api.batches[0]?.id ?? ''), ...told })(request, response),
      { after: true },
    );
    const made = await provider.createBatch(await bodyToSend(), 5000);
    expect(made).toMatchObject({ id: api.batches[0]?.id, processing_status: 'in_progress', ended_at: null });
    expect(Math.abs(Date.parse(made.created_at) - Date.now())).toBeLessThan(60_000);
  });

  it('takes no ticket of a gateway for a batch', async () => {
    api.override('create', json(202, { id: 'job-17', status: 'queued' }));
    expect(await failure(provider.createBatch(await bodyToSend(), 5000))).toMatchObject({
      code: 'api_uncertain',
    });
  });

  it.each([
    ['finalizing', null, 'in_progress'],
    ['completed', '2026-11-22T11:00:00Z', 'ended'],
    ['canceling', '2026-11-22T11:00:00Z', 'canceling'],
  ])(
    'takes a list with a batch that is %s, with an end at %s',
    async (processing_status, ended_at, taken) => {
      const counts = { processing: null, succeeded: 2, errored: null, canceled: null, expired: null };
      const other = {
        id: 'msgbatch_2',
        processing_status,
        request_counts: counts,
        created_at: '2026-11-22',
        ended_at,
      };
      api.override('list', json(200, { data: [other], has_more: false, last_id: 'msgbatch_2' }));
      expect((await provider.listBatches({ limit: 5 })).batches).toMatchObject([
        { processing_status: taken, request_counts: { processing: 0, succeeded: 2 } },
      ]);
    },
  );
});

describe('what an answer means for a create', () => {
  const limit = { error_code: 'enforced_spend_limit_reached' };
  const coded = (error_code: string) => ({ error_code });
  const rows: [number, string, object | undefined, string, RegExp][] = [
    [400, 'invalid_request_error', undefined, 'api_refused', /Correct what the API names/],
    [401, 'authentication_error', undefined, 'api_refused', /key/],
    [402, 'billing_error', undefined, 'api_refused', /billing/],
    [403, 'permission_error', undefined, 'api_refused', /key/],
    [404, 'not_found_error', undefined, 'api_not_found', /ANTHROPIC_BASE_URL/],
    [413, 'request_too_large', undefined, 'api_refused', /256 MB/],
    [422, 'invalid_request_error', undefined, 'api_refused', /try again/],
    [429, 'rate_limit_error', undefined, 'api_busy', /7 seconds/],
    [429, 'rate_limit_error', limit, 'api_spend_limit', /ask the person/],
    [429, 'rate_limit_error', coded('contract_spend_limit_reached'), 'api_spend_limit', /ask the person/],
    [429, 'rate_limit_error', coded('ramp_limit_exceeded'), 'api_busy', /7 seconds/],
    [
      400,
      'invalid_request_error',
      coded('workspace_human_review_disabled'),
      'api_refused',
      /another workspace/,
    ],
    [503, 'api_error', coded('cmek_context_unavailable'), 'api_refused', /Nothing was made.*encryption key/],
    [503, 'api_error', coded('cmek_key_unreachable'), 'api_refused', /Nothing was made.*encryption key/],
    [503, 'api_error', coded('something_else'), 'api_uncertain', /not known/],
    [529, 'overloaded_error', undefined, 'api_busy', /7 seconds/],
    [408, 'timeout_error', undefined, 'api_uncertain', /not known/],
    [409, 'conflict_error', undefined, 'api_uncertain', /not known/],
    [500, 'api_error', undefined, 'api_uncertain', /not known/],
    [503, 'api_error', undefined, 'api_uncertain', /not known/],
    [504, 'timeout_error', undefined, 'api_uncertain', /not known/],
  ];
  eachNth(6, rows)('%i %s %o → %s', async (status, type, details, code, advice) => {
    api.override('create', json(status, apiError(type, 'because', details), { 'retry-after': '7' }));
    const error = await failure(provider.createBatch(await bodyToSend(), 5000));
    expect(error).toMatchObject({
      code,
      api: { status, type, request_id: 'req_test', retry_after_seconds: 7 },
    });
    expect(error.message).toMatch(advice);
    expect(error.message).toContain('"because"');
    expect(error.cause).toMatchObject({ status });
    expect(api.creates).toHaveLength(1);
  });

  it.each([
    ['insufficient_quota', 'insufficient_quota', 'api_spend_limit', /ask the person.*ANTHROPIC_BASE_URL/],
    ['invalid_request_error', 'billing_hard_limit_reached', 'api_spend_limit', /ask the person/],
    ['budget_exceeded', '400', 'api_spend_limit', /ask the person/],
    ['requests', 'rate_limit_exceeded', 'api_busy', /busy/],
    ['tokens', null, 'api_busy', /busy/],
  ])("429 in OpenAI's form: %s, %s → %s", async (type, code, meant, advice) => {
    api.override('create', json(429, { error: { message: 'because', type, param: null, code } }));
    const error = await failure(provider.createBatch(await bodyToSend(), 5000));
    expect(error).toMatchObject({ code: meant });
    expect(error.message).toMatch(advice);
  });

  it.each([400, 402, 403])('%i of a gateway whose budget is used up is a spend limit', async (status) => {
    const error = { message: 'Budget has been exceeded!', type: 'budget_exceeded', param: null, code: '400' };
    for (const route of ['create', 'list'] as const) api.override(route, json(status, { error }));
    const body = await bodyToSend();
    const calls = [() => provider.createBatch(body, 5000), () => provider.listBatches({ limit: 1 })];
    for (const call of calls) {
      const { code, message } = await failure(call());
      expect(code).toBe('api_spend_limit');
      expect(message).toMatch(/"Budget has been exceeded!".*where it is set/);
    }
  });

  const listed = { error: { message: ['no batches'], type: null } };
  it.each<[what: string, body: unknown, says: string | null]>([
    ['a message that is an object', { type: 'error', error: { type: 'x', message: { no: 1 } } }, null],
    ['a message that is a list', listed, 'no batches'],
    ['a type that is a number', { error: { message: 'no', type: 5 } }, 'no'],
    ['a type that is an object', { error: { message: 'no', type: {} } }, 'no'],
    ['an error that is a text', { error: 'unauthorized' }, 'unauthorized'],
    ['an error of Cloudflare', { success: false, errors: [{ code: 1, message: 'no' }] }, 'no'],
    ['a message alone', { status: 'failure', message: 'Invalid API Key' }, 'Invalid API Key'],
    ['a detail', { detail: 'Not authenticated' }, 'Not authenticated'],
    ['details of a validator', { detail: [{ loc: ['body'], msg: 'Field required' }] }, 'Field required'],
    ['problem+json', { type: 'about:blank', title: 'Forbidden', detail: 'No access' }, 'No access'],
    ['a list of Google', [{ error: { code: 403, message: 'denied' } }], 'denied'],
    ['a text in JSON', 'error code: 1010', 'error code: 1010'],
    ['a page', '<html>no</html>', null],
    ['an empty object', {}, null],
  ])('a refusal with %s is one, and told in its words', async (_what, body, says) => {
    for (const route of ['create', 'list'] as const) api.override(route, json(403, body));
    const error = await failure(provider.createBatch(await bodyToSend(), 5000));
    expect(error).toMatchObject({ code: 'api_refused', api: { status: 403 } });
    const unlisted = await failure(provider.listBatches({ limit: 1 }));
    for (const { message } of [error, unlisted]) {
      expect(/"(.*?)"/.exec(message)?.[1] ?? null).toBe(says);
    }
  });

  it.each<[text: string, says: RegExp]>([
    ['error code: 1015', /\(429\): "error code: 1015"\. The API is busy/],
    ['<html>busy</html>', /\(429\)\. The API is busy/],
    ['null', /\(429\)\. The API is busy/],
  ])('429 in words: %s', async (text, says) => {
    api.override('create', (_request, response) => response.writeHead(429).end(text));
    expect((await failure(provider.createBatch(await bodyToSend(), 5000))).message).toMatch(says);
  });

  it('a host that counts no tokens is told of as that', async () => {
    api.override('count', json(404, apiError('not_found_error', 'Not found')));
    const messages = [{ role: 'user', content: 'x' }];
    const error = await failure(provider.countTokens({ model: 'claude-haiku-5-5', messages }, 5000));
    expect(error.message).toMatch(/does not offer this; everything else works without it/);
  });

  it.each([400, 402])('a credit that is too low is about the account (%i)', async (status) => {
    const message = 'Your credit balance is too low to access the Anthropic API.';
    api.override('create', json(status, apiError('invalid_request_error', message)));
    const error = await failure(provider.createBatch(await bodyToSend(), 5000));
    expect(error.code).toBe('api_refused');
    expect(error.message).toMatch(/about the account.*top up.*retry_batch/);
  });

  it.each([
    ['no JSON', '{"id": "msgb', 'application/json'],
    ['another shape', '{"id": ""}', 'application/json'],
    ['an id that is a path', '{"id": "../x"}', 'application/json'],
    ['a web page', '<html>', 'text/html'],
  ])('2xx with %s is uncertain', async (_name, text, type) => {
    api.override('create', (_request, response) => response.setHeader('content-type', type).end(text));
    expect((await failure(provider.createBatch(await bodyToSend(), 5000))).code).toBe('api_uncertain');
  });

  it('a redirect is not followed, and uncertain', async () => {
    api.override('create', (_request, response) =>
      response.writeHead(307, { location: `${api.url}/elsewhere` }).end(),
    );
    expect((await failure(provider.createBatch(await bodyToSend(), 5000))).code).toBe('api_uncertain');
    expect(api.requests).toHaveLength(1);
  });

  it('a reset is uncertain', async () => {
    api.override('create', reset);
    const error = await failure(provider.createBatch(await bodyToSend(), 5000));
    expect(error.code).toBe('api_uncertain');
    expect(api.creates).toHaveLength(1);
  });

  it('headers that never come are given up at the time limit, after one request', async () => {
    api.override('create', hang);
    const error = await failure(provider.createBatch(await bodyToSend(), 300));
    expect(error.code).toBe('api_uncertain');
    expect(error.message).toMatch(/no answer within 0.3 seconds/);
    await sleep(1_200);
    expect(api.creates).toHaveLength(1);
  });

  it('a body that never ends is given up at the time limit', async () => {
    api.override('create', (_request, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).write('{'),
    );
    expect((await failure(provider.createBatch(await bodyToSend(), 300))).code).toBe('api_uncertain');
  });

  it('a body is closed when its sending is given up', async () => {
    api.override('create', hang);
    let closed = false;
    async function* endless() {
      try {
        for (;;) yield Buffer.alloc(64 * 1024);
      } finally {
        closed = true;
      }
    }
    const error = await failure(provider.createBatch({ bytes: 1e9, open: endless }, 300));
    expect([error.code, closed]).toEqual(['api_uncertain', true]);
  });
});

describe('what never arrives', () => {
  it.each([
    ['a refused connection', 'closed'],
    ['a name that does not resolve', 'http://no-such-host.invalid'],
    ['TLS spoken to a host without it', 'https'],
    ['no URL', 'nonsense'],
  ])('%s is unreachable', async (_name, baseUrl) => {
    const target =
      baseUrl === 'https' ? api.url.replace('http:', 'https:') : baseUrl.replace('closed', api.url);
    if (baseUrl === 'closed') await api.close();
    const lost = createAnthropicProvider({ apiKey: 'k', baseUrl: target, log });
    const error = await failure(lost.createBatch(await bodyToSend(), 20_000));
    expect(error.message).toMatch(/Nothing was sent/);
    expect(error.code).toBe('api_unreachable');
  });

  it('a connection that does not come about within ten seconds is unreachable', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    // It takes the connection, and never speaks TLS.
    const server = createTcpServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const lost = createAnthropicProvider({ apiKey: 'k', baseUrl: `https://127.0.0.1:${port}`, log });
    const connected = once(server, 'connection');
    const failing = failure(lost.createBatch(await bodyToSend(), 60_000));
    await connected;
    vi.advanceTimersByTime(10_000);
    expect(await failing).toMatchObject({
      code: 'api_unreachable',
      message: expect.stringContaining('ETIMEDOUT'),
    });
    server.close();
  });

  it('a connection closed without a word is uncertain', async () => {
    const server = createTcpServer((socket) => socket.end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const lost = createAnthropicProvider({ apiKey: 'k', baseUrl: `http://127.0.0.1:${port}`, log });
    expect((await failure(lost.createBatch(await bodyToSend(), 5000))).code).toBe('api_uncertain');
    server.close();
  });
});

describe('reads', () => {
  it('counting keeps its connection, and asks again where that has broken', async () => {
    const sockets: Socket[] = [];
    api.override('count', (request, response) => {
      sockets.push(request.socket);
      if (sockets.length === 4) request.socket.destroy();
      else response.setHeader('content-type', 'application/json').end('{"input_tokens":7}');
    });
    const params = { model: 'claude-haiku-5-5', messages: [{ role: 'user', content: 'x' }] };
    for (let i = 0; i < 4; i += 1) expect(await provider.countTokens(params, 5000)).toBe(7);
    expect(sockets.map((socket) => sockets.indexOf(socket))).toEqual([0, 0, 0, 0, 4]);
  });

  it('are repeated once when the first one broke', async () => {
    const { id } = await provider.createBatch(await bodyToSend(), 5000);
    api.override('retrieve', reset, { times: 1 });
    expect((await provider.retrieveBatch(id)).id).toBe(id);
    api.override('retrieve', json(500, apiError('api_error', 'x')), { times: 2 });
    expect((await failure(provider.retrieveBatch(id))).code).toBe('api_uncertain');
  });

  it('are not repeated when the API said to wait; a cancel never is', async () => {
    api.override('list', json(429, apiError('rate_limit_error', 'x'), { 'retry-after': '1' }));
    expect((await failure(provider.listBatches({ limit: 1 }))).code).toBe('api_busy');
    api.override('cancel', json(500, apiError('api_error', 'x')));
    expect((await failure(provider.cancelBatch('msgbatch_1'))).code).toBe('api_uncertain');
    expect(api.requests).toHaveLength(2);
  });

  it.each<[headers: Record<string, string>, seconds: number | undefined]>([
    [{ 'retry-after': '7' }, 7],
    [{ 'retry-after': ' 1.5 ' }, 1.5],
    [{ 'retry-after': '7s' }, 7],
    [{ 'retry-after': '7 seconds' }, 7],
    [{ 'retry-after': '7, 7' }, 7],
    [{ 'retry-after': '-3' }, 0],
    [{ 'retry-after': '999999999999' }, 86_400],
    [{ 'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT' }, 0],
    [{ 'retry-after': 'Wed, 21 Oct 2099 07:28:00 GMT' }, 86_400],
    [{ 'retry-after-ms': '2500' }, 2.5],
    [{ 'retry-after-ms': '2500', 'retry-after': '4' }, 4],
    ...['soon', 'NaN', 'Infinity', 'in 5', '5 monkeys', '+ 1', '{}', '5-10'].map(
      (garbage): [Record<string, string>, undefined] => [{ 'retry-after': garbage }, undefined],
    ),
    [{ 'retry-after-ms': 'soon' }, undefined],
  ])('understand how long they are to wait: %j', async (headers, seconds) => {
    api.override('list', json(429, apiError('rate_limit_error', 'x'), headers));
    const error = await failure(provider.listBatches({ limit: 1 }));
    expect(error).toMatchObject({ code: 'api_busy', api: { status: 429 } });
    expect(error.api?.retry_after_seconds).toBe(seconds);
  });

  it('of an unknown batch say so', async () => {
    const error = await failure(provider.retrieveBatch('msgbatch_unknown'));
    expect(error).toMatchObject({ code: 'api_not_found', api: { status: 404 } });
  });

  it.each(['', '..', 'a/b', 'a?b', 'ä', 'a b'])('refuse %j as an id before sending', async (id) => {
    expect((await failure(provider.retrieveBatch(id))).code).toBe('invalid_input');
    expect((await failure(provider.cancelBatch(id))).code).toBe('invalid_input');
    expect((await failure(download(provider, id))).code).toBe('invalid_input');
    expect((await failure(provider.listBatches({ limit: 1, after_id: id }))).code).toBe('invalid_input');
    expect(api.requests).toHaveLength(0);
  });
});

describe('the results stream', () => {
  it('fails when the socket is cut', async () => {
    api.override('results', (request, response) => {
      response.write('{"custom_id"');
      setTimeout(() => request.socket.destroy(), 50);
    });
    expect((await failure(download(provider, 'msgbatch_1'))).code).toBe('api_uncertain');
  });

  it('fails when no byte comes', async () => {
    const impatient = createAnthropicProvider({ apiKey: api.key, baseUrl: api.url, log, stallMs: 300 });
    api.override('results', (_request, response) => response.write('line\n'));
    const error = await failure(download(impatient, 'msgbatch_1'));
    expect(error).toMatchObject({ code: 'api_uncertain' });
    expect(error.message).toMatch(/no answer within 0.3 seconds/);
  });

  it('fails when no byte comes, though garbage was collected meanwhile', async () => {
    const impatient = createAnthropicProvider({ apiKey: api.key, baseUrl: api.url, log, stallMs: 300 });
    let closed = false;
    api.override('results', (_request, response) => {
      response.on('close', () => (closed = true));
      response.write('line\n');
    });
    // The SDK is loaded by the first call, which can take as long as a stall may here.
    await impatient.listBatches({ limit: 1 });
    const downloading = failure(download(impatient, 'msgbatch_1'));
    for (let round = 0; round < 4; round += 1) {
      await sleep(40);
      collectGarbage();
    }
    expect((await downloading).message).toMatch(/no answer within 0.3 seconds/);
    await expect.poll(() => closed).toBe(true);
  });

  it('does not take a slow reader for a stall', async () => {
    const impatient = createAnthropicProvider({ apiKey: api.key, baseUrl: api.url, log, stallMs: 500 });
    let finish = () => {};
    api.override('results', (_request, response) => {
      response.write('one\n');
      finish = () => response.end('two\n');
    });
    // The SDK is loaded by the first call, which can take as long as a stall may here.
    await impatient.listBatches({ limit: 1 });
    let got = '';
    for await (const piece of impatient.streamResults('msgbatch_1')) {
      finish();
      await sleep(1_000);
      got += Buffer.from(piece).toString();
    }
    expect(got).toBe('one\ntwo\n');
  });

  it('ends when its caller or the provider gives up', async () => {
    api.override('results', hang);
    const stop = new AbortController();
    const stopped = failure(download(provider, 'msgbatch_1', stop.signal));
    await expect.poll(() => api.asked('results')).toBe(1);
    stop.abort();
    expect((await stopped).code).toBe('api_uncertain');
    const closed = failure(download(provider, 'msgbatch_1'));
    await expect.poll(() => api.asked('results')).toBe(2);
    await provider.close();
    expect((await closed).code).toBe('api_uncertain');
  });

  it('ends when its caller gives up between two pieces, though the rest has come', async () => {
    const stop = new AbortController();
    let sendTheRest = () => {};
    const restSent = new Promise<void>((resolve) => {
      api.override('results', (_request, response) => {
        response.write('one\n');
        sendTheRest = () => response.end('two\n', resolve);
      });
    });
    const read = async () => {
      for await (const _ of provider.streamResults('msgbatch_1', stop.signal)) {
        sendTheRest();
        await restSent;
        stop.abort();
      }
    };
    expect((await failure(read())).code).toBe('api_uncertain');
  });

  it('frees the connection when its reader stops early', async () => {
    let closed = false;
    api.override('results', (request, response) => {
      request.socket.on('close', () => {
        closed = true;
      });
      response.write('line\n');
    });
    for await (const _ of provider.streamResults('msgbatch_1')) break;
    await expect.poll(() => closed).toBe(true);
  });
});

describe('credentials', () => {
  const fromEnvironment = () => createAnthropicProvider({ log });

  it('are asked for where there are none', async () => {
    for (const unset of [undefined, '', '  ', `\${ANTHROPIC_API_KEY}`]) {
      vi.stubEnv('ANTHROPIC_API_KEY', unset);
      const error = await failure(fromEnvironment().requireCredentials());
      expect(error.code).toBe('no_credentials');
      expect(error.message).toMatch(/ANTHROPIC_API_KEY.*sandbox: true/);
      expect((await failure(fromEnvironment().listBatches({ limit: 1 }))).code).toBe('no_credentials');
    }
  });

  it.each([
    ['ANTHROPIC_API_KEY', 'sk-1'],
    ['ANTHROPIC_AUTH_TOKEN', 'token-1'],
    ['ANTHROPIC_CUSTOM_HEADERS', 'Authorization: Bearer sk-1'],
  ])('come from %s, told apart by their fingerprint only', async (name, value) => {
    vi.stubEnv(name, value);
    vi.stubEnv('ANTHROPIC_BASE_URL', `${api.url}/`);
    vi.stubEnv('ANTHROPIC_WORKSPACE_ID', 'wrkspc_1');
    const found = fromEnvironment();
    await found.requireCredentials();
    expect(await found.account()).toEqual({ base_url: api.url, workspace: 'wrkspc_1' });
    const fingerprint = await found.fingerprint('salt');
    expect(fingerprint).toMatch(/^[0-9a-f]{64}$/);
    expect(await found.fingerprint('salt')).toBe(fingerprint);
    expect(await found.fingerprint('other')).not.toBe(fingerprint);
    await failure(found.listBatches({ limit: 1 }));
    expect(api.requests[0]?.headers.authorization).toBe(
      `Bearer ${value.replace('Authorization: Bearer ', '')}`,
    );
    vi.stubEnv(name, `${value}2`);
    expect(await fromEnvironment().fingerprint('salt')).not.toBe(fingerprint);
  });

  it('can be a profile of the SDK', async () => {
    await mkdir(path.join(folder, 'configs'));
    await mkdir(path.join(folder, 'credentials'));
    const profile = { base_url: api.url, workspace_id: 'w', authentication: { type: 'user_oauth' } };
    await writeFile(path.join(folder, 'configs/default.json'), JSON.stringify(profile));
    const token = { type: 'oauth_token', access_token: api.key };
    await writeFile(path.join(folder, 'credentials/default.json'), JSON.stringify(token), { mode: 0o600 });
    const found = fromEnvironment();
    expect(await found.account()).toEqual({ base_url: api.url, workspace: 'w' });
    expect(await found.fingerprint('s')).toMatch(/^[0-9a-f]{64}$/);
    expect((await found.listBatches({ limit: 1 })).batches).toEqual([]);
  });

  it('that cannot be sent are told without being quoted', async () => {
    vi.stubEnv('ANTHROPIC_API_KEY', '“sk-ant-secret”');
    const error = await failure(fromEnvironment().requireCredentials());
    expect(error.code).toBe('no_credentials');
    expect(renderError(error)).not.toContain('secret');
  });

  it('that stand in custom headers are shown nowhere when the API echoes them', async () => {
    vi.stubEnv('ANTHROPIC_BASE_URL', api.url);
    vi.stubEnv('ANTHROPIC_API_KEY', api.key);
    vi.stubEnv('ANTHROPIC_CUSTOM_HEADERS', 'x-gateway-token: a"token-of-the-gateway');
    api.override('list', json(401, apiError('authentication_error', 'not a"token-of-the-gateway!')));
    const error = await failure(fromEnvironment().listBatches({ limit: 1 }));
    expect(error.message).toContain('not [key]!');
  });

  it('that the API echoes are shown nowhere', async () => {
    const said = `invalid key ${api.key}, or sk-ant-other-one ${'x'.repeat(1000)}`;
    api.override('create', json(401, apiError('authentication_error', said)));
    const error = await failure(provider.createBatch(await bodyToSend(), 5000));
    expect(error.message).toContain('invalid key [key], or [key]');
    expect(error.message.length).toBeLessThan(550);
    expect(`${error.stack} ${String(error.cause)} ${logged.join()}`).not.toContain('sk-ant');
  });
});

it('with a key given, the environment is left alone', async () => {
  vi.stubEnv('ANTHROPIC_API_KEY', 'sk-real');
  vi.stubEnv('ANTHROPIC_AUTH_TOKEN', 'real-token');
  vi.stubEnv('ANTHROPIC_CUSTOM_HEADERS', 'authorization: Bearer sk-real\nX-Secret: sk-real');
  await createAnthropicProvider({ apiKey: api.key, baseUrl: api.url, log }).listBatches({ limit: 1 });
  expect(JSON.stringify(api.requests[0]?.headers)).not.toMatch(/sk-real|real-token/);
  expect(api.requests[0]?.headers.authorization).toBe(`Bearer ${api.key}`);
});

it('writes nothing to stdout and no content to the log, whatever ANTHROPIC_LOG says', async () => {
  vi.stubEnv('ANTHROPIC_LOG', 'debug');
  const stdout = vi.spyOn(process.stdout, 'write');
  await provider.createBatch(await bodyToSend(), 5000);
  api.override('retrieve', json(500, apiError('api_error', 'x')));
  await failure(provider.retrieveBatch('msgbatch_1'));
  expect(stdout).not.toHaveBeenCalled();
  stdout.mockRestore();
  expect(logged.join('\n')).toMatch(/Anthropic SDK: .*status 200/);
  expect(logged.join('\n')).not.toMatch(/custom_id|ü|sk-ant/);
});

it('sends a large file without holding it', long, async () => {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(400).end('{}'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const file = path.join(folder, 'large.json');
  const bytes = 200_000_000;
  const written = await open(file, 'w');
  for (let megabyte = 0; megabyte < 200; megabyte += 1) await written.write(Buffer.alloc(1_000_000, 'x'));
  await written.close();
  const sender = createAnthropicProvider({ apiKey: 'k', baseUrl: `http://127.0.0.1:${port}`, log });
  const most = await mostHeldDuring(async () => {
    expect(
      (await failure(sender.createBatch({ bytes, open: () => createReadStream(file) }, 600_000))).code,
    ).toBe('api_refused');
  });
  // Pieces that were sent wait for the collector.
  expect(most).toBeLessThan(bytes / 4);
  server.close();
});
