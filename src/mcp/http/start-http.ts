import { createRecent } from '../../answers/recent.ts';
import type { HttpConfig } from '../../config/http-settings.ts';
import type { Context } from '../../state/context.ts';
import { mayUse, type Subject } from '../../state/subject.ts';
import { McpServer } from '../create-server.ts';
import { createMethods, type Methods, type Options } from '../methods.ts';
import {
  type Authenticate,
  createAuthentication,
  type FindSubject,
  localSubject,
} from './auth/authenticate.ts';
import { protectedResource } from './auth/metadata.ts';
import { openTokens } from './auth/static-tokens.ts';
import { healthRoutes } from './health.ts';
import { type HttpServer, listen, type Route } from './http-server.ts';
import { defaultHttpLimits, type HttpLimits } from './limits.ts';
import { createMcpEndpoint } from './mcp-endpoint.ts';
import { createNoFolders } from './no-folders.ts';
import { scopeOfTool } from './required-scope.ts';

type HttpOptions = Pick<Options, 'version' | 'redact' | 'onWork'> & {
  config: HttpConfig;
  limits?: Partial<HttpLimits>;
};

/** Users whose last questions are remembered. */
const USERS_REMEMBERED = 1_000;

/** Serves a context over HTTP to all who may come in. Throws `invalid_input` for settings that can't be used. */
export async function startHttp(context: Context, options: HttpOptions): Promise<HttpServer> {
  const { config, version, redact, onWork = () => {} } = options;
  const limits = { ...defaultHttpLimits, ...options.limits };
  const { log } = context;
  const remembered = createRecent<Methods>(USERS_REMEMBERED);

  function methodsFor(subject: Subject): Promise<Methods> {
    const key = JSON.stringify([subject.name, ...subject.scopes]);
    return remembered.get(key, async () => {
      const own = contextFor(context, subject);
      const source = {
        readOnly: context.readOnly,
        isOffered(tool: string) {
          const scope = scopeOfTool(tool);
          return scope !== null && mayUse(subject, scope);
        },
        load: async () => own,
      };
      return createMethods(source, { version, redact, onWork });
    });
  }

  const { url, oauth } = config;
  const resource = oauth === null || url === null ? null : protectedResource(url, oauth.issuer);
  const metadataUrl = resource?.metadataUrl ?? null;
  const health = healthRoutes(context);
  const answer = createMcpEndpoint({
    serverFor: async (subject) => new McpServer(await methodsFor(subject), { onWork }),
    limits,
    metadataUrl,
    log,
  });
  const mcp: Route = { path: '/mcp', methods: ['POST'], access: 'users', answer };
  const server = await listen({
    config,
    limits,
    routes: [...health.routes, ...(resource?.routes ?? []), mcp],
    authenticate: await authentication(context, config, metadataUrl),
    log,
  });
  return {
    address: server.address,
    async close(ms) {
      health.end();
      await server.close(ms);
    },
  };
}

/** What the operations work with for one user. */
function contextFor(context: Context, subject: Subject): Context {
  return { ...context, subject, folders: createNoFolders(), project: null };
}

async function authentication(
  { log }: Context,
  { tokensFile, oauth }: HttpConfig,
  metadataUrl: string | null,
): Promise<Authenticate> {
  if (tokensFile === undefined && oauth === null) return async () => localSubject;
  const ways: FindSubject[] = [];
  if (tokensFile !== undefined) {
    const tokens = await openTokens(tokensFile, log);
    ways.push((token) => tokens.find(token));
  }
  if (oauth !== null) {
    const { createOauth } = await import('./auth/oauth.ts');
    ways.push(createOauth(oauth, log));
  }
  return createAuthentication(ways, metadataUrl);
}
