import type { Costs } from '../../cost/cost-sheet.ts';
import type { KnownOutput } from '../../cost/tally.ts';
import { BatchError } from '../../errors.ts';
import { dialectOf } from '../../provider/dialects.ts';
import type { ModelCatalog } from '../../provider/models.ts';
import type { Provider, ProviderAccount } from '../../provider/provider.ts';
import type { Context } from '../../state/context.ts';
import type { Report } from '../../state/jobs.ts';
import { nowhere } from '../../tasks/gather.ts';
import { checkLiveModels, knownModels, noLiveModels } from '../../tasks/live-models.ts';
import { outputHistoryOf, type Prepared, prepare } from '../../tasks/prepare.ts';
import type { Work } from '../../tasks/work.ts';
import { createRestCounter, type Rest } from '../reuse/count-rest.ts';
import { findPilot, type Pilot } from '../reuse/pilot.ts';
import type { WorkArguments } from '../work/work-arguments.ts';

/**
 * Work with the arguments it was read from, and whether all of it would be sent even where a pilot has answered some.
 */
export type AskedWork = { args: WorkArguments; work: Work; forceNew: boolean };

export type CheckOptions = {
  /** The tokens expected of each answer, where the caller knows. */
  outputTokens?: number | undefined;
  /** Ends the checking. */
  signal?: AbortSignal | undefined;
  report?: Report | undefined;
};

/** Work after it was read, and what of it would be sent. */
export type CheckedWork = {
  prepared: Prepared;
  pilot: Pilot | null;
  /** What is left to send beside a pilot's answers; null where there are none. */
  rest: Rest | null;
  /** The costs of what would be sent. */
  costs: Costs;
  /** The provider that can count tokens; null where none can. */
  provider: Provider | null;
  catalog: ModelCatalog;
  knownOutput: KnownOutput;
  today: string;
  lifeWarnings: string[];
};

/** Reads the work, and leaves out what a pilot has answered. Throws as `prepare` does. */
export async function checkWork(
  context: Context,
  { work, forceNew }: AskedWork,
  { outputTokens, signal, report = () => {} }: CheckOptions,
): Promise<CheckedWork> {
  const name = context.defaultProvider;
  const provider = context.provider(name);
  const known = await findAccount(provider);
  // The account only matters to work that is sent.
  const account = known ?? { base_url: '', workspace: null };
  const today = context.now().toISOString().slice(0, 10);
  const knownOutput = outputTokens === undefined ? await outputHistoryOf(context, work) : () => outputTokens;
  const isAsked = known !== null && name !== 'sandbox';
  const models = isAsked ? await knownModels(context, name) : noLiveModels;
  const catalog = context.catalog.withLive(models);
  const preparation = { ...context, catalog, work, provider: name, account, today, knownOutput, signal };
  // Without credentials nothing was ever sent from here, so there is no pilot to reuse.
  const isNew = forceNew || known === null || work.merge !== undefined;
  const pilot = isNew ? null : await findPilot(context, preparation);
  const { primer } = work.defaults;
  const counter =
    pilot && createRestCounter({ ...context, catalog }, pilot, dialectOf(name), knownOutput, primer);
  const prepared = await prepare(preparation, counter ?? nowhere, report);
  const rest = counter && (await counter.rest());
  const lifeWarnings = isAsked
    ? await checkLiveModels(context, {
        provider: name,
        used: prepared.costs.tally.models(),
        known: models,
        again: (catalog) => prepare({ ...preparation, catalog }, nowhere, report),
      })
    : [];
  return {
    prepared,
    pilot,
    rest,
    costs: rest?.costs ?? prepared.costs,
    provider: isAsked ? provider : null,
    catalog,
    knownOutput,
    today,
    lifeWarnings,
  };
}

/** Null without credentials: an estimate needs none. */
async function findAccount(provider: Provider): Promise<ProviderAccount | null> {
  try {
    return await provider.account();
  } catch (error) {
    if (error instanceof BatchError && error.code === 'no_credentials') return null;
    throw error;
  }
}
