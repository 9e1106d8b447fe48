import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { routeInWords, routeTo } from '../../src/lib/http/proxy.ts';
import { createAnthropicProvider } from '../../src/provider/anthropic/anthropic-provider.ts';
import { ids, prompts, startApi } from '../api.ts';
import { spawnServer } from '../harness.ts';
import { long } from '../long.ts';
import { bodyFile, download, failure } from './calls.ts';
import { API_HOST, startProxy } from './proxy-server.ts';

const log = () => {};
const NAMES = ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY', 'NO_PROXY'];
const BATCHES = '/v1/messages/batches';
const body = { requests: [{ custom_id: 'a', params: { model: 'm', max_tokens: 1, messages: [] } }] };

let folder: string;

function set(variables: Record<string, string>): void {
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
}

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'batch-mcp-'));
  for (const name of NAMES) {
    vi.stubEnv(name, undefined);
    vi.stubEnv(name.toLowerCase(), undefined);
  }
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

describe('the route', () => {
  const proxy = 'http://proxy.example:3128';
  const https = 'https://api.anthropic.com';
  const http = 'http://gateway.example:4000';
  type Row = [variables: Record<string, string>, address: string, says: string];
  const rows: Row[] = [
    [{}, https, ''],
    [{ NO_PROXY: '*' }, https, ''],
    [{ HTTPS_PROXY: proxy }, https, ', through the proxy proxy.example:3128 of HTTPS_PROXY'],
    [{ https_proxy: proxy }, https, ', through the proxy proxy.example:3128 of https_proxy'],
    [{ HTTPS_PROXY: 'proxy.example:3128' }, https, ', through the proxy proxy.example:3128 of HTTPS_PROXY'],
    [{ HTTPS_PROXY: 'https://proxy.example' }, https, ', through the proxy proxy.example of HTTPS_PROXY'],
    [
      { HTTPS_PROXY: 'http://ada:secret@p.example:1' },
      https,
      ', through the proxy p.example:1 of HTTPS_PROXY',
    ],
    [{ ALL_PROXY: proxy }, https, ', through the proxy proxy.example:3128 of ALL_PROXY'],
    [{ HTTP_PROXY: proxy }, http, ', through the proxy proxy.example:3128 of HTTP_PROXY'],
    [{ HTTP_PROXY: proxy }, https, ', without a proxy (HTTP_PROXY does not apply to https addresses)'],
    [{ HTTPS_PROXY: proxy }, http, ', without a proxy (HTTPS_PROXY does not apply to http addresses)'],
    [
      { HTTPS_PROXY: proxy, NO_PROXY: 'api.anthropic.com' },
      https,
      ', without a proxy (NO_PROXY exempts it from HTTPS_PROXY)',
    ],
    [
      { HTTPS_PROXY: proxy, no_proxy: 'x, .anthropic.com' },
      https,
      ', without a proxy (NO_PROXY exempts it from HTTPS_PROXY)',
    ],
    [
      { HTTPS_PROXY: proxy, NO_PROXY: '*' },
      https,
      ', without a proxy (NO_PROXY exempts it from HTTPS_PROXY)',
    ],
    ...(
      [
        ['anthropic.com', https],
        ['x ANTHROPIC.com:443', https],
        ['com', https],
        ['10.0.0.0/8', 'https://10.1.2.3'],
        ['10.1.2.3/32,x', 'https://10.1.2.3'],
        ['fd00::/8', 'https://[fd12::1]'],
        ['"api.anthropic.com"', https],
        ["'anthropic.com'", https],
        ['x;api.anthropic.com', https],
        ['api.anthropic.com.', https],
        ['api.anthropic.com', 'https://api.anthropic.com.'],
        ['*.anthropic.com;x', https],
      ] as const
    ).map(
      ([NO_PROXY, address]): Row => [
        { HTTPS_PROXY: proxy, NO_PROXY },
        address,
        ', without a proxy (NO_PROXY exempts it from HTTPS_PROXY)',
      ],
    ),
    ...(
      [
        ['ic.com', https],
        ['anthropic.com:8443', https],
        ['10.0.0.0/33', 'https://10.1.2.3'],
        ['10.0.0.0/x', 'https://10.1.2.3'],
        ['11.0.0.0/8 fd00::/8', 'https://10.1.2.3'],
        ['1.2.3', 'https://10.1.2.3'],
        ['10.0.0.0/8', https],
      ] as const
    ).map(
      ([NO_PROXY, address]): Row => [
        { HTTPS_PROXY: proxy, NO_PROXY },
        address,
        ', through the proxy proxy.example:3128 of HTTPS_PROXY',
      ],
    ),
    [
      { HTTPS_PROXY: proxy, NO_PROXY: 'example.com' },
      https,
      ', through the proxy proxy.example:3128 of HTTPS_PROXY',
    ],
    [
      { HTTP_PROXY: proxy, NO_PROXY: 'gateway.example:4001' },
      http,
      ', through the proxy proxy.example:3128 of HTTP_PROXY',
    ],
    [
      { HTTP_PROXY: proxy, NO_PROXY: 'gateway.example:4000' },
      http,
      ', without a proxy (NO_PROXY exempts it from HTTP_PROXY)',
    ],
  ];
  it.each(rows)('with %j to %s%s', (variables, address, says) => {
    set(variables);
    expect(routeInWords(address)).toBe(says);
  });

  it.each([
    'http://127.0.0.1:8080',
    'http://127.1.2.3',
    'http://localhost:1',
    'http://api.localhost',
    'http://[::1]:8080',
    'https://localhost',
  ])('to this computer itself is direct: %s', (address) => {
    set({ HTTP_PROXY: proxy, HTTPS_PROXY: proxy, ALL_PROXY: proxy });
    expect(routeTo(new URL(address)).kind).toBe('direct');
  });

  it.each(['socks5://proxy.example:1080', 'ftp://proxy.example', 'http://', '::'])(
    'through %j is none, and nothing is sent around it',
    async (value) => {
      set({ HTTPS_PROXY: value });
      const provider = createAnthropicProvider({ apiKey: 'k', baseUrl: https, log });
      const error = await failure(provider.createBatch(await bodyFile(folder, body), 5_000));
      expect(error.code).toBe('api_unreachable');
      expect(error.message).toContain(
        '(HTTPS_PROXY does not name an http or https proxy). Nothing was sent.',
      );
    },
  );
});

