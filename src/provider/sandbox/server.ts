import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Log } from '../../log.ts';
import { createApi } from './api.ts';
import { openBatchFolder } from './batch-folder.ts';
import { createFaultPlan, type Fault, type FaultPlan } from './faults.ts';
import { faultyLines } from './result-lines.ts';
import { type Answer, matchRoute } from './routes.ts';
import { errorBody, type Refusal, refuse, typeOfStatus } from './wire-answer.ts';

export type SandboxOptions = {
  dataDir: string;
  /** How long a batch is in progress. */
  seconds: number;
  /** What is to go wrong, for tests. */
  faults?: readonly Fault[];
  log: Log;
};

export type SandboxServer = {
  readonly url: string;
  /** The only bearer token that is let in; made anew for each server. */
  readonly token: string;
  close(): Promise<void>;
};

/**
 * A Message Batches API of our own on 127.0.0.1, over the batches in the data folder. It does not keep the
 * process alive.
 */
export async function startSandboxServer({
  dataDir,
  seconds,
  faults = [],
  log,
}: SandboxOptions): Promise<SandboxServer> {
  const folder = await openBatchFolder(dataDir, seconds);
  const token = `sandbox-${randomBytes(24).toString('hex')}`;
  const plan = createFaultPlan(faults);
  const server = createServer();
  server.on('connection', (socket) => socket.unref());
  const url = await listen(server);
  const api = createApi(folder, url);
  server.on('request', (request, response) => {
    const requestId = `req_sandbox_${randomBytes(8).toString('hex')}`;
    response.setHeader('request-id', requestId);
    const exchange = { request, response, requestId };
    answer(exchange).catch((error: unknown) => {
      // Once lines are on their way, it is a client that left, or a cut that was planned.
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
    await answerWithFaults(exchange, plan, route.name, () => api[route.name]({ ...route, body: request }));
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

/** Who may ask at all. The Host header is checked, so that no web page gets here by a name of its own. */
function checkEntry({ headers }: IncomingMessage, host: string, token: string): Refusal | null {
  if (headers.host !== host) return refuse(403, 'Host not allowed');
  const given = Buffer.from(headers.authorization ?? '');
  const wanted = Buffer.from(`Bearer ${token}`);
  const same = given.length === wanted.length && timingSafeEqual(given, wanted);
  return same ? null : refuse(401, 'invalid bearer token');
}

async function answerWithFaults(
  exchange: Exchange,
  plan: FaultPlan,
  route: keyof ReturnType<typeof createApi>,
  act: () => Promise<Answer>,
): Promise<void> {
  const { request, response } = exchange;
  const fault = route === 'delete' ? undefined : plan.next(route);
  switch (fault?.kind) {
    case undefined:
      return send(exchange, await act());
    case 'reset_before_commit':
      await drain(request);
      request.socket.resetAndDestroy();
      return;
    case 'reset_after_commit':
      await act();
      request.socket.resetAndDestroy();
      return;
    case 'status':
      await (fault.commits ? act() : drain(request));
      if (fault.retry_after_seconds !== undefined)
        response.setHeader('retry-after', fault.retry_after_seconds);
      return send(exchange, {
        ...refuse(fault.status, 'A planned fault', typeOfStatus(fault.status)),
        ...(fault.error_code === undefined ? {} : { errorCode: fault.error_code }),
      });
    case 'hang':
      await (fault.commits ? act() : drain(request));
      return;
    case 'unreadable':
      await act();
      response.setHeader('content-type', 'application/json').end('{"id": "msgbatch_');
      return;
    case 'cut_at_line':
    case 'cut_in_line':
    case 'cut_socket':
    case 'drop_line': {
      const answered = await act();
      if (!answered.ok || !('lines' in answered)) return send(exchange, answered);
      return send(exchange, { ok: true, lines: faultyLines(answered.lines, fault) });
    }
  }
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

/** Takes the rest of a body, so that the client hears the answer instead of a broken connection. */
async function drain(request: IncomingMessage): Promise<void> {
  for await (const _ of request);
}
