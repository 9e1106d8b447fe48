import { usualScopes } from '../../../state/subject.ts';
import type { Route } from '../http-server.ts';

const WELL_KNOWN = '/.well-known/oauth-protected-resource';

/** Where a client learns how to get a token (RFC 9728): the address, and the routes that answer there. */
export function protectedResource(url: string, issuer: string): { metadataUrl: string; routes: Route[] } {
  const { origin, pathname } = new URL(url);
  const path = `${pathname.replace(/\/+$/, '')}/mcp`;
  const text = JSON.stringify({
    resource: `${url}/mcp`,
    authorization_servers: [issuer],
    scopes_supported: usualScopes,
    bearer_methods_supported: ['header'],
    resource_name: 'batch-mcp',
  });
  const places = new Set([WELL_KNOWN, `${WELL_KNOWN}/mcp`, `${WELL_KNOWN}${path}`]);
  const routes = [...places].map(
    (place): Route => ({
      path: place,
      methods: ['GET', 'HEAD'],
      access: 'public',
      answer(_request, response) {
        response.writeHead(200, { 'content-type': 'application/json' }).end(text);
      },
    }),
  );
  return { metadataUrl: `${origin}${WELL_KNOWN}${path}`, routes };
}
