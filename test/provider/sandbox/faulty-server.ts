import { createServer, type IncomingMessage, type ServerResponse, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import {
  type SandboxOptions,
  type SandboxServer,
  startSandboxServer,
} from '../../../src/provider/sandbox/server.ts';

export type FaultRoute = 'create' | 'retrieve' | 'list' | 'cancel' | 'results' | 'count' | 'models';

/** What goes wrong on any route. */
type AnyRouteFault =
  /** An error of the API; on a create nothing is made, unless `commits`, which an honest API does not say. */
  | { kind: 'status'; status: number; retry_after_seconds?: number; error_code?: string; commits?: boolean }
  /** The answer never comes; what was asked is done only with `commits`. */
  | { kind: 'hang'; commits?: boolean }
  /** The connection is reset, and what was asked is not done. */
  | { kind: 'reset_before_commit' }
  /** What was asked is done, and the connection reset instead of an answer. */
  | { kind: 'reset_after_commit' }
  /** What was asked is done; the answer has a good status and is no JSON. */
  | { kind: 'unreadable' };

/** What goes wrong with the lines of a download. */
type LinesFault =
  /** The answer ends cleanly after its first line. */
  | { kind: 'cut_at_line' }
  /** The answer ends cleanly in the middle of its second line. */
  | { kind: 'cut_in_line' }
  /** The connection is destroyed in the middle of the second line. */
  | { kind: 'cut_socket' }
  /** The first line is left out. */
  | { kind: 'drop_line' };

/** One thing that goes wrong on a route. */
export type RouteFault = ({ route: FaultRoute } & AnyRouteFault) | ({ route: 'results' } & LinesFault);

/** The same at the `nth` request of its route, counted from 1. */
export type Fault = RouteFault & { nth: number };

/** Starts the sandbox behind a proxy that makes these things go wrong. */
export function behindFaults(faults: readonly Fault[]) {
  return async (options: SandboxOptions): Promise<SandboxServer> => {
    const sandbox = await startSandboxServer(options);
    const seen = new Map<FaultRoute, number>();
    const proxy = await startFaultyProxy(sandbox.url, (route) => {
      const nth = (seen.get(route) ?? 0) + 1;
      seen.set(route, nth);
      return faults.find((each) => each.route === route && each.nth === nth);
    });
    return {
      url: proxy.url,
      token: sandbox.token,
      async close() {
        proxy.close();
        await sandbox.close();
      },
    };
  };
}

/** Starts a proxy before an API, which makes of each request to it what `faultOf` says; it keeps no process alive. */
export async function startFaultyProxy(
  target: string,
  faultOf: (route: FaultRoute) => RouteFault | undefined,
): Promise<{ url: string; close: () => void }> {
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const fault = faultOf(routeOf(request));
    if (fault === undefined) await pass(target, request, response);
    else await goWrong(fault, target, request, response);
  }

  const proxy = createServer((request, response) => {
    answer(request, response).catch(() => request.socket.destroy());
  });
  proxy.on('connection', (socket) => socket.unref());
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  proxy.unref();
  const { port } = proxy.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close() {
      proxy.close();
      proxy.closeAllConnections();
    },
  };
}

function routeOf({ method, url = '' }: IncomingMessage): FaultRoute {
  const { pathname } = new URL(url, 'http://sandbox');
  if (pathname.endsWith('/count_tokens')) return 'count';
  if (pathname.endsWith('/models')) return 'models';
  if (pathname.endsWith('/cancel')) return 'cancel';
  if (pathname.endsWith('/results')) return 'results';
  if (pathname.endsWith('/batches')) return method === 'POST' ? 'create' : 'list';
  return 'retrieve';
}

/** Asks the sandbox itself; it knows no other host than its own. */
function forward(url: string, request: IncomingMessage): Promise<IncomingMessage> {
  const target = new URL(request.url ?? '', url);
  const headers = { ...request.headers, host: target.host };
  return new Promise((resolve, reject) => {
    const asked = send(target, { method: request.method, headers }, resolve).on('error', reject);
    request.on('error', reject).pipe(asked);
  });
}

async function pass(url: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const answered = await forward(url, request);
  response.writeHead(answered.statusCode ?? 500, answered.headers);
  answered.pipe(response);
}

async function goWrong(
  fault: RouteFault,
  url: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const commit = async () => void (await text(await forward(url, request)));
  const drop = async () => void (await text(request));
  switch (fault.kind) {
    case 'reset_before_commit':
      await drop();
      request.socket.resetAndDestroy();
      return;
    case 'reset_after_commit':
      await commit();
      request.socket.resetAndDestroy();
      return;
    case 'status': {
      await (fault.commits ? commit() : drop());
      const details = fault.error_code === undefined ? {} : { details: { error_code: fault.error_code } };
      const error = { type: typeOf(fault.status), message: 'A planned fault', ...details };
      response.statusCode = fault.status;
      response.setHeader('content-type', 'application/json');
      if (fault.retry_after_seconds !== undefined)
        response.setHeader('retry-after', fault.retry_after_seconds);
      response.end(JSON.stringify({ type: 'error', error, request_id: 'req_planned' }));
      return;
    }
    case 'hang':
      return fault.commits ? commit() : drop();
    case 'unreadable':
      await commit();
      response.setHeader('content-type', 'application/json').end('{"id": "msgbatch_');
      return;
    default:
      await spoil(fault, await text(await forward(url, request)), response);
  }
}

async function spoil({ kind }: LinesFault, lines: string, response: ServerResponse): Promise<void> {
  const [first = '', second = '', ...rest] = lines.split(/(?<=\n)/);
  const half = second.slice(0, Math.ceil(second.length / 2));
  switch (kind) {
    case 'drop_line':
      response.end([second, ...rest].join(''));
      return;
    case 'cut_at_line':
      response.end(first);
      return;
    case 'cut_in_line':
      response.end(first + half);
      return;
    case 'cut_socket':
      await new Promise<void>((resolve) => response.write(first + half, () => resolve()));
      response.destroy();
  }
}

const types: Record<number, string> = {
  400: 'invalid_request_error',
  429: 'rate_limit_error',
  529: 'overloaded_error',
};

function typeOf(status: number): string {
  return types[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');
}