describe.each([
  { scheme: 'https', via: 'http', variable: 'HTTPS_PROXY', whole: `CONNECT ${API_HOST}:443` },
  { scheme: 'https', via: 'https', variable: 'HTTPS_PROXY', whole: `CONNECT ${API_HOST}:443` },
  { scheme: 'http', via: 'http', variable: 'HTTP_PROXY', whole: null },
  { scheme: 'http', via: 'https', variable: 'HTTP_PROXY', whole: null },
])('an API in $scheme behind a proxy in $via', ({ scheme, via, variable, whole }) => {
  async function behindProxy(options: { refuse?: number; login?: string } = {}) {
    const api = await startApi({ endsAtOnce: true });
    const proxy = await startProxy({ api: api.url, secure: via === 'https', ...options });
    // The stand-in's certificate is signed by nobody.
    set({ [variable]: `${via}://${options.login ?? ''}${proxy.host}`, NODE_TLS_REJECT_UNAUTHORIZED: '0' });
    const provider = createAnthropicProvider({ apiKey: api.key, baseUrl: `${scheme}://${API_HOST}`, log });
    onTestFinished(() => provider.close());
    return { api, proxy, provider };
  }

  it('is reached through it alone: creates, reads, counts and downloads', async () => {
    const { api, proxy, provider } = await behindProxy();
    const large = { requests: [{ custom_id: 'a', params: { note: 'x'.repeat(3_000_000) } }] };
    const { id } = await provider.createBatch(await bodyFile(folder, large), 20_000);
    expect(api.creates).toEqual([large]);
    expect((await provider.retrieveBatch(id)).id).toBe(id);
    expect((await provider.listBatches({ limit: 1 })).batches).toHaveLength(1);
    expect(JSON.parse(await download(provider, id)).custom_id).toBe('a');
    await provider.cancelBatch(id);
    expect(api.requests.map(({ method, path: asked }) => `${method} ${asked.replace(/\?.*/, '')}`)).toEqual([
      `POST ${BATCHES}`,
      `GET ${BATCHES}/${id}`,
      `GET ${BATCHES}`,
      `GET ${BATCHES}/${id}/results`,
      `POST ${BATCHES}/${id}/cancel`,
    ]);
    const asked = proxy.asked.map(({ what }) => what);
    if (whole === null) {
      expect(asked[0]).toBe(`POST http://${API_HOST}${BATCHES}`);
      expect(asked).toHaveLength(5);
    } else {
      // Reads keep their tunnel; each create and cancel has its own.
      expect(new Set(asked)).toEqual(new Set([whole]));
      expect(proxy.asked.every(({ authorization }) => authorization === undefined)).toBe(true);
    }
  });

  it('with a user name and password in its address, which nobody is told', async () => {
    const { proxy, provider } = await behindProxy({ login: 'ada:s%40cret@', refuse: 407 });
    const error = await failure(provider.createBatch(await bodyFile(folder, body), 5_000));
    expect(proxy.asked[0]?.proxyAuthorization).toBe(`Basic ${Buffer.from('ada:s@cret').toString('base64')}`);
    expect(error.code).toBe('api_unreachable');
    expect(error.message).toMatch(
      /the proxy (answered 407|asks for a user name and password)\), through the proxy/,
    );
    expect(`${error.message}${error.stack}${String(error.cause)}`).not.toMatch(/s@cret|s%40cret/);
  });

  it('is unreachable where the proxy is gone, which is named', async () => {
    const { provider } = await behindProxy();
    set({ [variable]: `${via}://127.0.0.1:1` });
    const file = await bodyFile(folder, body);
    const calls = [() => provider.createBatch(file, 5_000), () => provider.listBatches({ limit: 1 })];
    for (const call of calls) {
      const error = await failure(call());
      expect(error.code).toBe('api_unreachable');
      expect(error.message).toContain(
        `(ECONNREFUSED), through the proxy 127.0.0.1:1 of ${variable}. Nothing was sent.`,
      );
    }
  });
});

