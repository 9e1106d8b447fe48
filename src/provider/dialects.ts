import { anthropicDialect } from './anthropic/dialect.ts';
import type { Dialect } from './dialect.ts';
import type { ProviderName } from './provider.ts';

/** The sandbox speaks as Anthropic does. */
const dialects: Readonly<Record<ProviderName, Dialect>> = {
  anthropic: anthropicDialect,
  sandbox: anthropicDialect,
};

/** What a provider's requests and results look like. */
export const dialectOf = (provider: ProviderName): Dialect => dialects[provider];
