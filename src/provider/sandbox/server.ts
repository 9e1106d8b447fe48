import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Log } from '../../log.ts';
import { type Answer, createApi, matchRoute } from './api.ts';
import { openBatchFolder } from './batch-folder.ts';
import { errorBody, type Refusal, refuse } from './wire-answer.ts';

export type SandboxOptions = {
  /** Where its batches are; created when it starts. */
  folder: string;
  /** How long a batch is in progress. */
  seconds: number;
  log: Log;
};

export type SandboxServer = {
  readonly url: string;
  /** The only bearer token that is accepted; a new one for each server. */
  readonly token: string;
  close(): Promise<void>;
};

/**
 * A Message Batches API of our own on 127.0.0.1, over the batches in a folder. It does not keep the
 * process alive.
 */
export async function startSandboxServer({
  folder: path,
  seconds,
  log,
}: SandboxOptions): Promise<SandboxServer> {
  const folder = await openBatchFolder(path, seconds);
  const token = `sandbox-${randomBytes(24).toString('hex')}`;
  // Without an `import`, whose names would load all of `fetch`.
  const server = process.getBuiltinModule('node:http').createServer();
  server.on('connection', (socket) => socket.unref());
  const url = await listen(server);
  const api = createApi(folder, url);
  server.on('request', (request, response) => {
    const requestId = `req_sandbox_${randomBytes(8).toString('hex')}`;
    response.setHeader('request-id', requestId);
    const exchange = { request, response, requestId };
    answer(exchange).catch((error: unknown) => {
      // Once lines are on their way, the failure is a client that left.
      log(response.headersSent ? 'debug' : 'error', `sandbox: ${String(error)}`);
      if (response.headersSent) response.destroy();
      else sendJson(exchange, refuse(500, 'Internal server error'));
    });
  });

  async function answer(exchange: Exchange): Promise<void> {
    const { request } = exchange;
    const entry = checkEntry(request, new URL(url).host, token);
    const route = entry ?? matchRoute(request.method ?? '', request.url ?? '');
    if (!route.ok) return drain(request).then(() => send(exchange, route));
    await send(exchange, await api[route.name]({ ...route, body: request }));
  }

  return {
    url,
    token,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

type Exchange = { request: IncomingMessage; response: ServerResponse; requestId: string };

function listen(server: Server): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address === 'string') return reject(new Error('no port to listen on'));
      server.unref();
      resolve(`http://127.0.0.1:${address.port}`);
    });
  });
}

/** Who may ask at all. The Host header is checked, so that no web page gets here by a host name of its own. */
function checkEntry({ headers }: IncomingMessage, host: string, token: string): Refusal | null {
  if (headers.host !== host) return refuse(403, 'Host not allowed');
  const given = Buffer.from(headers.authorization ?? '');
  const wanted = Buffer.from(`Bearer ${token}`);
  const same = given.length === wanted.length && timingSafeEqual(given, wanted);
  return same ? null : refuse(401, 'invalid bearer token');
}

async function send(exchange: Exchange, answer: Answer): Promise<void> {
  if (!answer.ok || !('lines' in answer)) return sendJson(exchange, answer);
  exchange.response.setHeader('content-type', 'application/x-jsonl');
  return pipeline(Readable.from(joined(answer.lines)), exchange.response);
}

function sendJson({ response, requestId }: Exchange, answer: Refusal | { ok: true; body: object }): void {
  response.statusCode = answer.ok ? 200 : answer.status;
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(answer.ok ? answer.body : errorBody(answer, requestId)));
}

async function* joined(groups: AsyncIterable<string[]>): AsyncGenerator<string> {
  for await (const group of groups) yield group.join('');
}

/** Reads the rest of a body, so that the client gets the answer instead of a broken connection. */
async function drain(request: IncomingMessage): Promise<void> {
  for await (const _ of request);
}
