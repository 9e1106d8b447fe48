import { adviceFor, packingAdvice } from '../../cost/advice.ts';
import { type BudgetState, budgetToday } from '../../cost/budget.ts';
import { contextAdvice } from '../../cost/context-advice.ts';
import { formatUsd } from '../../cost/cost.ts';
import { type CostLine, totalOf } from '../../cost/cost-line.ts';
import { countCosts } from '../../cost/count-sample.ts';
import { readOutputHistory } from '../../cost/output-history.ts';
import { BatchError } from '../../errors.ts';
import { count, counted } from '../../lib/numbers.ts';
import { dialectOf } from '../../provider/dialects.ts';
import { tiers } from '../../provider/models.ts';
import type { Provider, ProviderAccount } from '../../provider/provider.ts';
import type { Context } from '../../state/context.ts';
import type { Report } from '../../state/jobs.ts';
import type { SourceFile } from '../../store/shared-records.ts';
import { previewOf } from '../../tasks/examine/check-rendered.ts';
import { nowhere } from '../../tasks/gather.ts';
import { checkLiveModels, knownModels, noLiveModels } from '../../tasks/live-models.ts';
import { prepare } from '../../tasks/prepare.ts';
import type { Work } from '../../tasks/work.ts';
import { createRestCounter } from '../reuse/count-rest.ts';
import { findPilot, openPilotWarning } from '../reuse/pilot.ts';
import { boundWarning } from '../waiting/stages.ts';
import { keepWork, modelsOf, sourceFiles } from '../work/kept-work.ts';
import type { WorkArguments } from '../work/work-arguments.ts';
import { costUsdOf, type Estimate, estimateOf } from './estimate-figures.ts';

/** Work, the arguments that it was asked for with, and whether all of it would be sent though a pilot has answered some. */
export type AskedWork = { args: WorkArguments; work: Work; forceNew: boolean };

export type EstimateOptions = {
  /** Those expected of each answer, where that is known. */
  outputTokens?: number | undefined;
  /** Ends the checking. */
  signal?: AbortSignal | undefined;
  report?: Report | undefined;
};

/**
 * Checks all that submitting checks, free of charge, and says what the work would cost. Sends nothing but,
 * with a key, a sample of the requests to be counted.
 */
export async function estimateWork(
  context: Context,
  { args, work, forceNew }: AskedWork,
  { outputTokens, signal, report = () => {} }: EstimateOptions = {},
): Promise<Estimate> {
  const name = context.defaultProvider;
  const files = await foundFiles(context, args);
  const provider = context.provider(name);
  const known = await findAccount(provider);
  // Only what is sent is told apart by its account.
  const account = known ?? { base_url: '', workspace: null };
  const today = context.now().toISOString().slice(0, 10);
  const knownOutput = outputTokens === undefined ? await readOutputHistory(context) : () => outputTokens;
  const asked = known !== null && name !== 'sandbox';
  const models = asked ? await knownModels(context, name) : noLiveModels;
  const catalog = context.catalog.withLive(models);
  const preparation = { ...context, catalog, work, provider: name, account, today, knownOutput, signal };
  // Without credentials nothing was ever sent from here that could be taken over.
  const isNew = forceNew || known === null || work.merge !== undefined;
  const pilot = isNew ? null : await findPilot(context, preparation);
  const { context: shared, primer } = work.defaults;
  const counter =
    pilot && createRestCounter({ ...context, catalog }, pilot, dialectOf(name), knownOutput, primer);
  const prepared = await prepare(preparation, counter ?? nowhere, report);
  const { request_count, first_request, warnings, matched, work_hash } = prepared;
  const rest = counter && (await counter.rest());
  const { costs } = rest ?? prepared;
  const paid_count = rest?.request_count ?? request_count;

  const lifeWarnings = asked
    ? await checkLiveModels(context, {
        provider: name,
        used: prepared.costs.tally.models(),
        known: models,
        again: (catalog) => prepare({ ...preparation, catalog }, nowhere, report),
      })
    : [];
  const { source } = work;
  const awaited = source.kind === 'from_batch' && source.awaits !== 'nothing' ? source.batch_id : null;
  // The API would count stand-ins.
  const countedCosts = await countCosts(
    asked && awaited === null && prepared.stages.length === 0 ? provider : null,
    name,
    costs,
  );
  const { rates, lines: cost } = countedCosts;
  const sent = totalOf(cost);
  const compare = tiers.map((tier) => ({
    model_tier: tier,
    cost: costs.tally.linesFor(context.catalog.forTier(tier), rates, knownOutput),
  }));
  const rests =
    rates.basis === 'estimated'
      ? `a tokenizer's count of ${count(rates.counted)} of ${counted(sent.request_count, 'request')}, times 1.3 on models from 4.7 on: an estimate`
      : `the API's count of ${count(rates.counted)} of ${counted(sent.request_count, 'request')}`;
  const by_variant = costs.tally.variants(rates, knownOutput).map(({ variant, tasks, line }) => {
    const { expected_usd: expected, maximum_usd: maximum } = line;
    return { variant, request_count: tasks, expected, maximum };
  });
  const { tokens: thinking } = costs.tally.thinking(knownOutput);
  const keeping = await kept(context, namingBatch(args, work), {
    work_hash,
    files,
    models: modelsOf(prepared),
  });
  return {
    ...(keeping.work_id !== undefined && { work_id: keeping.work_id }),
    ...estimateOf(context, cost, compare),
    request_count,
    ...(rest && { reused: rest.reused }),
    ...(by_variant.length > 0 && { by_variant }),
    cost_usd: costUsdOf(cost, rates.basis),
    rests_on:
      thinking === 0 ? rests : `${rests}; thinking, by a figure of ours: ${counted(thinking, 'token')}`,
    ...(matched && { matched }),
    preview: previewOf(first_request),
    advice: [
      ...adviceFor(
        context,
        shared ? { ...costs, prefixes: [], unmarked_sharers: 0 } : costs,
        rates,
        paid_count,
      ),
      ...(shared
        ? contextAdvice(shared, dialectOf(name), {
            shares: cost.map(({ model, request_count }) => ({
              model: catalog.require(model),
              requests: request_count,
            })),
            rates,
            primed: primer ?? false,
          })
        : []),
      // What a pilot has answered is in the one figure and not in the other.
      ...(prepared.packed !== null && work.pack !== undefined && rest === null
        ? packingAdvice({
            tasks: request_count,
            requests: prepared.packed.requests,
            asked: work.pack,
            chosen: prepared.packed.chosen,
            expected_usd: sent.expected_usd,
            alone_usd: totalOf(prepared.packed.alone.lines(rates, knownOutput)).expected_usd,
          })
        : []),
    ],
    warnings: [
      ...(name === 'sandbox' ? [] : await ceilingWarnings(context, cost)),
      ...(keeping.problem === undefined ? [] : [notKept(keeping.problem)]),
      ...(awaited === null ? [] : [boundWarning(awaited)]),
      ...(pilot?.isOpen ? [openPilotWarning(pilot)] : []),
      ...new Set([...warnings, ...countedCosts.unbounded, ...lifeWarnings]),
      ...(countedCosts.failure === null
        ? []
        : [`The API did not count the sample, so this is a tokenizer's estimate. ${countedCosts.failure}`]),
      ...context.catalog.warnings(today),
    ],
  };
}

