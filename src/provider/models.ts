import { BatchError } from '../errors.ts';
import { didYouMean, quoteName } from '../lib/nearest.ts';
import { lines, type Model, type Tier, tiers } from './model.ts';
import type { ProviderModel } from './provider.ts';

export {
  type Effort,
  efforts,
  type Model,
  model,
  type Prices,
  type ThinkingType,
  type Tier,
  thinkingTypes,
  tiers,
} from './model.ts';

/** The built-in prices of a provider. */
export type ModelTable = {
  /** The day on which they were last compared with their source, as `2026-11-22`. */
  readonly asOf: string;
  /** The newest first. */
  readonly rows: readonly Model[];
  /** The model that serves a tier where the owner names no other. */
  readonly tiers: Readonly<Record<Tier, string>>;
  /** The assumptions about a model without a row, where the owner's prices don't say. */
  readonly unknown: Omit<Model, 'id' | 'prices' | 'context_tokens' | 'max_output_tokens' | 'source'>;
};

/** The models with a known price, by exact id: a prefix does not match, as prices must not be guessed. */
export type ModelCatalog = {
  /** The day of the built-in table's prices, as `2026-11-22`. A row from a price file says so in its `source`. */
  readonly asOf: string;
  /** What it was made from, so that another thread can make an equal one. */
  readonly options: ModelCatalogOptions;
  /** Every id that can be used, aliases included. */
  readonly ids: readonly string[];
  /** The model id that serves each tier. */
  readonly tiers: Readonly<Record<Tier, string>>;
  find(id: string): Model | undefined;
  /**
   * Finds a model by what people call it: a family for its newest model (`haiku`), a tier, or an id in another
   * spelling (`Claude Haiku 5.5`).
   */
  named(name: string): Model | undefined;
  /** Throws `unknown_model`, naming the known ids and the way to add one. */
  require(id: string): Model;
  forTier(tier: Tier): Model;
  /** The same with what the provider itself says about its models, which takes precedence over the table. */
  withLive(models: readonly ProviderModel[]): ModelCatalog;
  /** What a reader of prices should know on that day, as `2026-11-22`. */
  warnings(today: string): string[];
};

export type ModelCatalogOptions = {
  /** The owner's models for the tiers, by exact id. */
  tiers?: Partial<Record<Tier, string>>;
  /** Rows that extend the table, or replace its rows with the same id. */
  extra?: readonly Model[];
  live?: readonly ProviderModel[];
  /** The betas that requests may rely on. */
  betas?: readonly string[];
};

/** The problem of a model without a known price. */
export function unknownModel(id: string, ids: readonly string[]): { problem: string; valid: string } {
  return {
    problem: `no price is known for the model ${quoteName(id)}${didYouMean(id, ids) || didYouMeanFamily(id, ids)}`,
    valid: `one of ${ids.join(', ')}; the owner of this server can add others with a price file (BATCH_MCP_PRICES)`,
  };
}

/** The newest model of the family that a name mentions; `ids` has the newest first. */
function didYouMeanFamily(id: string, ids: readonly string[]): string {
  const family = lines.find((line) => id.toLowerCase().includes(line));
  const meant = ids.find((each) => family !== undefined && each.includes(family));
  return meant === undefined ? '' : ` (did you mean "${meant}"?)`;
}

