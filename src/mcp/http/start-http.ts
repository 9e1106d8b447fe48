import path from 'node:path';
import type { HttpConfig } from '../../config/http-config.ts';
import { createRecent } from '../../lib/recent.ts';
import type { Context } from '../../state/context.ts';
import { mayUse, type Subject } from '../../state/subject.ts';
import { takeAnswer } from '../asking.ts';
import { McpServer } from '../create-server.ts';
import { createMethods, type Methods, type Options } from '../methods.ts';
import {
  type Authenticate,
  createAuthentication,
  type FindSubject,
  localSubject,
  scopeOfTool,
} from './auth/authenticate.ts';
import { protectedResource } from './auth/metadata.ts';
import { openTokens } from './auth/static-tokens.ts';
import { createLinks } from './files/links.ts';
import { createUploadFolders } from './files/upload-folders.ts';
import { uploadRoutes } from './files/upload-routes.ts';
import { createUploads, type Uploads } from './files/uploads.ts';
import { healthRoutes } from './health.ts';
import { type HttpServer, listen, type Route } from './http-server.ts';
import { defaultHttpLimits, type HttpLimits } from './limits.ts';
import { createMcpEndpoint } from './mcp-endpoint.ts';
import { type Counted, metricsRoute } from './metrics.ts';

type HttpOptions = Pick<Options, 'version' | 'redact' | 'onWork'> & {
  config: HttpConfig;
  /** How often the API was asked for what. */
  counted?: Counted;
  limits?: Partial<HttpLimits>;
};

/** Users whose last questions are remembered. */
const USERS_REMEMBERED = 1_000;
const SWEEP_MS = 60 * 60_000;

/** Serves a context over HTTP to all who may come in. Throws `invalid_input` for settings that can't be used. */
export async function startHttp(context: Context, options: HttpOptions): Promise<HttpServer> {
  const { config, onWork = () => {}, counted = () => new Map() } = options;
  const limits = { ...defaultHttpLimits, ...options.limits };
  const { log } = context;
  const uploads = createUploads({ folder: config.uploadsDir, bytes: config.uploadBytes, limits, log });
  const links = await createLinks(context, limits.linkMs);
  let address = '';
  const methodsFor = createUsersMethods(context, options, {
    folderOf: (user) => uploads.folderOf(user),
    linkTo: (user, batchId, name) => links.linkTo(config.url ?? address, user)(batchId, name),
  });

  const { url, oauth } = config;
  const resource = oauth === null || url === null ? null : protectedResource(url, oauth.issuer);
  const metadataUrl = resource?.metadataUrl ?? null;
  const health = healthRoutes(context);
  const answer = createMcpEndpoint({
    serverFor: async (subject, asksApart) => new McpServer(await methodsFor(subject), { onWork, asksApart }),
    takeAnswer: (subject, message) => takeAnswer(async () => ({ ...context, subject }), message),
    asks: context.askAboveUsd !== null,
    limits,
    metadataUrl,
    log,
  });
  const mcp: Route = { path: '/mcp', methods: ['POST'], access: 'users', answer };
  const server = await listen({
    config,
    limits,
    routes: [
      ...health.routes,
      ...(resource?.routes ?? []),
      ...uploadRoutes(uploads, metadataUrl),
      links.route,
      metricsRoute(context, counted, metadataUrl),
      mcp,
    ],
    authenticate: await authentication(context, config, metadataUrl),
    log,
  });
  address = server.address;
  const stopSweeping = keepSwept(uploads);
  return {
    address,
    async close(ms) {
      stopSweeping();
      health.end();
      await server.close(ms);
    },
  };
}

type UsersFiles = {
  /** The folder of a user's uploads. */
  folderOf: (user: string) => string;
  /** The address of a file from a batch, for its user. */
  linkTo: (user: string, batchId: string, name: string) => string;
};

/** The methods of each user, over a context of their own; those of the latest users are kept, with their questions. */
function createUsersMethods(
  context: Context,
  { version, redact, onWork = () => {} }: HttpOptions,
  { folderOf, linkTo }: UsersFiles,
): (subject: Subject) => Promise<Methods> {
  const remembered = createRecent<Methods>(USERS_REMEMBERED);
  return (subject) =>
    remembered.get(JSON.stringify([subject.name, ...subject.scopes]), async () => {
      const folder = folderOf(subject.name);
      const own = {
        ...context,
        subject,
        folders: createUploadFolders(folder),
        linkTo: (batchId: string, name: string) => linkTo(subject.name, batchId, name),
        project: null,
      };
      /** Where the uploads are is nothing to their user, who knows them by another name. */
      const told = (text: string) => redact(text).replaceAll(`${folder}${path.sep}`, 'upload:');
      const source = {
        readOnly: context.readOnly,
        isOffered(tool: string) {
          const scope = scopeOfTool(tool);
          return scope !== null && mayUse(subject, scope);
        },
        load: async () => own,
      };
      return createMethods(source, { version, redact: told, onWork });
    });
}

/** Sweeps the uploads now and every hour, until it is stopped. */
function keepSwept(uploads: Pick<Uploads, 'sweep'>): () => void {
  void uploads.sweep();
  const sweeping = setInterval(() => void uploads.sweep(), SWEEP_MS).unref();
  return () => clearInterval(sweeping);
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
