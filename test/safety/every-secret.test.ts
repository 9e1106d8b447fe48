import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { follow, prompts, startApi } from '../api.ts';
import { type ApiHandler, type ApiServer, apiError, errored, json, succeeded } from '../api-server.ts';
import { type Ended, run, start } from '../cli/run-binary.ts';
import { type SpawnedServer, spawnServer, temporaryFolder } from '../harness.ts';
import { long } from '../long.ts';
import { API_HOST, startProxy } from '../provider/proxy-server.ts';
import { startReceiver } from '../receiver.ts';

/**
 * Whatever holds a secret of the person's or of the owner's: each is planted, a whole job is done with servers that quote
 * what they are sent, and nothing that came out or stands on the disk may hold one in any form.
 */
const odd = (name: string) => `${name}+42"\\<&'9f%${name}`;
const basic = (password: string) => Buffer.from(`ada:${password}`).toString('base64');

type Planted = { env: Record<string, string>; secrets: string[] };

const cloud: Planted = {
  env: {
    AWS_ACCESS_KEY_ID: 'AKIA5EXAMPLE7PLANTED',
    AWS_SECRET_ACCESS_KEY: 'wJalrX/K7MDENG+bPxRfiCYplanted',
    AWS_SESSION_TOKEN: 'FwoGZXIvYXdzEBYa//planted==',
    PGPASSWORD: 'password-of-postgres-1',
  },
  secrets: [
    'AKIA5EXAMPLE7PLANTED',
    'wJalrX/K7MDENG+bPxRfiCYplanted',
    'FwoGZXIvYXdzEBYa//planted==',
    'password-of-postgres-1',
  ],
};

const headers: Planted = {
  env: {
    ANTHROPIC_CUSTOM_HEADERS: [
      'X-Gateway-Key: key-of-the-gateway-1',
      'Cookie: session=cookie-of-the-session-1; theme=dark',
      `X-Upstream-Auth: Basic ${basic('password-of-upstream-1')}`,
    ].join('\n'),
  },
  secrets: ['key-of-the-gateway-1', 'cookie-of-the-session-1', 'password-of-upstream-1'],
};

const database: Planted = {
  env: {
    BATCH_MCP_STORE:
      'postgres://ada:password%2Bof-the-database-1@127.0.0.1:1/batches?sslpassword=password-of-the-certificate-1',
  },
  secrets: ['password+of-the-database-1', 'password-of-the-certificate-1'],
};

/** As a secret can stand in a text, or be carried through one. */
const formsOf = (secret: string) => [
  secret,
  JSON.stringify(secret).slice(1, -1),
  encodeURIComponent(secret),
  Buffer.from(secret).toString('hex'),
  Buffer.from(secret).toString('base64').replace(/=+$/, ''),
  basic(secret).replace(/=+$/, ''),
];

/** All that came out, by where it did. */
type Out = [where: string, text: string][];

function expectNoneIn(out: Out, secrets: readonly string[]) {
  const found = out.flatMap(([where, text]) =>
    secrets
      .filter((secret) => formsOf(secret).some((form) => text.includes(form)))
      .map((secret) => `${secret} in ${where}: ${text.slice(0, 2_000)}`),
  );
  expect(found).toEqual([]);
}

async function onDisk(folder: string): Promise<Out> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  return Promise.all(
    files
      .filter((file) => file.isFile())
      .map(async (file): Promise<[string, string]> => {
        const name = path.join(file.parentPath, file.name);
        return [name, `${name}\n${await readFile(name, 'latin1')}`];
      }),
  );
}

/** Says all that it was sent, as gateways do. */
const echo =
  (status: number): ApiHandler =>
  (request, response) => {
    const sent = { ...request.headers, url: request.url };
    const said = `Not with ${JSON.stringify(sent)}, that is ${Object.values(sent).join(' and ')}`;
    const headers = { 'request-id': Object.values(request.headers).join(' ') };
    json(status, apiError(`invalid_request_error: ${said}`, said), headers)(request, response);
  };
const page: ApiHandler = (request, response) => {
  const rows = Object.entries(request.headers).map(([name, value]) => `<td>${name}<td>${String(value)}`);
  response.writeHead(502, { 'content-type': 'text/html' }).end(`<html>${rows.join('<tr>')}</html>`);
};

/** Breaks down, with its environment in the error and in what the error holds, when it is told to. */
const breaksDown = `data:text/javascript,${encodeURIComponent(
  "process.on('SIGUSR2', () => { throw Object.assign(new Error(JSON.stringify(process.env)), { env: { ...process.env } }); });",
)}`;

