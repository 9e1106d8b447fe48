import { randomUUID } from 'node:crypto';
import { createAllowedFolders } from '../lib/allowed-folders.ts';
import type { Log } from '../log.ts';
import { createModelCatalog } from '../provider/models.ts';
import { readPriceFile } from '../provider/price-file.ts';
import { createProviders, type Providers } from '../provider/providers.ts';
import type { Context } from '../state/context.ts';
import { defaultLimits, type Limits } from '../state/context.ts';
import { createJobs } from '../state/jobs.ts';
import { createStore } from '../store/files/create-store.ts';
import { thisProcess } from '../store/process-identity.ts';
import { createTemplates } from '../templates/templates.ts';
import type { Config } from './config.ts';

type Overrides = Partial<Pick<Context, 'now' | 'store'>> & {
  limits?: Partial<Limits>;
  providers?: Providers;
};

/** Puts a configuration's parts together. Reads the price file, if any; touches nothing else. */
export async function createContext(
  config: Config,
  log: Log,
  overrides: Overrides = {},
): Promise<Context & { close(): Promise<void> }> {
  const extra = config.pricesFile === undefined ? [] : await readPriceFile(config.pricesFile);
  const providers = overrides.providers ?? createProviders(config, log);
  return {
    store: overrides.store ?? createStore({ path: config.dataDir, log: (message) => log('warn', message) }),
    defaultProvider: config.provider,
    provider: providers.get,
    templates: createTemplates(),
    catalog: createModelCatalog({ tiers: config.tierModels, extra }),
    folders: createAllowedFolders({
      allowed: config.allowedDirs,
      base: config.baseDir,
      workFolder: config.workDir,
      forbidden: [config.dataDir],
      home: config.home,
    }),
    jobs: createJobs(),
    limits: { ...defaultLimits, ...overrides.limits },
    maxCostUsd: config.maxCostUsd,
    dailyBudgetUsd: config.dailyBudgetUsd,
    sandboxSeconds: config.sandboxSeconds,
    allowNetworkTools: config.allowNetworkTools,
    readOnly: config.readOnly,
    remote: config.remote,
    project: config.project,
    log,
    self: { ...thisProcess(), nonce: randomUUID() },
    settleMs: config.settleSeconds * 1000,
    now: overrides.now ?? (() => new Date()),
    close: providers.close,
  };
}
