import { anthropicDialect } from './anthropic/dialect.ts';
import type { Dialect, DialectName } from './dialect.ts';
import type { ProviderName } from './provider.ts';
import { BATCH_ID_PREFIX } from './sandbox/batch-state.ts';

const dialects: Readonly<Record<DialectName, Dialect>> = { anthropic: anthropicDialect };

/** The sandbox speaks as Anthropic does. */
const spoken: Readonly<Record<ProviderName, DialectName>> = { anthropic: 'anthropic', sandbox: 'anthropic' };

export const dialectNamed = (name: DialectName): Dialect => dialects[name];

/** What a provider's requests and results look like. */
export const dialectOf = (provider: ProviderName): Dialect => dialects[spoken[provider]];

/** What texts for readers say of providers: how their batch ids look, and what a batch costs. */
export const { batchIds, batchShare } = anthropicDialect;

/** A model that has none of the classifiers by which newer ones decline (Anthropic's documentation, 2026-11-25). */
export const modelOfFewRefusals = 'claude-opus-4-8';

/** Whether a provider may have given a batch this id. */
export const isProviderBatchId = (id: string): boolean =>
  Object.values(dialects).some(({ batchIds }) => batchIds.pattern.test(id));

/** The provider whose id this is; `others` where the id does not tell. */
export const providerOfBatchId = (id: string, others: ProviderName): ProviderName =>
  id.startsWith(BATCH_ID_PREFIX) ? 'sandbox' : others;