/** The whole job, with each call of the API gone wrong once, and the end of the server. */
async function doAll(server: SpawnedServer, api: ApiServer): Promise<Out> {
  const out: Out = [];
  const call = async (tool: string, args: object = {}) => {
    const { text, reply } = await server.call(tool, args);
    out.push([tool, `${text}\n${JSON.stringify(reply)}`]);
    return reply;
  };
  out.push(['tools/list', JSON.stringify(await server.client.listTools())]);
  api.override('create', echo(400), { times: 1 });
  await call('submit_batch', { requests: prompts(['refused']) });
  api.override('create', page, { times: 1, after: true });
  const work = { requests: prompts(['a', 'b']), name: 'all', output_file: 'out.csv' };
  const { batch_id } = await call('submit_batch', work);
  await follow(server, batch_id, ({ processing_status }) => processing_status === 'in_progress');
  for (const route of ['retrieve', 'cancel', 'results'] as const)
    api.override(route, echo(400), { times: 1 });
  await call('batch_status', { batch_id });
  await call('cancel_batch', { batch_id });
  api.endAll();
  await call('batch_status', { batch_id });
  await follow(server, batch_id);
  await call('get_results', { batch_id, detail: 'full' });
  api.override('list', echo(403), { times: 1 });
  await call('list_batches', { include_remote: true });
  await call('retry_batch', { batch_id });
  await call('estimate_cost', work);
  return out;
}

