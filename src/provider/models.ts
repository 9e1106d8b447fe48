import { BatchError } from '../errors.ts';
import { didYouMean, quoteName } from '../files/nearest.ts';
import type { Model, Tier } from './model.ts';
import { PRICE_TABLE, PRICES_AS_OF, TIER_MODELS } from './price-table.ts';

export { type Model, type Prices, type Tier, tiers } from './model.ts';

/** Models by exact id: a prefix is no match, for a price must not be guessed. */
export type ModelFinder = { find(id: string): Model | undefined };

/** The models whose price is known. */
export type ModelCatalog = ModelFinder & {
  /** The day of the built-in table's prices, as `2026-11-22`. A row from a price file says so in its `source`. */
  readonly asOf: string;
  /** What it was made from: an equal one can be made on another thread. */
  readonly options: ModelCatalogOptions;
  /** Every id that can be used, aliases included. */
  readonly ids: readonly string[];
  /** The model id that serves each tier. */
  readonly tiers: Readonly<Record<Tier, string>>;
  /** The rows that it was made from, as plain data for another thread: `createModelFinder` finds the same in them. */
  readonly rows: readonly Model[];
  /** Throws `unknown_model`, naming the known ids and the way to add one. */
  require(id: string): Model;
  forTier(tier: Tier): Model;
  /** What a reader of prices should know on that day, as `2026-11-22`. */
  warnings(today: string): string[];
};

export type ModelCatalogOptions = {
  /** The owner's models for the tiers, by exact id. */
  tiers?: Partial<Record<Tier, string>>;
  /** Rows that extend the table, or stand in for its rows of the same id. */
  extra?: readonly Model[];
};

/** What to tell a caller whose model has no price here. */
export function unknownModel(id: string, ids: readonly string[]): { problem: string; valid: string } {
  return {
    problem: `no price is known for the model ${quoteName(id)}${didYouMean(id, ids)}`,
    valid: `one of ${ids.join(', ')}; the owner of this server can add others with a price file (BATCH_MCP_PRICES)`,
  };
}

function byExactId(rows: readonly Model[]): Map<string, Model> {
  return new Map(rows.flatMap((row) => [row.id, ...row.aliases].map((id) => [id, row])));
}

/** Finds models by exact id; of two rows with one id the later stands. */
export function createModelFinder(rows: readonly Model[]): ModelFinder {
  const byId = byExactId(rows);
  return { find: (id) => byId.get(id) };
}

/** Throws `unknown_model` where a tier is to be served by a model without a price. */
export function createModelCatalog(options: ModelCatalogOptions = {}): ModelCatalog {
  const rows = [...PRICE_TABLE, ...(options.extra ?? [])];
  const byId = byExactId(rows);
  const ids = [...byId.keys()];

  function requireModel(id: string, whose = ''): Model {
    const found = byId.get(id);
    if (found !== undefined) return found;
    const { problem, valid } = unknownModel(id, ids);
    throw new BatchError('unknown_model', `${whose}${problem}. Valid: ${valid}.`);
  }

  const tierIds = { ...TIER_MODELS, ...options.tiers };
  const tierModels: Record<Tier, Model> = {
    cheap: requireModel(tierIds.cheap, 'BATCH_MCP_MODEL_CHEAP: '),
    capable: requireModel(tierIds.capable, 'BATCH_MCP_MODEL_CAPABLE: '),
    premium: requireModel(tierIds.premium, 'BATCH_MCP_MODEL_PREMIUM: '),
  };

  return {
    asOf: PRICES_AS_OF,
    options,
    ids,
    tiers: tierIds,
    rows,
    find: (id) => byId.get(id),
    require: (id) => requireModel(id),
    forTier: (tier) => tierModels[tier],
    warnings: (today) => ageWarnings(today),
  };
}

/** Prices change a few times a year. */
const OLD_AFTER_DAYS = 90;

function ageWarnings(today: string): string[] {
  const days = Math.floor((Date.parse(today) - Date.parse(PRICES_AS_OF)) / 86_400_000);
  if (days <= OLD_AFTER_DAYS) return [];
  return [
    `The built-in prices are of ${PRICES_AS_OF}, ${days} days ago, and may have changed: update batch-mcp, or give the prices of today in a file (BATCH_MCP_PRICES).`,
  ];
}
