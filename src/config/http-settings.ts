import * as z from 'zod';
import { amount, defineSetting, onOff, text, type ValueType } from './define-setting.ts';

/** Where the server listens for HTTP. */
export type ListenAddress = { host: string; port: number };

const LOOPBACK = '127.0.0.1';

const ADDRESS = /^(?:(?<host>\[[0-9a-f:.]+\]|[a-z0-9.-]+):)?(?<port>\d{1,5})$/i;

/** A port, reachable from this machine only, or an address. Port 0 means any free port. */
const listenAddress: ValueType<ListenAddress> = {
  name: '[host:]port',
  schema: z.string().transform((given, context) => {
    const { host = LOOPBACK, port = '' } = ADDRESS.exec(given)?.groups ?? {};
    if (port !== '' && Number(port) <= 65_535) {
      return { host: host.replace(/^\[|\]$/g, '').toLowerCase(), port: Number(port) };
    }
    context.addIssue({ code: 'custom', message: 'a port, or host:port as in 0.0.0.0:8080 or [::]:8080' });
    return z.NEVER;
  }),
};

const isOrigin = (given: string) =>
  /^https?:\/\//.test(given) && URL.canParse(given) && new URL(given).origin === given.toLowerCase();

/** Origins of web pages. */
const origins: ValueType<string[]> = {
  name: 'origins',
  schema: z
    .string()
    .transform(splitAtCommas)
    .refine((list) => list.every(isOrigin), {
      error: 'addresses without a path, as in https://app.example, with commas between them',
    }),
};

const hostNames: ValueType<string[]> = {
  name: 'names',
  schema: z
    .string()
    .transform(splitAtCommas)
    .refine((list) => list.every((name) => /^(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])$/.test(name)), {
      error: 'host names without a port, with commas between them',
    }),
};

function splitAtCommas(given: string): string[] {
  return given
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((each) => each !== '');
}

const webAddress = (example: string): ValueType<string> => ({
  name: 'url',
  schema: z.string().refine((given) => /^https?:\/\//.test(given) && URL.canParse(given), {
    error: `an address such as ${example}`,
  }),
});

const publicUrl: ValueType<string> = {
  name: 'url',
  schema: z
    .string()
    .refine((given) => isPlainUrl(given), {
      error: 'the address of the server without /mcp, as in https://batches.example.com',
    })
    .transform((given) => new URL(given).href.replace(/\/+$/, '')),
};

function isPlainUrl(given: string): boolean {
  if (!/^https?:\/\//i.test(given) || !URL.canParse(given)) return false;
  const { username, password, search, hash, pathname } = new URL(given);
  return [username, password, search, hash].every((part) => part === '') && !/\/mcp\/*$/.test(pathname);
}

/** The settings that only concern the server over HTTP. */
export const httpSettings = {
  http: defineSetting({
    variable: 'BATCH_MCP_HTTP',
    flag: 'http',
    type: listenAddress,
    default: null,
    defaultText: 'stdin and stdout',
    help: 'serve many clients over HTTP, on this machine alone unless a host is given: docs/team.md',
    protects: true,
    ofServer: true,
  }),
  httpUrl: defineSetting({
    variable: 'BATCH_MCP_HTTP_URL',
    type: publicUrl,
    default: null,
    defaultText: 'where it listens',
    help: 'the address under which clients reach it, such as that of a proxy in front of it',
    protects: true,
  }),
  httpHosts: defineSetting({
    variable: 'BATCH_MCP_HTTP_HOSTS',
    type: hostNames,
    default: null,
    help: "further names that a request's Host header may have",
  }),
  httpOrigins: defineSetting({
    variable: 'BATCH_MCP_HTTP_ORIGINS',
    type: origins,
    default: null,
    help: 'web pages that may call it from a browser, as https://app.example',
  }),
  httpTokens: defineSetting({
    variable: 'BATCH_MCP_HTTP_TOKENS',
    type: text('file'),
    default: null,
    help: 'a file of users and hashes of their tokens',
    protects: true,
  }),
  oauthIssuer: defineSetting({
    variable: 'BATCH_MCP_OAUTH_ISSUER',
    type: webAddress('https://login.example.com'),
    default: null,
    help: 'the identity provider whose tokens are accepted, by its exact issuer',
    protects: true,
  }),
  oauthAudience: defineSetting({
    variable: 'BATCH_MCP_OAUTH_AUDIENCE',
    type: text('name'),
    default: null,
    defaultText: 'BATCH_MCP_HTTP_URL with /mcp',
    help: 'the audience that its tokens must name',
    protects: true,
  }),
  oauthKeys: defineSetting({
    variable: 'BATCH_MCP_OAUTH_KEYS',
    type: webAddress('https://login.example.com/keys'),
    default: null,
    defaultText: 'what its metadata names',
    help: 'where its keys are',
    protects: true,
  }),
  uploadsDir: defineSetting({
    variable: 'BATCH_MCP_UPLOADS_DIR',
    type: text('folder'),
    default: null,
    defaultText: 'in the data folder',
    help: 'where files that users send over HTTP are kept; several servers must share one',
    protects: true,
  }),
  uploadMb: defineSetting({
    variable: 'BATCH_MCP_UPLOAD_MB',
    type: amount('megabytes'),
    default: 300,
    help: 'how large such a file may be',
    protects: true,
  }),
  shared: defineSetting({
    variable: 'BATCH_MCP_SHARED',
    type: onOff,
    default: false,
    help: "users over HTTP see each other's batches, and the same work of two is sent once",
    protects: true,
  }),
  userBudgetUsd: defineSetting({
    variable: 'BATCH_MCP_USER_BUDGET_USD',
    type: amount('dollars'),
    default: null,
    defaultText: 'off',
    help: 'ceiling for what each user over HTTP may submit in a UTC day, below the one for all',
    protects: true,
  }),
};
