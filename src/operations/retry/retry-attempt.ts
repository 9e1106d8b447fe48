import { isDeepStrictEqual } from 'node:util';
import { requireApproval } from '../../cost/approval.ts';
import { reserveBudget } from '../../cost/budget.ts';
import { type CostUsd, estimateOfParts, requireTotalWithinLimit } from '../../cost/cost.ts';
import { totalOf } from '../../cost/cost-line.ts';
import { roundUsd } from '../../cost/pricing.ts';
import { BatchError } from '../../errors.ts';
import { dialectOf } from '../../provider/dialects.ts';
import { requireOwned } from '../../sending/own-again.ts';
import { asOwner } from '../../sending/permission.ts';
import { withoutEnd } from '../../sending/unsent.ts';
import type { Context } from '../../state/context.ts';
import type { BatchRecord, Part } from '../../store/record.ts';
import { changeWhere } from '../../store/store.ts';
import { createListedPartsWriter } from '../../tasks/write/write-listed-parts.ts';
import { discardUnnamed } from '../../tasks/write/write-parts.ts';
import { type StageAgain, stageParts } from './retry-merge.ts';
import { type PreparedRetry, prepareRetry, type RetryPreparation } from './retry-prepare.ts';
import type { Causes } from './retry-selection.ts';

/** What a retry sends, or would send. */
export type RetryPlan = {
  attempt: number;
  request_count: number;
  /** The tasks' previous outcomes, and their causes. Absent for parts that are sent for the first time. */
  outcomes?: Causes;
  error_types?: Causes;
  cost_usd: CostUsd;
  /** In a dry run: the first request as it would be sent. */
  preview?: string;
};

/** The result of a retry, as far as the call could wait for it. */
export type Retried = {
  batch_id: string;
  /** Null after a `resolve`, and while the retry is still being prepared in this process. */
  plan: RetryPlan | null;
  warnings: string[];
};

export function nextAttempt({ parts }: BatchRecord): number {
  return Math.max(0, ...parts.map(({ attempt }) => attempt)) + 1;
}

export function planOf(prepared: PreparedRetry, attempt: number): RetryPlan {
  const { costs, stages, request_count, outcomes, error_types } = prepared;
  const { expected, maximum } = costWithStages(prepared);
  return {
    attempt,
    request_count: stages.reduce((sum, stage) => sum + stage.request_count, request_count),
    outcomes,
    error_types,
    cost_usd: { expected, maximum, actual: null, basis: costs.rates.basis },
  };
}

/** The cost of what is sent now, and of the stages of a merge that follow from it. */
function costWithStages({ costs, stages }: PreparedRetry): { expected: number; maximum: number } {
  const { expected_usd, maximum_usd } = totalOf(costs.lines);
  const all = (own: number, of: (stage: StageAgain) => number) =>
    roundUsd(stages.reduce((sum, stage) => sum + of(stage), own));
  return {
    expected: all(expected_usd, (stage) => stage.expected_usd),
    maximum: all(maximum_usd, (stage) => stage.maximum_usd),
  };
}

/**
 * Writes a new attempt and names it in the record, ready to be sent, replacing the parts of `record` that the
 * preparation left out. Of several processes that do so at once only one succeeds, since the attempt is added only to
 * the exact parts that it was planned on. Leaves nothing behind on failure.
 */
export async function addAttempt(
  context: Context,
  record: BatchRecord,
  preparation: RetryPreparation,
): Promise<{ plan: RetryPlan; warnings: string[] }> {
  const next = Math.max(...record.parts.map(({ number }) => number)) + 1;
  const blobs = context.store.blobs(record.batch_id);
  const attempt = nextAttempt(preparation.record);
  const writer = createListedPartsWriter(blobs, context.limits, dialectOf(record.provider), {
    next,
    attempt,
  });
  let written: Part[] = [];
  try {
    const { record: ended, unsent, options } = preparation;
    const prepared = await prepareRetry(context, preparation, writer);
    if (record.provider !== 'sandbox') {
      requireTotalWithinLimit(costWithStages(prepared), context.maxCostUsd, options.max_cost_usd);
    }
    const plan = planOf(prepared, attempt);
    if (record.provider !== 'sandbox' && !preparation.byItself)
      await requireApproval(context, { hash: prepared.hash, ...plan, ...plan.cost_usd }, preparation);
    const { byItself = false } = preparation;
    const unasked = byItself ? { by_itself: true as const } : {};
    written = await writer.finish();
    const sent = written.map((part) => ({ ...withShare(part, prepared), ...unasked }));
    const number = Math.max(next - 1, ...sent.map((part) => part.number)) + 1;
    const added = [...sent, ...stageParts(prepared.stages, { number, attempt: plan.attempt, byItself })];
    const kept = withoutUnsent(record, ended.parts, unsent);
    const named = await nameParts(context, record, plan.attempt === 1 ? withCost(kept, plan) : kept, added);
    await secureOrTakeBack(context, named, record, added);
    return { plan, warnings: prepared.warnings };
  } catch (error) {
    await discardUnnamed(context, record.batch_id, writer, written);
    throw error;
  }
}