it.each([403, 404, 500, 502, 503])(
  'a tunnel that is refused with %i is no answer of the API',
  async (refuse) => {
    const api = await startApi();
    const proxy = await startProxy({ api: api.url, refuse });
    set({ HTTPS_PROXY: `http://${proxy.host}` });
    const provider = createAnthropicProvider({ apiKey: api.key, baseUrl: `https://${API_HOST}`, log });
    const error = await failure(provider.createBatch(await bodyFile(folder, body), 5_000));
    expect(error.code).toBe('api_unreachable');
    expect(error.message).toContain(
      `(the proxy answered ${refuse}), through the proxy ${proxy.host} of HTTPS_PROXY.`,
    );
    expect(api.requests).toEqual([]);
  },
);

it('that is set and not used is named where the API cannot be reached', async () => {
  set({ HTTPS_PROXY: 'http://127.0.0.1:1', NO_PROXY: 'no-such-host.invalid' });
  const provider = createAnthropicProvider({ apiKey: 'k', baseUrl: 'https://no-such-host.invalid', log });
  const error = await failure(provider.createBatch(await bodyFile(folder, body), 20_000));
  expect(error.code).toBe('api_unreachable');
  expect(error.message).toContain(
    'without a proxy (NO_PROXY exempts it from HTTPS_PROXY). Nothing was sent.',
  );
});

it(
  "neither the sandbox nor an API on this computer is asked for through a proxy, whatever Node's own switch says",
  long,
  async () => {
    const api = await startApi({ endsAtOnce: true });
    const proxy = await startProxy({ api: api.url });
    const address = `http://${proxy.host}`;
    const server = await spawnServer({
      env: {
        HTTP_PROXY: address,
        HTTPS_PROXY: address,
        ALL_PROXY: address,
        NODE_USE_ENV_PROXY: '1',
        ANTHROPIC_API_KEY: api.key,
        ANTHROPIC_BASE_URL: api.url,
      },
    });
    for (const sandbox of [true, false]) {
      const { batch_id } = await server.ok('submit_batch', { requests: prompts(ids(2)), sandbox });
      expect(await server.ok('batch_status', { batch_id, wait_seconds: 20 })).toMatchObject({
        outcomes: { succeeded: 2 },
      });
    }
    expect(api.creates).toHaveLength(1);
    expect(proxy.asked).toEqual([]);
  },
);

/** Answers whatever comes with this, and closes. */
async function startOther(answer: string): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {}).on('data', () => socket.end(answer));
  });
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}

const SPEAKS_NONE = 'the proxy itself does not speak TLS: its address begins with http://';
it.each<[what: string, scheme: string, answer: string, says: string]>([
  ['speaks plain HTTP', 'https', 'HTTP/1.1 400 Bad Request\r\n\r\n', SPEAKS_NONE],
  ['speaks plain HTTP', 'http', 'HTTP/1.1 400 Bad Request\r\n\r\n', SPEAKS_NONE],
  ['closes the connection', 'https', '', 'ECONNRESET'],
  ['closes the connection', 'http', '', 'ECONNRESET'],
])(
  'an https proxy that %s has sent nothing to an API in %s, and ends nothing',
  async (_, scheme, answer, says) => {
    const host = await startOther(answer);
    set({ HTTPS_PROXY: `https://${host}`, HTTP_PROXY: `https://${host}` });
    const provider = createAnthropicProvider({ apiKey: 'k', baseUrl: `${scheme}://${API_HOST}`, log });
    onTestFinished(() => provider.close());
    const error = await failure(provider.createBatch(await bodyFile(folder, body), 5_000));
    expect(error.code).toBe('api_unreachable');
    expect(error.message).toContain(says);
    expect(error.message).toContain(
      `through the proxy ${host} of ${scheme.toUpperCase()}_PROXY. Nothing was sent.`,
    );
  },
);
