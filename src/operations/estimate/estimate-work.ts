import { adviceFor, packingAdvice } from '../../cost/advice.ts';
import { type BudgetState, budgetToday } from '../../cost/budget.ts';
import { contextAdvice } from '../../cost/context-advice.ts';
import { formatApart, formatUsd } from '../../cost/cost.ts';
import { type CostLine, totalOf } from '../../cost/cost-line.ts';
import { type CountedCosts, countCosts } from '../../cost/count-sample.ts';
import type { InputRates } from '../../cost/input-rate.ts';
import { BatchError } from '../../errors.ts';
import { count, counted } from '../../lib/numbers.ts';
import { dialectOf } from '../../provider/dialects.ts';
import { tiers } from '../../provider/models.ts';
import type { Context } from '../../state/context.ts';
import type { SourceFile } from '../../store/shared-records.ts';
import { previewOf } from '../../tasks/examine/check-rendered.ts';
import type { Work } from '../../tasks/work.ts';
import { openPilotWarning } from '../reuse/pilot.ts';
import { boundWarning } from '../waiting/stages.ts';
import { keepWork, modelsOf, sourceFiles } from '../work/kept-work.ts';
import type { WorkArguments } from '../work/work-arguments.ts';
import { type AskedWork, type CheckedWork, type CheckOptions, checkWork } from './check-work.ts';
import { costUsdOf, type Estimate, estimateOf } from './estimate-figures.ts';

/**
 * Runs all the checks of a submission, free of charge, and says what the work would cost. Sends nothing except, with
 * a key, a sample of the requests for the API to count.
 */
export async function estimateWork(
  context: Context,
  asked: AskedWork,
  options: CheckOptions = {},
): Promise<Estimate> {
  const { args, work } = asked;
  const name = context.defaultProvider;
  const files = await foundFiles(context, args);
  const checked = await checkWork(context, asked, options);
  const { prepared, rest, pilot, costs, knownOutput, today } = checked;
  const { source } = work;
  const awaited = source.kind === 'from_batch' && source.awaits !== 'nothing' ? source.batch_id : null;
  // Otherwise the API would count placeholders.
  const isWhole = awaited === null && prepared.stages.length === 0;
  const counting = await countCosts(isWhole ? checked.provider : null, name, costs);
  const { rates, lines } = counting;
  const compare = tiers.map((tier) => ({
    model_tier: tier,
    cost: costs.tally.linesFor(context.catalog.forTier(tier), rates, knownOutput),
  }));
  const by_variant = costs.tally.variants(rates, knownOutput).map(({ variant, tasks, line }) => {
    const { expected_usd: expected, maximum_usd: maximum } = line;
    return { variant, request_count: tasks, expected, maximum };
  });
  const keeping = await kept(context, namingBatch(args, work), {
    work_hash: prepared.work_hash,
    files,
    models: modelsOf(prepared),
  });
  const ceilings = name === 'sandbox' ? [] : await ceilingWarnings(context, lines);
  return {
    ...(keeping.work_id !== undefined && { work_id: keeping.work_id }),
    ...estimateOf(context, lines, compare),
    request_count: prepared.request_count,
    ...(rest && { reused: rest.reused }),
    ...(by_variant.length > 0 && { by_variant }),
    cost_usd: costUsdOf(lines, rates.basis),
    rests_on: restsOn(rates, totalOf(lines).request_count, costs.tally.thinking(knownOutput).tokens),
    ...(prepared.matched && { matched: prepared.matched }),
    ...(ceilings.length > 0 && { above_limit: true as const }),
    preview: previewOf(prepared.first_request),
    advice: adviceOn(context, work, checked, counting),
    warnings: [
      ...ceilings,
      ...(keeping.problem === undefined ? [] : [notKept(keeping.problem)]),
      ...(awaited === null ? [] : [boundWarning(awaited)]),
      ...(pilot?.isOpen ? [openPilotWarning(pilot)] : []),
      ...new Set([...prepared.warnings, ...counting.unbounded, ...checked.lifeWarnings]),
      ...(counting.failure === null
        ? []
        : [`The API did not count the sample, so this is a tokenizer's estimate. ${counting.failure}`]),
      ...context.catalog.warnings(today),
    ],
  };
}

