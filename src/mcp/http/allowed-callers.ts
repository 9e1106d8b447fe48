import type { IncomingMessage } from 'node:http';
import { type HttpConfig, isLoopback } from '../../config/http-config.ts';
import type { Refusal } from './refusal.ts';

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];

type AllowedCallers = {
  /** Null for a request that may come in: one to a name of this server, and from no web page except an allowed one. */
  check(request: IncomingMessage): Refusal | null;
  /** What a browser needs to see before it gives an allowed web page the answer. */
  corsHeaders(request: IncomingMessage): Record<string, string>;
};

/**
 * Keeps out web pages that a browser on this machine or network has open. A page whose name was made to resolve to this
 * server (DNS rebinding) is recognised by its Host, any other by its Origin.
 */
export function createAllowedCallers(
  config: Pick<HttpConfig, 'host' | 'url' | 'hosts' | 'origins'>,
): AllowedCallers {
  const own = config.url === null ? null : new URL(config.url);
  const names = new Set([
    ...(isLoopback(config.host) ? LOOPBACK_NAMES : []),
    ...(own === null ? [] : [own.hostname]),
    ...config.hosts,
  ]);
  const origins = new Set([...(own === null ? [] : [own.origin]), ...config.origins]);

  /** A page served by this server itself is as good as no page, since its Host has been checked. */
  const isOwn = (origin: string, host: string) =>
    own === null && (origin === `http://${host}` || origin === `https://${host}`);

  return {
    check(request) {
      const host = hostOf(request);
      if (host === null || !names.has(nameOf(host))) {
        const message =
          'The Host header names none of the hosts of this server (BATCH_MCP_HTTP_URL, BATCH_MCP_HTTP_HOSTS).';
        return { status: 421, error: 'wrong_host', message };
      }
      const { origin } = request.headers;
      if (origin === undefined || origins.has(origin.toLowerCase()) || isOwn(origin, host)) return null;
      const message =
        'This web page may not call this server. Its owner can allow it (BATCH_MCP_HTTP_ORIGINS).';
      return { status: 403, error: 'wrong_origin', message };
    },
    corsHeaders({ headers: { origin } }) {
      if (origin === undefined) return {};
      return {
        'access-control-allow-origin': origin,
        'access-control-expose-headers': 'WWW-Authenticate, Mcp-Session-Id',
        vary: 'Origin',
      };
    },
  };
}

/** The request's Host in lower case; null if there is none or more than one: a proxy may have gone by the other. */
function hostOf({ rawHeaders }: IncomingMessage): string | null {
  const hosts = rawHeaders.flatMap((name, index) =>
    index % 2 === 0 && name.toLowerCase() === 'host' ? (rawHeaders[index + 1] ?? '') : [],
  );
  const [host] = hosts;
  return hosts.length === 1 && host !== undefined ? host.toLowerCase() : null;
}

/** Without the port. Something that isn't a name stays as it is, and is never allowed. */
function nameOf(host: string): string {
  return /^(?<name>\[[0-9a-f:.]+\]|[a-z0-9.-]+?)\.?(?::\d{1,5})?$/.exec(host)?.groups?.name ?? host;
}
