import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { BatchError, type Problem } from '../errors.ts';
import { batchShare } from '../provider/dialects.ts';
import type { Model, ModelCatalog } from '../provider/models.ts';
import type { ProviderModel, ProviderName } from '../provider/provider.ts';
import type { Context } from '../state/context.ts';

/** What the API says about its models; empty where it was not asked, or could not be. */
export type LiveModels = readonly ProviderModel[];

const KEPT_MS = 24 * 60 * 60 * 1000;
/** An API that did not answer is left alone for a while. */
const FAILURE_KEPT_MS = 10 * 60 * 1000;
const LISTING_MS = 3_000;

/** What the API last said about its models, from disk, without asking. */
export async function knownModels(context: Context, name: ProviderName): Promise<LiveModels> {
  const known = await (await registerOf(context, name))?.read();
  return known?.models ?? noLiveModels;
}

/**
 * What the API said about its models within the last day, kept for all servers of the store. Where it can't be asked,
 * an old answer is better than none, and without one the table's own dates have to do.
 */
async function readLiveModels(context: Context, name: ProviderName): Promise<LiveModels> {
  const register = await registerOf(context, name);
  if (register === null) return noLiveModels;
  const known = await register.read();
  const age = known === null ? Number.POSITIVE_INFINITY : context.now().getTime() - Date.parse(known.at);
  const kept = known?.models.length === 0 ? FAILURE_KEPT_MS : KEPT_MS;
  if (known !== null && age >= 0 && age < kept) return known.models;
  try {
    const models = await context.provider(name).listModels(LISTING_MS);
    await register.keep(() => models);
    return models;
  } catch (error) {
    if (!(error instanceof BatchError)) throw error;
    context.log('debug', error.message);
    if (error.code === 'no_credentials') return noLiveModels;
    await register.keep((current) => current ?? []);
    return known?.models ?? noLiveModels;
  }
}

/**
 * Where the answer of an API is kept; null for the sandbox, which knows no more than the table. A failure of the
 * store only means asking again: no work is held up by it.
 */
async function registerOf(context: Context, name: ProviderName) {
  if (name === 'sandbox') return null;
  const { base_url } = await context.provider(name).account();
  const register = context.store.models(createHash('sha256').update(base_url).digest('hex'));
  const unlessStore = (error: unknown) => {
    if (!(error instanceof BatchError) || !error.code.startsWith('store_')) throw error;
    context.log('warn', error.message);
    return null;
  };
  return {
    read: () => register.read().catch(unlessStore),
    keep: (models: (current: ProviderModel[] | undefined) => ProviderModel[]) =>
      register
        .update((current) => ({ at: context.now().toISOString(), models: models(current?.models) }))
        .catch(unlessStore),
  };
}

/** Used where the API is not asked: the table's dates have to do. */
export const noLiveModels: LiveModels = [];

/** The part of checked work that is compared with what the API says about its models. */
type CheckedModels = {
  provider: ProviderName;
  used: readonly { model: Model }[];
  /** What was known about the models when the work was checked. */
  known: LiveModels;
  /** Checks the work again, by what the API says the models accept. Throws any problems. */
  again: (catalog: ModelCatalog) => Promise<unknown>;
};

/**
 * Compares the models that otherwise valid work uses with what the API says about them, which is asked for once a
 * day. Returns warnings; throws `invalid_input` where a model can't be used, or not in this way.
 */
export async function checkLiveModels(
  context: Context,
  { provider, used, known, again }: CheckedModels,
): Promise<string[]> {
  const live = await readLiveModels(context, provider);
  const today = context.now().toISOString().slice(0, 10);
  const found = used.map(({ model }) => checkModelLife(model, { catalog: context.catalog, live, today }));
  const problems = found.map((each) => each?.problem).filter((problem) => problem !== undefined);
  if (problems.length > 0) {
    throw new BatchError(
      'invalid_input',
      'The work was refused because of what the API says about its models; nothing was sent.',
      { problems },
    );
  }
  const [before, now] = [known, live].map((models) => context.catalog.withLive(models));
  const takes = (catalog: ModelCatalog | undefined) => used.map(({ model }) => catalog?.find(model.id));
  if (now !== undefined && !isDeepStrictEqual(takes(before), takes(now))) await again(now);
  return found.map((each) => each?.warning).filter((warning) => warning !== undefined);
}

/** What is wrong with using a model today, according to the API or else by the table's dates. */
export function checkModelLife(
  model: Model,
  { catalog, live, today }: { catalog: ModelCatalog; live: LiveModels; today: string },
): { problem?: Problem; warning?: string } | null {
  const told = live.find(({ id }) => id === model.id || model.aliases.includes(id));
  const retires = told?.retires_at?.slice(0, 10) ?? model.retires;
  // Where the API lists the model, a past date alone does not mean retirement; otherwise the date has to do.
  const retired = told === undefined ? retires !== null && today >= retires : told.lifecycle === 'retired';
  if (retired) {
    const when = retires === null ? '' : ` on ${retires}`;
    return {
      problem: {
        field: 'model',
        problem: `${model.id} was retired${when}`,
        valid: `a model that is still served, such as ${successorOf(model, catalog, today)}`,
      },
    };
  }
  if (told?.batch === false) {
    return { problem: { field: 'model', problem: `${model.id} takes no batches`, valid: 'another model' } };
  }
  if (told === undefined && live.length > 0) {
    return { warning: `The API does not list ${model.id}: it may fail every request` };
  }
  const soon = retires !== null && daysUntil(retires, today) <= RETIREMENT_WARNING_DAYS;
  if (!soon && told?.lifecycle !== 'deprecated') return null;
  const date = retires === null ? 'a date not announced yet' : retires;
  return {
    warning: soon
      ? `${model.id} will be retired on ${date}`
      : `${model.id} is deprecated and will be retired on ${date}`,
  };
}

/** How many days before a model's retirement its use is worth a warning. */
const RETIREMENT_WARNING_DAYS = 60;

function daysUntil(day: string, today: string): number {
  return (Date.parse(day) - Date.parse(today)) / 86_400_000;
}

/** The newest model of the same line, with what it costs. The table has the newest first. */
function successorOf(model: Model, catalog: ModelCatalog, today: string): string {
  const others = catalog.ids.map((id) => catalog.require(id));
  const served = others.filter(({ id, retires }) => id !== model.id && (retires === null || retires > today));
  const next = served.find(({ line, legacy }) => line === model.line && line !== null && !legacy);
  const { id, prices } = next ?? catalog.forTier('capable');
  return `${id} (${prices.input} dollars per million input tokens and ${prices.output} per million output, ${batchShare} of that in a batch)`;
}
