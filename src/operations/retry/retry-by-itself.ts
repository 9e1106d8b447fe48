import { canBeOfOne } from '../../answers/failures.ts';
import { actualOfPart, estimateOfParts, unknownUsd } from '../../cost/cost.ts';
import { roundUsd } from '../../cost/pricing.ts';
import { BatchError } from '../../errors.ts';
import { whyNothingIsSpent } from '../../sending/permission.ts';
import { requireSameAccount } from '../../sending/same-account.ts';
import { ownAgain } from '../../sending/submission.ts';
import type { Context } from '../../state/context.ts';
import type { Report } from '../../state/jobs.ts';
import { isCreated, sentCount } from '../../state/parts.ts';
import { isSaved } from '../../state/status.ts';
import { partBody } from '../../store/names.ts';
import type { BatchRecord, CreatedPart } from '../../store/record.ts';
import { startSending } from '../looking/sending-jobs.ts';
import { addAttempt } from './retry-attempt.ts';

/** Causes that pass, and were not billed. */
const FREE = ['expired', 'overloaded_error', 'api_error', 'timeout_error', 'rate_limit_error'];
/** Answers that were paid and can't be used, which the next time may be: cut off, empty, against their schema. */
const PAID = ['max_tokens', 'empty_answer', 'invalid_answer'];
const AGAIN: readonly string[] = [...FREE, ...PAID];
/** What is sent again, the most of it first that the reserved maximum holds; what was cut off would take twice as much. */
const CHOICES = [AGAIN, AGAIN.filter((type) => type !== 'max_tokens'), FREE];
/**
 * What unusable answers were paid with is gone from the maximum: as long as before, all of them could cost more than is left. Few
 * answers come near their limit, so that a lower one does as well.
 */
const LENGTHS = [1, 0.9, 0.7, 0.5];

/** Whether this process is to send a batch again in part, if it looks at it: one that may not spend sends nothing for others. */
export function isRetryDue(context: Context, record: BatchRecord): boolean {
  return wantsRetry(record) && whyNothingIsSpent(context, record.provider) === null;
}

/**
 * Whether a batch that has ended is to be sent again in part by whoever looks at it: its submission asked for that. What
 * was canceled is not.
 */
export function wantsRetry(record: BatchRecord): boolean {
  const { retries } = record;
  const parts = record.parts.filter(({ progress }) => progress.state !== 'waiting');
  if (retries === undefined || retries.stopped !== null || !isSaved({ ...record, parts })) return false;
  const made = new Set(parts.filter(({ by_itself }) => by_itself).map(({ attempt }) => attempt));
  if (made.size >= retries.asked) return false;
  const last = Math.max(...parts.map(({ attempt }) => attempt));
  const results = parts.filter(isCreated).map((part) => {
    const isShared = sentCount(part) < part.request_count;
    return { attempt: part.attempt, isShared, ...part.progress.results };
  });
  if (results.some(({ outcomes }) => (outcomes?.canceled ?? 0) > 0)) return false;
  return results.some(
    ({ attempt, isShared, failures = [] }) =>
      attempt === last && failures.some(({ type }) => AGAIN.includes(type) || (isShared && canBeOfOne(type))),
  );
}

/**
 * Sends what failed and can succeed again, if that is due: once, whoever else looks at the same time, and within the
 * maximum that was reserved when the work was submitted. Where that does not hold all of it, answers that could not be used get a
 * lower limit, else what was not billed goes alone; where it holds none, that is noted for good. Throws what stands against sending now.
 */
export async function retryByItself(context: Context, batchId: string, report: Report): Promise<void> {
  const record = await context.store.record(batchId).read();
  if (record === null || !isRetryDue(context, record)) return;
  await context.provider(record.provider).requireCredentials();
  await requireSameAccount(context, record, null);
  const other = await doneElsewhere(context, record);
  if (other !== null) return stop(context, record, other);
  const left = leftOf(record);
  const choices = CHOICES.flatMap((types) =>
    (types === FREE ? [1] : LENGTHS).map((shorter) => ({ types, shorter })),
  );
  for (const { types, shorter } of choices) {
    const options = { error_types: [...types], max_cost_usd: left };
    try {
      await addAttempt(context, record, { record, unsent: [], options, report, byItself: true, shorter });
      startSending(context, record);
      return;
    } catch (error) {
      if (!(error instanceof BatchError)) throw error;
      // Another process was faster, or is about to be: what it adds is sent, and looked at from now on.
      if (await hasCompany(context, record)) return;
      const isTooShort = shorter < 1 && error.code === 'invalid_input';
      if (error.code !== 'cost_limit' && error.code !== 'wrong_state' && !isTooShort) throw error;
    }
  }
  await stop(context, record, SPENT);
}

/** Why a batch that came to nothing is not sent again: its work was submitted anew since, and would be paid twice. */
async function doneElsewhere(context: Context, record: BatchRecord): Promise<string | null> {
  try {
    await ownAgain(context, record);
    return null;
  } catch (error) {
    if (error instanceof BatchError && error.code === 'wrong_state') return error.message;
    throw error;
  }
}

/** What is left of the dollars that the work could cost at most when it was submitted. */
function leftOf(record: BatchRecord): number {
  const { estimate, parts } = record;
  const waiting = parts.filter(({ progress }) => progress.state === 'waiting');
  const spent = parts.filter(isCreated).reduce((sum, part) => sum + spentOn(record, part), 0);
  const kept = estimateOfParts(record, waiting).maximum;
  return Math.max(0, roundUsd((estimate?.maximum ?? 0) - spent - kept));
}

/** Of an unknown price nothing is left. */
function spentOn(record: BatchRecord, part: CreatedPart): number {
  const maximum = record.estimate?.maximum ?? 0;
  const { results } = part.progress;
  return results === null ? maximum : (actualOfPart(results) ?? maximum) + unknownUsd(record, part);
}

async function hasCompany({ store }: Context, { batch_id, parts }: BatchRecord): Promise<boolean> {
  const next = Math.max(...parts.map(({ number }) => number)) + 1;
  if ((await store.blobs(batch_id).size(partBody(next))) !== null) return true;
  const now = await store.record(batch_id).read();
  return now !== null && now.parts.length !== parts.length;
}

const SPENT =
  'what is left to be sent again could cost more than is left of the reserved maximum, or its answers cannot be made longer. ' +
  'retry_batch sends it by hand.';

async function stop({ store }: Context, { batch_id, parts }: BatchRecord, stopped: string): Promise<void> {
  await store
    .record(batch_id)
    .update((record) =>
      record?.retries && record.parts.length === parts.length
        ? { ...record, retries: { ...record.retries, stopped } }
        : record,
    );
}
