import { uptime } from 'node:os';
import path from 'node:path';
import { readPriceFile } from '../cost/price-file.ts';
import { createAllowedFolders } from '../lib/files/allowed-folders.ts';
import { createDelivery, fromHome } from '../lib/http/deliver.ts';
import type { Log } from '../log.ts';
import { nextLookInMs } from '../operations/looking/next-look.ts';
import type { Dialect } from '../provider/dialect.ts';
import { dialectOf } from '../provider/dialects.ts';
import { createModelCatalog } from '../provider/models.ts';
import { pacedProvider } from '../provider/paced-provider.ts';
import type { Provider, ProviderName } from '../provider/provider.ts';
import { createProviders, type Providers } from '../provider/providers.ts';
import { type Caller, type Context, callerLimits, defaultLimits, type Limits } from '../state/context.ts';
import { createJobs } from '../state/jobs.ts';
import { createStore } from '../store/files/create-store.ts';
import type { SqlClient } from '../store/postgres/database.ts';
import type { BatchRecord } from '../store/record.ts';
import type { Store } from '../store/store.ts';
import { createTemplates, type Templates } from '../templates/templates.ts';
import type { Config } from './config.ts';
import { checkedSchema, DEFAULT_SCHEMA } from './store-address.ts';

type Options = Partial<Pick<Context, 'now' | 'upMs' | 'store'>> & {
  /** Who the operations are for. Default: an agent, who has the most restrictions. */
  caller?: Caller;
  /** Used instead of the environment's credentials. */
  apiKey?: string;
  limits?: Partial<Limits>;
  providers?: Providers;
  /** Used instead of the configured store. */
  database?: OwnDatabase;
};

/** PostgreSQL connections that still belong to their owner: they are not closed here. */
export type OwnDatabase = {
  /** A `Pool` of the package `pg`, or anything that runs SQL like one. */
  client: SqlClient;
  /** The schema of the tables, an identifier of lower-case letters, digits and _. Default: `batch_mcp`. */
  schema?: string;
};

/** A context, and how to close it. */
export type ClosableContext = Context & { close(): Promise<void> };

/** Assembles a context from a configuration. Reads the price file, if any; touches nothing else. */
export async function createContext(
  config: Config,
  log: Log,
  options: Options = {},
): Promise<ClosableContext> {
  const { caller = 'agent' } = options;
  const dialect = dialectOf(config.provider);
  const extra = config.pricesFile === undefined ? [] : await readPriceFile(config.pricesFile, dialect.models);
  const templates = await templatesIn(config.templatesDir, dialect);
  const limits = { ...defaultLimits(dialect), ...callerLimits[caller], ...options.limits };
  const { store, close: closeStore } = await openStore(config, log, limits, options);
  const providers = options.providers ?? createProviders({ ...config, apiKey: options.apiKey }, log);
  return {
    store,
    defaultProvider: config.provider,
    provider: inTurns(providers.get, store, config, log),
    templates,
    catalog: createModelCatalog(dialect.models, { tiers: config.tierModels, extra, betas: config.betas }),
    folders: createAllowedFolders({
      allowed: caller === 'agent' ? config.allowedDirs : 'any',
      base: config.baseDir,
      workFolder: config.workDir,
      forbidden: [config.dataDir],
      home: config.home,
    }),
    answersFolder: config.answersDir,
    jobs: createJobs(),
    limits,
    maxCostUsd: config.maxCostUsd,
    dailyBudgetUsd: config.dailyBudgetUsd,
    // A person's or a program's own action needs no approval.
    askAboveUsd: caller === 'agent' ? config.askAboveUsd : null,
    notify:
      config.notify && createDelivery(fromHome(config.notify.target, config.home), config.notify.headers),
    sandboxSeconds: config.sandboxSeconds,
    allowNetworkTools: config.allowNetworkTools,
    readOnly: config.readOnly,
    subject: null,
    linkTo: null,
    isShared: config.isShared,
    userBudgetUsd: config.userBudgetUsd,
    remote: config.remote,
    project: config.project,
    log,
    settleMs: config.settleSeconds * 1000,
    now: options.now ?? (() => new Date()),
    upMs: options.upMs ?? (() => Math.round(uptime() * 1000)),
    async close() {
      await Promise.all([providers.close(), closeStore()]);
    },
  };
}

/** The providers. Requests to the API wait for their turn if the store shares a rate; each machine has its own sandbox. */
function inTurns(
  get: Providers['get'],
  { turns }: Store,
  { requestsPerMinute }: Config,
  log: Log,
): (name: ProviderName) => Provider {
  if (turns === null) {
    if (requestsPerMinute !== null)
      log(
        'warn',
        "BATCH_MCP_REQUESTS_PER_MINUTE has no effect: it is for a team's database (BATCH_MCP_STORE).",
      );
    return get;
  }
  const next = (account: string, longestMs: number) => turns.next(account, requestsPerMinute, longestMs);
  const made = new Map<ProviderName, Provider>();
  return (name) => {
    const provider = get(name);
    if (name === 'sandbox') return provider;
    const paced =
      made.get(name) ?? pacedProvider(provider, { next, hold: (account, ms) => turns.hold(account, ms) });
    made.set(name, paced);
    return paced;
  };
}

/** The store, and how to close it; the code for a database is loaded only if there is one. */
async function openStore(
  config: Config,
  log: Log,
  { longestPauseMs, aliveMs }: Limits,
  { store: given, database, now = () => new Date() }: Options,
): Promise<{ store: Store; close: () => Promise<void> }> {
  const { store: address, dataDir, notify, sandboxSeconds } = config;
  const warn = (message: string) => log('warn', message);
  const shared = async () => ({
    log: warn,
    aliveMs,
    objects: await openBlobs(config, warn),
    nextLook: (record: BatchRecord) => ({
      inMs: nextLookInMs(record, { now: now(), tells: notify !== null, sandboxSeconds, longestPauseMs }),
      subject: record.user ?? '',
    }),
  });
  const nothing = async () => {};
  if (given !== undefined) return { store: given, close: nothing };
  if (database !== undefined) {
    const { createDatabaseStore } = await import('../store/postgres/create-store.ts');
    const schema = checkedSchema(database.schema ?? DEFAULT_SCHEMA);
    const place = `PostgreSQL (schema ${schema})`;
    const store = createDatabaseStore({ client: database.client, schema, place, ...(await shared()) });
    return { store, close: () => store.close() };
  }
  if (address === null) return { store: createStore({ path: dataDir, log: warn }), close: nothing };
  const { createStore: createSharedStore } = await import('../store/postgres/open-store.ts');
  const store = createSharedStore({ ...address, ...(await shared()) });
  return { store, close: () => store.close() };
}

/** Where the bytes of a database's blobs are kept; null: in the database itself. */
async function openBlobs({ blobs, blobsCacheBytes, dataDir }: Config, log: (message: string) => void) {
  if (blobs === null) return null;
  const { openObjects } = await import('../store/objects/open-objects.ts');
  return openObjects(blobs, {
    folder: path.join(dataDir, 'cache', 'blobs'),
    limitBytes: blobsCacheBytes,
    log,
  });
}

/** The built-in task types and those in the owner's folder; the code that reads the folder is loaded only if there is one. */
async function templatesIn(folder: string | undefined, { requests }: Dialect): Promise<Templates> {
  if (folder === undefined) return createTemplates();
  const { readTemplates } = await import('../templates/read-templates.ts');
  const read = () => readTemplates(folder, (schema) => requests.prepareSchema(schema));
  return createTemplates(await read(), read);
}
