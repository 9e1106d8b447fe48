import { anthropicDialect } from './anthropic/dialect.ts';
import type { Dialect, DialectName } from './dialect.ts';
import type { ProviderName } from './provider.ts';
import { BATCH_ID_PREFIX } from './sandbox/batch-state.ts';

const dialects: Readonly<Record<DialectName, Dialect>> = { anthropic: anthropicDialect };

/** The sandbox uses Anthropic's dialect. */
const spoken: Readonly<Record<ProviderName, DialectName>> = { anthropic: 'anthropic', sandbox: 'anthropic' };

export const dialectNamed = (name: DialectName): Dialect => dialects[name];

/** The dialect of a provider. */
export const dialectOf = (provider: ProviderName): Dialect => dialects[spoken[provider]];

/** What messages say about providers: the form of their batch ids, and the price of a batch. */
export const { batchIds, batchShare } = anthropicDialect;

/** A model without the classifiers that make newer ones decline (Anthropic's documentation, 2026-11-25). */
export const modelOfFewRefusals = 'claude-opus-4-8';

/** Whether a provider may have given a batch this id. */
export const isProviderBatchId = (id: string): boolean =>
  Object.values(dialects).some(({ batchIds }) => batchIds.pattern.test(id));

/** The provider that an id belongs to; `others` where the id does not show. */
export const providerOfBatchId = (id: string, others: ProviderName): ProviderName =>
  id.startsWith(BATCH_ID_PREFIX) ? 'sandbox' : others;