/** Throws `unknown_model` where a model for a tier has no price. */
export function createModelCatalog(table: ModelTable, options: ModelCatalogOptions = {}): ModelCatalog {
  const byId = new Map<string, Model>();
  const live = new Map((options.live ?? []).map((told) => [told.id, told]));
  for (const row of [...table.rows, ...(options.extra ?? [])]) {
    const ids = [row.id, ...row.aliases];
    const told = ids.map((id) => live.get(id)).find((found) => found !== undefined);
    const model = withBetas(told === undefined ? row : toldOf(row, told), options.betas ?? []);
    for (const id of ids) byId.set(id, model);
  }
  const ids = [...byId.keys()];

  function requireModel(id: string, whose = ''): Model {
    const found = byId.get(id);
    if (found !== undefined) return found;
    const { problem, valid } = unknownModel(id, ids);
    throw new BatchError('unknown_model', `${whose}${problem}. Valid: ${valid}.`);
  }

  const tierIds = { ...table.tiers, ...options.tiers };
  const tierModels: Record<Tier, Model> = {
    cheap: requireModel(tierIds.cheap, 'BATCH_MCP_MODEL_CHEAP: '),
    capable: requireModel(tierIds.capable, 'BATCH_MCP_MODEL_CAPABLE: '),
    premium: requireModel(tierIds.premium, 'BATCH_MCP_MODEL_PREMIUM: '),
  };

  return {
    asOf: table.asOf,
    options,
    ids,
    tiers: tierIds,
    find: (id) => byId.get(id),
    named(name) {
      const plain = plainName(name);
      const tier = tiers.find((each) => each === plain);
      if (tier !== undefined) return tierModels[tier];
      const exact = byId.get(name) ?? byId.get(plain) ?? byId.get(`claude-${plain}`);
      const line = lines.find((each) => plain === each || plain === `claude-${each}`);
      const newest = (each: Model) => line !== undefined && each.line === line && !each.legacy;
      return exact ?? [...byId.values()].find(newest);
    },
    require: (id) => requireModel(id),
    forTier: (tier) => tierModels[tier],
    withLive: (models) => createModelCatalog(table, { ...options, live: models }),
    warnings: (today) => ageWarnings(table.asOf, today),
  };
}

/** As ids of earlier generations were put together. */
const OTHER_ORDER = new RegExp(`^(?:claude-)?(\\d+-\\d+|\\d+)-(${lines.join('|')})$`);
const WITHOUT_DASH = new RegExp(`(${lines.join('|')})(?=\\d)`);

/**
 * A model's name as its id has it, whoever's way of writing it is: `Claude Haiku 5.5`, `haiku4.5`, `anthropic/…`, Bedrock's, Vertex AI's
 * and those of gateways, which put a route before it.
 */
function plainName(name: string): string {
  return name
    .trim()
    .toLowerCase()
    .replace(/^.*\//, '')
    .replace(/^(?:[a-z-]+\.)?anthropic[.:]/, '')
    .replace(/-v\d+(?::\d+)?$/, '')
    .replace(/\[1m\]$/, '')
    .replaceAll(/[\s_.@]+/g, '-')
    .replace(/-latest$/, '')
    .replace(WITHOUT_DASH, '$1-')
    .replace(OTHER_ORDER, 'claude-$2-$1');
}

/** A row with the additions of a beta. */
function withBetas(row: Model, betas: readonly string[]): Model {
  if (row.long_output === null || !betas.includes(row.long_output.beta)) return row;
  return { ...row, max_output_tokens: Math.max(row.max_output_tokens, row.long_output.tokens) };
}

/** A row with what the provider itself says about the model. */
function toldOf(row: Model, told: ProviderModel): Model {
  return {
    ...row,
    context_tokens: told.max_input_tokens ?? row.context_tokens,
    max_output_tokens: told.max_output_tokens ?? row.max_output_tokens,
    efforts: told.efforts ?? row.efforts,
    thinking: told.thinking ?? row.thinking,
  };
}

/** Prices change a few times a year. */
const OLD_AFTER_DAYS = 90;

function ageWarnings(asOf: string, today: string): string[] {
  const days = Math.floor((Date.parse(today) - Date.parse(asOf)) / 86_400_000);
  if (days <= OLD_AFTER_DAYS) return [];
  return [
    `The built-in prices are of ${asOf}, ${days} days ago, and may have changed: update batch-mcp, or give the prices of today in a file (BATCH_MCP_PRICES).`,
  ];
}