/** Which batch is the last, or has a name, is another one soon. */
function namingBatch(args: WorkArguments, { source }: Work): WorkArguments {
  return source.kind === 'from_batch' ? { ...args, from_batch: source.batch_id } : args;
}

/** Null where one is missing: what that is called, the reading of the work says. */
async function foundFiles({ folders }: Context, args: WorkArguments): Promise<SourceFile[] | null> {
  try {
    return await sourceFiles(args, folders);
  } catch (error) {
    if (error instanceof BatchError) return null;
    throw error;
  }
}

/** A data folder that can't be written takes nothing away from an estimate but its id. */
async function kept(
  context: Context,
  args: WorkArguments,
  checked: { work_hash: string; files: SourceFile[] | null; models: string[] },
): Promise<{ work_id?: string; problem?: string }> {
  const { files, ...by } = checked;
  if (files === null) return {};
  try {
    return { work_id: await keepWork(context, args, { ...by, files }) };
  } catch (error) {
    if (error instanceof BatchError) return { problem: error.message };
    throw error;
  }
}

const notKept = (problem: string): string =>
  `There is no work_id, for the checked work could not be kept: ${problem} To send it, give submit_batch the same arguments.`;

/** Null without credentials: an estimate needs none. */
async function findAccount(provider: Provider): Promise<ProviderAccount | null> {
  try {
    return await provider.account();
  } catch (error) {
    if (error instanceof BatchError && error.code === 'no_credentials') return null;
    throw error;
  }
}

/** What submitting would refuse. */
async function ceilingWarnings(context: Context, lines: readonly CostLine[]): Promise<string[]> {
  const { maximum_usd } = totalOf(lines);
  const budget = await budgetToday(context).catch((error: unknown) => {
    if (error instanceof BatchError && error.code.startsWith('store_')) return error;
    throw error;
  });
  const how = 'submit_batch would refuse it. Make it smaller, or ask the person.';
  return [
    ...(maximum_usd > context.maxCostUsd
      ? [
          `Its maximum of ${formatUsd(maximum_usd)} is above the limit of ${formatUsd(context.maxCostUsd)} for one submission: ${how}`,
        ]
      : []),
    ...budgetWarnings(maximum_usd, budget, how),
  ];
}

function budgetWarnings(maximum_usd: number, budget: BudgetState | BatchError, how: string): string[] {
  if (budget instanceof BatchError)
    return [
      `What is left of today's budget can't be told, and submit_batch refuses it until it can: ${budget.message}`,
    ];
  const { left, limit } = budget;
  if (maximum_usd <= left) return [];
  return [
    `Its maximum of ${formatUsd(maximum_usd)} is above the ${formatUsd(left)} left of today's budget of ${formatUsd(limit)}: ${how}`,
  ];
}
