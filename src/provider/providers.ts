import type { Log } from '../log.ts';
import { createAnthropicProvider } from './anthropic/anthropic-provider.ts';
import type { Provider, ProviderName } from './provider.ts';
import { createSandboxProvider } from './sandbox/sandbox-provider.ts';

export { readClockSkew, readCredentialSource } from './anthropic/anthropic-provider.ts';

/** The providers of one process, each made when it is first needed. */
export type Providers = {
  get: (name: ProviderName) => Provider;
  close: () => Promise<void>;
};

type ProviderSettings = {
  baseUrl: string | undefined;
  /** In place of the environment's credentials. */
  apiKey?: string | undefined;
  sandboxDir: string;
  /** Betas that requests may rely on. */
  betas: readonly string[];
  sandboxSeconds: number;
};

export function createProviders(config: ProviderSettings, log: Log): Providers {
  const made = new Map<ProviderName, Provider>();
  const make = (name: ProviderName): Provider =>
    name === 'anthropic'
      ? createAnthropicProvider({
          log,
          betas: config.betas,
          ...(config.baseUrl !== undefined && { baseUrl: config.baseUrl }),
          ...(config.apiKey !== undefined && { apiKey: config.apiKey }),
        })
      : createSandboxProvider({ folder: config.sandboxDir, seconds: config.sandboxSeconds, log });
  return {
    get(name) {
      const provider = made.get(name) ?? make(name);
      made.set(name, provider);
      return provider;
    },
    async close() {
      await Promise.all([...made.values()].map((provider) => provider.close()));
      made.clear();
    },
  };
}
