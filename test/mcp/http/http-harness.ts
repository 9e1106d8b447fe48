import { createHash, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import path from 'node:path';
import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { onTestFinished } from 'vitest';
import { readConfig } from '../../../src/config/config.ts';
import { createContext } from '../../../src/config/create-context.ts';
import { createLog, redact } from '../../../src/log.ts';
import type { HttpLimits } from '../../../src/mcp/http/limits.ts';
import { countCalls } from '../../../src/mcp/http/metrics.ts';
import { startHttp } from '../../../src/mcp/http/start-http.ts';
import type { Reply } from '../../harness.ts';
import { settingsFor, temporaryFolder } from '../../harness.ts';
import { envelopeOf } from '../modern-client.ts';

export type User = { name: string; token: string; scopes: string };

/** A user with a token of their own. */
export function newUser(name: string, scopes = 'batch:read batch:submit batch:cancel'): User {
  return { name, token: randomBytes(24).toString('base64url'), scopes };
}

export function tokensFile(users: readonly User[]): string {
  const lines = users.map(
    ({ name, token, scopes }) => `${name}: ${createHash('sha256').update(token).digest('hex')} ${scopes}`,
  );
  return `# who may\n\n${lines.join('\n')}\n`;
}

export type HttpTestOptions = {
  folder?: string;
  users?: readonly User[];
  env?: Record<string, string>;
  api?: { url: string; key: string };
  limits?: Partial<HttpLimits>;
  /** How long a call may take, in milliseconds. */
  callMs?: number;
  /** It serves several tests, whose last closes it. */
  isShared?: true;
};

/** What came back for one request. */
export type Answer = { status: number; headers: IncomingHttpHeaders; text: string; json: Reply };

export type HttpTestServer = {
  url: string;
  folder: string;
  tokens: string;
  log: () => string;
  /** Sends a request as it is told, over a connection of its own. */
  send(request: RawRequest): Promise<Answer>;
  /** Sends one message, of the old era unless it has an envelope. */
  post(message: unknown, user?: User, headers?: Record<string, string>): Promise<Answer>;
  close(): Promise<void>;
};

export type RawRequest = {
  method?: string;
  path?: string;
  headers?: Record<string, string | string[]>;
  body?: string | Buffer;
};

/** The server over HTTP in this process, on a free port of 127.0.0.1. Closed with the test. */
export async function startHttpServer(options: HttpTestOptions = {}): Promise<HttpTestServer> {
  const folder = options.folder ?? (await temporaryFolder());
  const tokens = path.join(folder, 'tokens');
  await mkdir(path.join(folder, 'work'), { recursive: true });
  if (options.users) await writeFile(tokens, tokensFile(options.users));
  const env = {
    BATCH_MCP_DATA_DIR: path.join(folder, 'data'),
    BATCH_MCP_WORK_DIR: path.join(folder, 'work'),
    BATCH_MCP_HTTP: '0',
    BATCH_MCP_PROVIDER: options.api ? 'anthropic' : 'sandbox',
    BATCH_MCP_SANDBOX_SECONDS: '0.1',
    ...(options.api && settingsFor(options.api)),
    ...(options.users && { BATCH_MCP_HTTP_TOKENS: tokens }),
    ...options.env,
  };
  const config = readConfig({ env, argv: [], cwd: folder, home: folder });
  if (config.http === null) throw new Error('no HTTP in these settings');
  let logged = '';
  const write = (line: string) => {
    logged += line;
  };
  const made = await createContext(config, createLog({ level: 'debug', write, secrets: config.secrets }), {
    ...(options.api && { apiKey: options.api.key }),
    limits: { downloadPauseMs: 20, ...(options.callMs !== undefined && { callMs: options.callMs }) },
  });
  const { context, counted } = countCalls(made);
  const server = await startHttp(context, {
    counted,
    config: config.http,
    version: '0.0.0-test',
    redact: (text) => redact(text, config.secrets),
    ...(options.limits && { limits: options.limits }),
  });
  let isClosed = false;
  const close = async () => {
    if (isClosed) return;
    isClosed = true;
    await server.close(0);
    await context.jobs.idle();
    await context.close();
  };
  if (!options.isShared) onTestFinished(close);
  const send = (request: RawRequest) => sendRaw(server.address, request);
  return {
    url: server.address,
    folder,
    tokens,
    log: () => logged,
    send,
    post: (message, user, headers = {}) =>
      send({
        method: 'POST',
        path: '/mcp',
        headers: { ...headersFor(message, user), ...headers },
        body: typeof message === 'string' ? message : JSON.stringify(message),
      }),
    close,
  };
}

/** The headers that a client of the message's era sends. */
export function headersFor(message: unknown, user?: User): Record<string, string> {
  const { method, params } = (typeof message === 'object' && message !== null ? message : {}) as Reply;
  const version = params?._meta?.['io.modelcontextprotocol/protocolVersion'];
  const name = params?.name ?? params?.uri ?? params?.taskId;
  return {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...(user && { authorization: `Bearer ${user.token}` }),
    ...(version && { 'mcp-protocol-version': String(version), 'mcp-method': String(method) }),
    ...(version && typeof name === 'string' && { 'mcp-name': name }),
  };
}

export function sendRaw(
  url: string,
  { method = 'GET', path = '/', headers = {}, body }: RawRequest,
): Promise<Answer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const request = httpRequest({ hostname, port, method, path, headers, agent: false }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece) => pieces.push(piece));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(pieces).toString();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json: jsonOf(text) });
      });
    });
    request.on('error', reject);
    if (body) request.end(body);
    else request.end();
  });
}