async function crashed(server: SpawnedServer): Promise<Out> {
  const { client, pid } = server;
  const ended = new Promise<void>((resolve) => {
    client.onclose = resolve;
  });
  process.kill(pid, 'SIGUSR2');
  await ended;
  await expect.poll(() => server.stderr()).toMatch(/^ {2}env: \{|^ {4}at /m);
  return [['stderr', server.stderr()]];
}

/** A server that does the whole job and breaks down, and what a person looks at beside it. */
async function expectKept(api: ApiServer, { env, secrets }: Planted, isDone: () => boolean) {
  const folder = await temporaryFolder();
  const own = { ...env, BATCH_MCP_LOG_LEVEL: 'debug', BATCH_MCP_SETTLE_SECONDS: '0.1' };
  const server = await spawnServer({ folder, env: own, nodeArgs: ['--import', breaksDown] });
  const out = await doAll(server, api);
  await expect.poll(isDone).toBe(true);
  out.push(...(await crashed(server)));
  const desk = deskOf(folder, own);
  out.push(['doctor', told(await run(desk, ['doctor']))]);
  out.push(...(await onDisk(folder)));
  expect(out.map(([where]) => path.basename(where))).toEqual(
    expect.arrayContaining(['audit.jsonl', 'out.csv']),
  );
  expectNoneIn(out, secrets);
}

const deskOf = (folder: string, env: Record<string, string>) => ({
  folder,
  env: {
    PATH: process.env.PATH ?? '',
    HOME: folder,
    BATCH_MCP_DATA_DIR: path.join(folder, 'data'),
    ...env,
  },
});

const told = ({ stdout, stderr }: Ended) => `${stdout}\n${stderr}`;

/** A service that refuses everything, and quotes it. */
async function startQuoting(): Promise<string> {
  const server = createServer((request, response) => {
    response.writeHead(403).end(`<Error><Message>${JSON.stringify(request.headers)}</Message></Error>`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}

const answers = (requests: Parameters<typeof succeeded>[0][]) =>
  requests.map((each) =>
    each.custom_id === 'b' ? errored(each, 'invalid_request_error', 'no') : succeeded(each, 'fine'),
  );

describe('no secret comes out of a whole job, of its failures, of its last words, nor stands on the disk', () => {
  it('of keys, headers, a proxy, a hook and a cloud', async () => {
    const key = 'sk-ant-api03-planted_key-1';
    const api = await startApi({ key, results: answers });
    const { host } = await startProxy({ api: api.url });
    const hook = await startReceiver(({ headers, body }, response) => {
      response.writeHead(500).end(JSON.stringify({ headers, body }));
    });
    const env = {
      ...cloud.env,
      ...headers.env,
      ANTHROPIC_API_KEY: key,
      ANTHROPIC_BASE_URL: `http://${API_HOST}`,
      HTTP_PROXY: `http://ada:password%2Bof-the-proxy-1@${host}`,
      BATCH_MCP_NOTIFY: `${hook.url}/T0PLANTED42/token9of8the7hook6x?token=query8token9of0hook`,
      BATCH_MCP_NOTIFY_HEADERS: '{"Authorization": "Bearer token-of-the-headers-1"}',
    };
    const secrets = [
      ...cloud.secrets,
      ...headers.secrets,
      key,
      'password+of-the-proxy-1',
      'token9of8the7hook6x',
      'query8token9of0hook',
      'token-of-the-headers-1',
    ];
    await expectKept(api, { env, secrets }, () => hook.received.length > 0);
    expect(api.requests.find(({ route }) => route === 'create')?.headers).toMatchObject({
      'x-gateway-key': 'key-of-the-gateway-1',
    });
  });

  it('of a token with signs that JSON, HTML and addresses write in another way', long, async () => {
    const key = odd('token');
    const api = await startApi({ key, results: answers });
    const env = { ANTHROPIC_AUTH_TOKEN: `${key}\n`, ANTHROPIC_BASE_URL: api.url };
    await expectKept(api, { env, secrets: [key] }, () => true);
  });

  it('of a user over HTTP, in the log and the metrics', long, async () => {
    const token = 'token-of-the-user-1';
    const folder = await temporaryFolder();
    const file = path.join(folder, 'tokens');
    const hash = createHash('sha256').update(token).digest('hex');
    await writeFile(file, `ada: ${hash} batch:read batch:submit batch:cancel\n`);
    const http = { BATCH_MCP_HTTP: '0', BATCH_MCP_HTTP_TOKENS: file, BATCH_MCP_LOG_LEVEL: 'debug' };
    const env = { ...http, ...cloud.env, BATCH_MCP_PROVIDER: 'sandbox' };
    const { child, output, ended } = start(deskOf(folder, env), ['serve']);
    const address = () => /http:\/\/[\w.:]+(?=\/mcp)/.exec(output.stderr)?.[0];
    await expect.poll(address).toBeDefined();
    const out: Out = [];
    const ask = async (route: string, given: string, init: RequestInit = {}) => {
      const headers = {
        authorization: given,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      };
      const answer = await fetch(`${address()}${route}`, { ...init, headers });
      out.push([
        `${route} ${answer.status}`,
        `${JSON.stringify([...answer.headers])}\n${await answer.text()}`,
      ]);
    };
    const call = (name: string, args: object) =>
      JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } });
    for (const given of [`Bearer ${token}`, `Bearer ${token}-`, `Basic ${basic(token)}`, token]) {
      await ask('/metrics', given);
      for (const body of [call('submit_batch', { requests: prompts(['a']) }), call('list_batches', {}), '{'])
        await ask('/mcp', given, { method: 'POST', body });
    }
    child.kill('SIGTERM');
    out.push(['serve', told(await ended)], ...(await onDisk(folder)));
    expect(out.map(([where]) => where)).toEqual(expect.arrayContaining(['/mcp 200', '/mcp 401']));
    expectNoneIn(out, [token, ...cloud.secrets]);
  });

  /** Nothing can be done with these: what is said instead. */
  const refused: [what: string, env: Record<string, string>, secrets: string[], args?: string[]][] = [
    [
      'a password in the base address',
      { ANTHROPIC_BASE_URL: 'https://ada:password-of-the-base-1@127.0.0.1:1/v1' },
      ['password-of-the-base-1'],
    ],
    ['a database that is not there', database.env, database.secrets],
    [
      'a database, the schema of which is no name',
      { BATCH_MCP_STORE: `${database.env.BATCH_MCP_STORE}&schema=No!` },
      [...database.secrets, 'password%2Bof-the-database-1'],
    ],
    [
      'a database in a flag, with a sign too many',
      {},
      ['password-of-the-flag-1'],
      ['list', '--store', 'postgres:/ada:password-of-the-flag-1@127.0.0.1:1/b'],
    ],
    [
      'a hook with a password',
      { BATCH_MCP_NOTIFY: 'https://ada:password-of-the-hook-1@127.0.0.1:1/x' },
      ['password-of-the-hook-1'],
    ],
    [
      'headers of a hook that are no JSON',
      { BATCH_MCP_NOTIFY_HEADERS: 'Authorization: Bearer token-of-no-json-1' },
      ['token-of-no-json-1'],
    ],
    [
      'a hook in a command that does not exist',
      { BATCH_MCP_NOTIFY: '["/no/such/program", "--token", "token-of-the-command-1"]' },
      ['token-of-the-command-1'],
    ],
    ['a bucket without a database', { ...cloud.env, BATCH_MCP_BLOBS: 's3://bucket/prefix' }, cloud.secrets],
    [
      'a bucket whose service quotes what it is sent',
      { ...cloud.env, ...database.env, BATCH_MCP_BLOBS: 's3://bucket/prefix', AWS_REGION: 'eu-west-1' },
      [...cloud.secrets, ...database.secrets],
    ],
  ];
  it.each(refused)('of %s', long, async (_what, given, secrets, args = ['list', '--json']) => {
    const folder = await temporaryFolder();
    const env = { ...given, AWS_ENDPOINT_URL: await startQuoting(), BATCH_MCP_LOG_LEVEL: 'debug' };
    const desk = deskOf(folder, env);
    const sandboxed = deskOf(folder, { ...env, BATCH_MCP_PROVIDER: 'sandbox' });
    const initialize = JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'list_batches' },
    });
    const out: Out = [];
    for (const tried of [args, ['doctor', '--json'], ['spend'], ['serve']])
      out.push([tried.join(' '), told(await run(desk, tried, `${initialize}\n`))]);
    out.push(['run', told(await run(sandboxed, ['run', '-', '--prompt', '{{line}}'], 'one\n'))]);
    out.push(...(await onDisk(folder)));
    expectNoneIn(out, secrets);
  });
});