/** A part's share of the retry's cost is proportional to its requests. */
function withShare(part: Part, { costs, request_count }: PreparedRetry): Part {
  const { expected_usd, maximum_usd } = totalOf(costs.lines);
  const share = (usd: number) => roundUsd((usd * part.request_count) / request_count);
  return { ...part, maximum_usd: share(maximum_usd), expected_usd: share(expected_usd) };
}

/** The rest of a batch: its estimate covers the parts of the first attempt, so it shrinks with them. */
function withoutUnsent(
  record: BatchRecord,
  parts: readonly Part[],
  unsent: readonly Part[],
): Pick<BatchRecord, 'parts' | 'estimate'> {
  const { estimate } = record;
  const first = unsent.filter(({ attempt }) => attempt === 1);
  if (first.length === 0 || estimate === null) return { parts: [...parts], estimate };
  const gone = estimateOfParts(record, first);
  return {
    // Fixed here, as shares of a smaller whole would be smaller.
    parts: parts.map((part) => {
      const { expected, maximum } = estimateOfParts(record, [part]);
      return { ...part, expected_usd: expected, maximum_usd: maximum };
    }),
    estimate: {
      ...estimate,
      expected: Math.max(0, roundUsd(estimate.expected - gone.expected)),
      maximum: Math.max(0, roundUsd(estimate.maximum - gone.maximum)),
    },
  };
}

/** Where nothing of the first attempt was sent, its replacement counts as the first attempt. */
function withCost<T extends Pick<BatchRecord, 'estimate'>>(kept: T, { cost_usd }: RetryPlan): T {
  const { estimate } = kept;
  if (estimate === null) return kept;
  return {
    ...kept,
    estimate: {
      ...estimate,
      expected: roundUsd(estimate.expected + cost_usd.expected),
      maximum: roundUsd(estimate.maximum + cost_usd.maximum),
    },
  };
}

async function nameParts(
  context: Context,
  planned: BatchRecord,
  kept: Pick<BatchRecord, 'parts' | 'estimate'>,
  added: readonly Part[],
): Promise<BatchRecord> {
  const owner = await asOwner(context, planned);
  const { value, changed } = await changeWhere(context.store.record(planned.batch_id), (current) =>
    isDeepStrictEqual(current.parts, planned.parts)
      ? { ...withoutEnd(current), ...owner, ...kept, parts: [...kept.parts, ...added] }
      : null,
  );
  if (value && changed) return value;
  throw new BatchError(
    'wrong_state',
    `Nothing was sent by this call: ${planned.batch_id} changed meanwhile, most likely because another retry was ` +
      'faster. Call batch_status to see its state.',
  );
}

/**
 * Throws `cost_limit` where today's budget does not hold the attempt, and `wrong_state` where another batch took the
 * work over before the attempt was named; the record is then as it was before.
 */
async function secureOrTakeBack(
  context: Context,
  named: BatchRecord,
  before: BatchRecord,
  added: readonly Part[],
): Promise<void> {
  try {
    await requireOwned(context, before);
    await reserveBudget(context, named);
  } catch (error) {
    // If the budget grew meanwhile, a look may already have begun to send the attempt: then it stands.
    const isSent = ({ number, progress }: Part) =>
      added.some((part) => part.number === number) &&
      progress.state !== 'prepared' &&
      progress.state !== 'not_sent';
    const record = await context.store
      .record(named.batch_id)
      .update((current) =>
        current?.parts.some(isSent)
          ? current
          : current && { ...current, parts: before.parts, estimate: before.estimate },
      );
    if (!record?.parts.some(isSent)) throw error;
  }
}