function jsonOf(text: string): Reply {
  const data = /^data: (.*)$/m.exec(text)?.[1] ?? text;
  try {
    return JSON.parse(data);
  } catch {
    return {};
  }
}

type Told = { onProgress?: (progress: unknown) => void };

/** What the tests ask of either official client. */
export type HttpClient = {
  version: string | undefined;
  call(name: string, args?: object, told?: Told): Promise<Reply>;
  tools(): Promise<Reply[]>;
  resources(): Promise<string[]>;
  close(): Promise<void>;
};

const authorized = (user?: User) => ({
  requestInit: { headers: { ...(user && { authorization: `Bearer ${user.token}` }) } },
});

const optionsOf = ({ onProgress }: Told) => (onProgress ? { onprogress: onProgress } : {});

/** The official client of the old era. Closed with the test. */
export async function oldClient(url: string, user?: User): Promise<HttpClient> {
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`), authorized(user)) as never);
  const close = () => client.close();
  onTestFinished(close);
  return {
    close,
    version: undefined,
    tools: async () => (await client.listTools()).tools,
    resources: async () => (await client.listResources()).resources.map(({ uri }) => uri),
    call: async (name, args = {}, told = {}) =>
      client.callTool({ name, arguments: { ...args } }, undefined, optionsOf(told)),
  };
}

/** The official client of the new era. Closed with the test. */
export async function modernClient(url: string, user?: User): Promise<HttpClient> {
  const client = new ModernClient({ name: 'test', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  await client.connect(new ModernTransport(new URL(`${url}/mcp`), authorized(user)));
  const close = () => client.close();
  onTestFinished(close);
  return {
    close,
    version: client.getNegotiatedProtocolVersion(),
    tools: async () => (await client.listTools()).tools,
    resources: async () => (await client.listResources()).resources.map(({ uri }) => uri),
    call: async (name, args = {}, told = {}) =>
      client.callTool({ name, arguments: { ...args } }, optionsOf(told)),
  };
}

let ids = 0;

/** A call of a tool, in the old era. */
export function callOf(name: string, args: object = {}): Reply {
  ids += 1;
  return { jsonrpc: '2.0', id: ids, method: 'tools/call', params: { name, arguments: args } };
}

/** A request of the new era. */
export function modernRequest(method: string, params: object = {}, capabilities: object = {}): Reply {
  ids += 1;
  return { jsonrpc: '2.0', id: ids, method, params: { ...params, _meta: envelopeOf(capabilities) } };
}
