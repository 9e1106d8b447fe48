import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { HttpConfig } from '../../config/http-config.ts';
import { BatchError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Subject } from '../../state/subject.ts';
import { createAllowedCallers } from './allowed-callers.ts';
import type { Authenticate } from './auth/authenticate.ts';
import type { HttpLimits } from './limits.ts';
import { isRefusal, type Refusal, refuse } from './refusal.ts';

/**
 * Who is answered. `all`: everybody, whatever their Host, for routes that reveal nothing about anyone; `public`: every
 * allowed caller; `users`: authenticated users.
 */
type Access = 'all' | 'public' | 'users';

/** Answers the requests to one path, or to every path below it. */
export type Route = {
  path: string | { below: string };
  methods: readonly string[];
  access: Access;
  answer: (request: IncomingMessage, response: ServerResponse, subject: Subject) => Promise<void> | void;
};

type Options = {
  config: HttpConfig;
  limits: HttpLimits;
  routes: readonly Route[];
  authenticate: Authenticate;
  log: Log;
};

export type HttpServer = {
  /** Where it listens: `http://127.0.0.1:8080`. */
  readonly address: string;
  /** Accepts no more requests, and resolves when the open ones are answered or `ms` have passed. */
  close(ms: number): Promise<void>;
};

const ALLOWED_HEADERS =
  'Authorization, Content-Type, Accept, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id, Last-Event-ID';

/** Listens, and admits only allowed callers. Throws Node's own error if it can't listen. */
export async function listen({ config, limits, routes, authenticate, log }: Options): Promise<HttpServer> {
  const callers = createAllowedCallers(config);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('x-content-type-options', 'nosniff');
    const path = pathOf(request);
    if (path === null) return refuse(response, noSuchPath);
    const route = routes.find((each) => isFor(each, path));
    if (route?.access === 'all') return routed(route, request, response, nobody);
    const stranger = callers.check(request);
    if (stranger !== null) return refuse(response, stranger);
    for (const [name, value] of Object.entries(callers.corsHeaders(request))) response.setHeader(name, value);
    if (route === undefined) return refuse(response, noSuchPath);
    if (request.method === 'OPTIONS') {
      const allowed = { 'access-control-allow-methods': route.methods.join(', ') };
      response.writeHead(204, { ...allowed, 'access-control-allow-headers': ALLOWED_HEADERS }).end();
      return;
    }
    if (route.access === 'public') return routed(route, request, response, nobody);
    const subject = await authenticate(request);
    return isRefusal(subject) ? refuse(response, subject) : routed(route, request, response, subject);
  }

  const server = createServer(
    {
      headersTimeout: limits.headersMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.idleMs,
      connectionsCheckingInterval: Math.min(limits.headersMs, 5_000),
      maxHeaderSize: 32_768,
    },
    (request, response) => {
      request.on('error', () => {});
      response.on('error', () => {});
      answer(request, response).catch((error: unknown) => {
        if (error instanceof BatchError && error.code === 'store_failed') {
          log('warn', `${request.method ?? ''} failed: ${error.message}`);
          return refuse(response, storeAway);
        }
        log('error', `${request.method ?? ''} failed: a fault of this server's own`);
        log('debug', error instanceof Error ? (error.stack ?? error.message) : String(error));
        refuse(response, { status: 500, error: 'internal', message: "A fault of the server's own." });
      });
    },
  );
  server.maxConnections = limits.connections;
  server.listen(config.port, config.host);
  await once(server, 'listening');
  server.on('error', (error) => log('error', `The HTTP server: ${error.message}`));

  return {
    address: addressOf(server.address()),
    async close(ms) {
      const closed = once(server, 'close');
      // Connections end with the answer they are still waiting for.
      server.keepAliveTimeout = 1;
      server.close();
      const timer = setTimeout(() => server.closeAllConnections(), ms);
      await closed;
      clearTimeout(timer);
    },
  };
}

const nobody: Subject = { name: '', scopes: new Set() };

/** Where the store is, and why it can't be reached, stays in the log. */
const storeAway: Refusal = {
  status: 503,
  error: 'store_unreachable',
  message: 'The store of batches cannot be reached now. Try again in a minute.',
  headers: { 'retry-after': '30' },
};

const noSuchPath: Refusal = { status: 404, error: 'not_found', message: 'There is nothing at this path.' };

/** The path as sent, not decoded; null if the request's target is not a path. */
export function pathOf({ url = '' }: IncomingMessage): string | null {
  return url.startsWith('/') ? (url.split('?')[0] ?? null) : null;
}

function isFor({ path: own }: Pick<Route, 'path'>, path: string): boolean {
  return typeof own === 'string' ? own === path : path.startsWith(own.below);
}

function routed(route: Route, request: IncomingMessage, response: ServerResponse, subject: Subject) {
  if (route.methods.includes(request.method ?? '')) return route.answer(request, response, subject);
  const allow = route.methods.join(', ');
  const message = `Only ${allow} is answered here.`;
  return refuse(response, { status: 405, error: 'wrong_method', message, headers: { allow } });
}

function addressOf(address: AddressInfo | string | null): string {
  if (address === null || typeof address === 'string') throw new Error('an HTTP server without a port');
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}
