import { requireApproval } from '../../cost/approval.ts';
import { reserveBudget } from '../../cost/budget.ts';
import { estimateOfParts, requireTotalWithinLimit } from '../../cost/cost.ts';
import { requireOwned } from '../../sending/own-again.ts';
import { asOwner } from '../../sending/permission.ts';
import { withoutEnd } from '../../sending/unsent.ts';
import type { Context } from '../../state/context.ts';
import type { Waiting } from '../../state/jobs.ts';
import { isCreated, isNeverMade } from '../../state/parts.ts';
import type { BatchRecord, Part } from '../../store/record.ts';
import { startSending, waitForSending } from '../looking/sending-jobs.ts';
import type { Retried } from './retry-attempt.ts';
import type { RetryOptions } from './retry-options.ts';

/** Sends parts that the API refused, or that were canceled before they were sent, as part of the same attempt. */
export async function sendUnsent(
  context: Context,
  record: BatchRecord,
  parts: readonly Part[],
  { max_cost_usd, dry_run }: RetryOptions,
  waiting: Waiting,
): Promise<Retried> {
  const { batch_id, provider } = record;
  const until = Date.now() + context.limits.callMs;
  const cost = estimateOfParts(record, parts);
  const retried: Retried = {
    batch_id,
    plan: {
      attempt: Math.max(...parts.map(({ attempt }) => attempt)),
      request_count: countOf(parts),
      cost_usd: { ...cost, actual: null, basis: record.estimate?.basis ?? 'estimated' },
    },
    warnings: [],
  };
  if (dry_run) return retried;
  if (provider !== 'sandbox') {
    requireTotalWithinLimit(cost, context.maxCostUsd, max_cost_usd);
    const { askMs } = context.limits;
    // No job outlives this call, so the person has until its end to answer.
    const within = { ...context, limits: { ...context.limits, askMs: Math.min(askMs, until - Date.now()) } };
    await requireApprovalOf(within, record, parts, { ...waiting, report: () => {} });
  }
  await reserveBudget(context, record);
  const owner = await asOwner(context, record);
  const numbers = new Set(parts.map(({ number }) => number));
  await context.store.record(batch_id).update(
    (current) =>
      current && {
        ...withoutEnd(current),
        ...owner,
        parts: current.parts.map((part) =>
          numbers.has(part.number) && part.progress.state === 'not_sent'
            ? {
                ...sentNow(part, current),
                progress: isNeverMade(part) ? WAITING : { state: 'prepared' as const },
              }
            : part,
        ),
      },
  );
  await ownOrTakeBack(context, record);
  // Of a backup from before it was sent after all the provider has it.
  startSending(context, record, { isReserved: false, left: 'refused' });
  await waitForSending(context, batch_id, until - Date.now(), waiting);
  return retried;
}

/** Where another batch took the work over meanwhile, what was about to be sent waits for a person as it did before. */
async function ownOrTakeBack(context: Context, before: BatchRecord): Promise<void> {
  try {
    await requireOwned(context, before);
  } catch (error) {
    const refused = new Map(before.parts.map(({ number, progress }) => [number, progress]));
    await context.store.record(before.batch_id).update(
      (current) =>
        current && {
          ...current,
          parts: current.parts.map((part) => {
            const progress = refused.get(part.number);
            const isOpen = part.progress.state === 'prepared' || part.progress.state === 'waiting';
            return isOpen && progress?.state === 'not_sent' ? { ...part, progress } : part;
          }),
          ...(before.never_sent && { never_sent: before.never_sent }),
        },
    );
    throw error;
  }
}

/** Asks the person to approve sending parts whose bodies are already written. */
export function requireApprovalOf(
  context: Pick<Context, 'askAboveUsd' | 'limits'>,
  record: BatchRecord,
  parts: readonly Part[],
  asking: Parameters<typeof requireApproval>[2],
): Promise<void> {
  const hash = parts.map(({ body_sha256 }) => body_sha256).join(' ');
  const work = { hash, request_count: countOf(parts), ...estimateOfParts(record, parts) };
  return requireApproval(context, work, asking);
}

/** A part that is sent now no longer waits for a request that failed to fill the cache. */
function sentNow({ after, ...part }: Part, { parts }: BatchRecord): Part {
  if (after === undefined) return part;
  const primer = parts.find(({ number }) => number === after);
  const isUseful =
    primer !== undefined && (!isCreated(primer) || primer.progress.seen.request_counts.succeeded > 0);
  return isUseful ? { ...part, after } : { ...part, cache: 'blank' };
}

/** A stage of a merge waits for the one below. */
const WAITING = { state: 'waiting' as const, by: null };

const countOf = (parts: readonly Part[]) => parts.reduce((sum, { request_count }) => sum + request_count, 0);