function restsOn({ basis, counted: sampled }: InputRates, requests: number, thinkingTokens: number): string {
  const sample = `${count(sampled)} of ${counted(requests, 'request')}`;
  const input =
    basis === 'estimated'
      ? `a tokenizer's count of ${sample}, times 1.3 on models from 4.7 on: an estimate`
      : `the API's count of ${sample}`;
  return thinkingTokens === 0
    ? input
    : `${input}; thinking, by a figure of ours: ${counted(thinkingTokens, 'token')}`;
}

function adviceOn(
  context: Context,
  { defaults, pack }: Work,
  { prepared, rest, costs, knownOutput, catalog }: CheckedWork,
  { rates, lines }: CountedCosts,
): string[] {
  const { context: shared, primer } = defaults;
  const { request_count, packed } = prepared;
  const own = shared ? { ...costs, prefixes: [], unmarked_sharers: 0 } : costs;
  const shares = lines.map(({ model, request_count: requests }) => ({
    model: catalog.require(model),
    requests,
  }));
  return [
    ...adviceFor(context, own, rates, rest?.request_count ?? request_count),
    ...(shared
      ? contextAdvice(shared, dialectOf(context.defaultProvider), { shares, rates, primed: primer ?? false })
      : []),
    // A pilot's answers are in one of the two figures and not in the other.
    ...(packed !== null && pack !== undefined && rest === null
      ? packingAdvice({
          tasks: request_count,
          requests: packed.requests,
          asked: pack,
          chosen: packed.chosen,
          expected_usd: totalOf(lines).expected_usd,
          alone_usd: totalOf(packed.alone.lines(rates, knownOutput)).expected_usd,
        })
      : []),
  ];
}

/** `last` or a name may soon mean another batch. */
function namingBatch(args: WorkArguments, { source }: Work): WorkArguments {
  return source.kind === 'from_batch' ? { ...args, from_batch: source.batch_id } : args;
}

/** Null where a file is missing: reading the work reports which. */
async function foundFiles({ folders }: Context, args: WorkArguments): Promise<SourceFile[] | null> {
  try {
    return await sourceFiles(args, folders);
  } catch (error) {
    if (error instanceof BatchError) return null;
    throw error;
  }
}

/** Where the data folder can't be written, an estimate only lacks its `work_id`. */
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
  `There is no work_id, as the checked work could not be kept: ${problem} To send it, give submit_batch the same arguments.`;

/** The limits for which a submission would be refused. */
async function ceilingWarnings(context: Context, lines: readonly CostLine[]): Promise<string[]> {
  const { maximum_usd } = totalOf(lines);
  const budget = await budgetToday(context).catch((error: unknown) => {
    if (error instanceof BatchError && error.code.startsWith('store_')) return error;
    throw error;
  });
  const how = 'submit_batch would refuse it. Make it smaller, or ask the person.';
  const [most, limit] = formatApart(maximum_usd, context.maxCostUsd);
  return [
    ...(maximum_usd > context.maxCostUsd
      ? [`Its maximum of ${most} is above the limit of ${limit} for one submission: ${how}`]
      : []),
    ...budgetWarnings(maximum_usd, budget, how),
  ];
}

function budgetWarnings(maximum_usd: number, budget: BudgetState | BatchError, how: string): string[] {
  if (budget instanceof BatchError)
    return [
      `It is not known what is left of today's budget, and submit_batch refuses the work until it is: ${budget.message}`,
    ];
  const { left, limit } = budget;
  if (maximum_usd <= left) return [];
  const [most, rest] = formatApart(maximum_usd, left);
  return [
    `Its maximum of ${most} is above the ${rest} left of today's budget of ${formatUsd(limit)}: ${how}`,
  ];
}
