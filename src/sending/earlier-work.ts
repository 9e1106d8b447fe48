import { isWaiting } from '../state/parts.ts';
import type { PartState } from '../store/part-state.ts';
import type { Presence } from '../store/presence.ts';
import type { BatchRecord } from '../store/record.ts';
import type { OutcomeCounts } from '../store/saved-results.ts';

/** For how long the same work counts as the same submission. */
export const SAME_WORK_MS = 24 * 60 * 60 * 1000;

/** Whether anything of a batch was paid for, or may have been. */
export function mayBePaid(record: BatchRecord): boolean {
  return record.parts.some(
    ({ progress, reused_from, unknown_sends = 0 }) =>
      unknown_sends > 0 || (reused_from === undefined && !unpaid.has(progress.state)),
  );
}

const unpaid: ReadonlySet<PartState['state']> = new Set(['waiting', 'prepared', 'not_sent']);

function successes(outcomes: readonly OutcomeCounts[]): number {
  return outcomes.reduce((sum, counts) => sum + counts.succeeded + counts.incomplete, 0);
}

/**
 * Whether a batch ended without one success, so that submitting its work again pays for nothing twice. Missing
 * answers may have been paid for.
 */
function cameToNothing(record: BatchRecord): boolean {
  const results = record.parts.map(({ progress }) =>
    progress.state === 'created' ? progress.results : null,
  );
  const saved = results.filter((result) => result !== null);
  const outcomes = saved.map((result) => result.outcomes);
  const isKnown = saved.length === record.parts.length && outcomes.every(({ missing }) => missing === 0);
  return isKnown && successes(outcomes) === 0;
}

/**
 * Whether a batch stands for its work only through what is sent of it now: nothing of it was paid for, it came to nothing, or it
 * was canceled. Then it has to own the work, which could otherwise be paid for in another batch too.
 */
export function hasToOwn(record: BatchRecord): boolean {
  const sent = record.parts.filter(({ progress }) => !unpaid.has(progress.state));
  const before = { ...record, parts: sent };
  return !mayBePaid(record) || cameToNothing(before) || isCanceled(before);
}

/** Whether it was canceled, at least in part, and not retried since. */
export function isCanceled(record: BatchRecord): boolean {
  const retried = record.parts.some(({ attempt }) => attempt > 1);
  return record.parts.some(({ progress }) => {
    if (progress.state !== 'created') return false;
    const { processing_status, request_counts } = progress.seen;
    return processing_status === 'canceling' || (request_counts.canceled > 0 && !retried);
  });
}

/**
 * What an earlier batch of the same work means for a new submission:
 * - `stands`: it does this work already; nothing is to be sent.
 * - `take_up`: it was never paid and nobody is sending it; send that one, under its own id.
 * - `void`: it is gone, too old, canceled or without a success; the new one is sent.
 */
type EarlierMeaning = 'stands' | 'take_up' | 'void';

/**
 * When the work itself was sent, in milliseconds since 1970: by its latest part, leaving out attempts that came to nothing, and
 * those that only sent again what had failed. 0 where nothing was sent.
 */
function sentAt({ parts }: BatchRecord): number {
  const sent = parts.filter(
    ({ progress, reused_from }) =>
      reused_from === undefined && !unpaid.has(progress.state) && !isWithoutSuccess(progress),
  );
  const attempt = Math.min(...sent.map((part) => part.attempt));
  return Math.max(
    0,
    ...sent.filter((part) => part.attempt === attempt).map(({ progress }) => timeOf(progress)),
  );
}

function isWithoutSuccess(progress: PartState): boolean {
  if (progress.state !== 'created' || progress.results === null) return false;
  const { outcomes } = progress.results;
  return outcomes.missing === 0 && successes([outcomes]) === 0;
}

function timeOf(progress: PartState): number {
  const intent = 'intent' in progress ? progress.intent : null;
  if (intent !== null) return Date.parse(intent.at);
  return progress.state === 'created' ? Date.parse(progress.seen.created_at) : 0;
}

/**
 * `ownedAt`: when a register named it last, which is after its making where it waited, was left, or was sent again. The register may
 * have been lost, so what was sent counts too.
 */
export function judgeEarlier(
  record: BatchRecord | null,
  presence: Presence,
  now: Date,
  ownedAt?: string,
): EarlierMeaning {
  if (record === null) return 'void';
  if (record.idempotency_key !== null) return canBeTakenUp(record, presence) ? 'take_up' : 'stands';
  // A waiting batch is never too old; one that was given up while it waited has no tasks to send.
  if (record.waits !== undefined && isWaiting(record)) return 'stands';
  if (record.waits !== undefined && !mayBePaid(record)) return 'void';
  const owned = Date.parse(ownedAt ?? record.created_at);
  const since = Math.max(Date.parse(record.created_at), owned, sentAt(record));
  if (now.getTime() - since > SAME_WORK_MS) return 'void';
  if (cameToNothing(record) || isCanceled(record)) return 'void';
  return canBeTakenUp(record, presence) ? 'take_up' : 'stands';
}

/** Whether nothing of a batch was paid for and no process is sending it. */
function canBeTakenUp(record: BatchRecord, presence: Presence): boolean {
  if (mayBePaid(record) || record.waits !== undefined) return false;
  return record.parts.some(({ progress }) => progress.state === 'not_sent') || presence.isGone(record.owner);
}
