import { canBeOfOne } from '../../answers/failures.ts';
import { actualOfPart, estimateOfParts, unknownUsd } from '../../cost/cost.ts';
import { roundUsd } from '../../cost/pricing.ts';
import { BatchError } from '../../errors.ts';
import { whyNotAgain } from '../../sending/own-again.ts';
import { whyNothingIsSpent } from '../../sending/permission.ts';
import { requireSameAccount } from '../../sending/same-account.ts';
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
/** Answers that were paid for but are unusable, and may be usable next time: cut off, empty, against their schema. */
const PAID = ['max_tokens', 'empty_answer', 'invalid_answer'];
const AGAIN: readonly string[] = [...FREE, ...PAID];
/**
 * What to send again, the largest choice first that fits into the reserved maximum; cut-off answers would cost twice
 * as much.
 */
const CHOICES = [AGAIN, AGAIN.filter((type) => type !== 'max_tokens'), FREE];
/**
 * The cost of unusable answers is gone from the maximum: at their old limits, all of them could cost more than is
 * left. Few answers come near their limit, so a lower one does as well.
 */
const LENGTHS = [1, 0.9, 0.7, 0.5];

/**
 * Whether this process should send failed tasks of a batch again: one that may not spend sends nothing for others.
 */
export function isRetryDue(context: Context, record: BatchRecord): boolean {
  return wantsRetry(record) && whyNothingIsSpent(context, record.provider) === null;
}

/**
 * Whether failed tasks of an ended batch are to be sent again by whoever looks at it, as its submission asked. A
 * canceled batch is left alone.
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
 * Sends failed tasks that can succeed next time, if that is due: once, whoever else looks at the same time, and
 * within the maximum reserved at submission. Where not all of them fit, unusable answers get a lower limit, or else
 * only unbilled tasks are sent; where none fit, that is recorded for good. Throws what prevents sending now.
 */
export async function retryByItself(context: Context, batchId: string, report: Report): Promise<void> {
  const record = await context.store.record(batchId).read();
  if (record === null || !isRetryDue(context, record)) return;
  await context.provider(record.provider).requireCredentials();
  await requireSameAccount(context, record, null);
  const other = await whyNotAgain(context, record);
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
      // Another process was faster, or is about to be: its attempt is the one that counts.
      if (await hasCompany(context, record)) return;
      const isTooShort = shorter < 1 && error.code === 'invalid_input';
      if (error.code !== 'cost_limit' && error.code !== 'wrong_state' && !isTooShort) throw error;
    }
  }
  await stop(context, record, SPENT);
}

/** What is left of the maximum cost that was reserved at submission. */
function leftOf(record: BatchRecord): number {
  const { estimate, parts } = record;
  const waiting = parts.filter(({ progress }) => progress.state === 'waiting');
  const spent = parts.filter(isCreated).reduce((sum, part) => sum + spentOn(record, part), 0);
  const kept = estimateOfParts(record, waiting).maximum;
  return Math.max(0, roundUsd((estimate?.maximum ?? 0) - spent - kept));
}

/** A part of unknown cost may have used up the whole maximum. */
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
  'what remains could cost more than is left of the reserved maximum, or its answers cannot be made longer. ' +
  'retry_batch sends it on request.';

async function stop({ store }: Context, { batch_id, parts }: BatchRecord, stopped: string): Promise<void> {
  await store
    .record(batch_id)
    .update((record) =>
      record?.retries && record.parts.length === parts.length
        ? { ...record, retries: { ...record.retries, stopped } }
        : record,
    );
}
