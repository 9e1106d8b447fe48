import { decodeTime } from 'ulid';
import { dialectOf } from '../provider/dialects.ts';
import type { BatchRecord, CreatedPart, Part } from '../store/record.ts';
import type { SavedResults } from '../store/saved-results.ts';
import { isCreated, isHeld } from './parts.ts';

export const processingStatuses = [
  'in_progress',
  'canceling',
  'ended',
  'submitting',
  'waiting',
  'unconfirmed',
  'not_sent',
] as const;
export type ProcessingStatus = (typeof processingStatuses)[number];

/** The status of a batch over all its parts: the one that a person has to know of first. */
export function statusOf(record: BatchRecord): ProcessingStatus {
  const parts = record.parts.filter((part) => !isHeld(record, part));
  const states = new Set(parts.map(({ progress }) => progress.state));
  const seen = new Set(record.parts.filter(isCreated).map(({ progress }) => progress.seen.processing_status));
  if (states.has('unconfirmed')) return 'unconfirmed';
  if (states.has('sending')) return 'submitting';
  if (states.has('prepared') && !states.has('not_sent')) return 'submitting';
  if (seen.has('canceling')) return 'canceling';
  if (seen.has('in_progress')) return 'in_progress';
  if (states.has('not_sent')) return 'not_sent';
  // The next stage is about to be made from the one before.
  if (states.has('waiting')) return record.waits === undefined ? 'submitting' : 'waiting';
  return 'ended';
}

/** A part's own status, in the same words. */
export function partStatus(record: BatchRecord, part: Part): ProcessingStatus {
  const { progress } = part;
  if (isHeld(record, part)) return 'waiting';
  switch (progress.state) {
    case 'prepared':
    case 'sending':
      return 'submitting';
    case 'waiting':
    case 'unconfirmed':
    case 'not_sent':
      return progress.state;
    case 'created':
      return progress.seen.processing_status;
  }
}

/** Whether a process may be making or sending its requests, which another store could not know. */
export function isBeingSent({ never_sent, parts }: BatchRecord): boolean {
  if (never_sent !== undefined) return false;
  const waitsForPerson = parts.some(({ progress }) => progress.state === 'not_sent');
  return parts.some(({ progress }) => {
    if (progress.state === 'prepared') return !waitsForPerson;
    return progress.state === 'sending' || (progress.state === 'waiting' && progress.by !== null);
  });
}

/** Whether every answer is on disk. */
export function isSaved(record: BatchRecord): boolean {
  return record.parts.every(({ progress }) => progress.state === 'created' && progress.results !== null);
}

/** The latest of the parts' times, null while one has none. */
export function latestTime(record: BatchRecord, time: 'ended_at' | 'expires_at'): string | null {
  const times = record.parts.map(({ progress }) =>
    progress.state === 'created' ? progress.seen[time] : null,
  );
  const known = times.filter((each) => each !== null).map((each) => Date.parse(each));
  return known.length < times.length ? null : new Date(Math.max(...known)).toISOString();
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** As long as a batch may run, and a day to fetch its results. */
const TRIED_MS = 2 * DAY_MS;

/**
 * When the provider drops a part's results, in milliseconds since 1970. Its clock, or that of a gateway before it, may
 * be wrong: no part was made before it was sent from here. Of another program's batch there is only that clock: where
 * it says that the results were dropped before the batch was adopted, they are asked for all the same.
 */
export function partExpiresAt(
  {
    batch_id,
    provider,
    created_at,
    adopted,
  }: Pick<BatchRecord, 'batch_id' | 'provider' | 'created_at' | 'adopted'>,
  { progress, reused_from }: CreatedPart,
): number {
  const isOwn = !adopted && reused_from === undefined;
  const sent = progress.intent?.at ?? (isOwn ? created_at : progress.seen.created_at);
  const made = Math.max(Date.parse(progress.seen.created_at), Date.parse(sent));
  const until = made + dialectOf(provider).resultsKeptDays * DAY_MS;
  const adoptedAt = adopted ? decodeTime(batch_id.slice('batch_'.length)) : 0;
  return until > adoptedAt ? until : adoptedAt + TRIED_MS;
}

const expiries = (record: BatchRecord) =>
  record.parts.filter(isCreated).map((part) => partExpiresAt(record, part));

/** When the provider drops the first part's results; null while nothing was created. */
export function resultsExpireAt(record: BatchRecord): string | null {
  const times = expiries(record);
  return times.length === 0 ? null : new Date(Math.min(...times)).toISOString();
}

/** When it has dropped the results of every part: until then a look can save some. Null while nothing was created. */
export function allExpireAt(record: BatchRecord): string | null {
  const times = expiries(record);
  return times.length === 0 ? null : new Date(Math.max(...times)).toISOString();
}

/** When the provider drops those results that are not saved here, of each part, in milliseconds since 1970. */
function unsavedExpireAt(record: BatchRecord): number[] {
  const unsaved = record.parts.filter(isCreated).filter(({ progress }) => progress.results === null);
  return unsaved.map((part) => partExpiresAt(record, part));
}

/** When it drops the first of them, in milliseconds since 1970; null where there are none. */
export function firstUnsavedExpireAt(record: BatchRecord): number | null {
  const times = unsavedExpireAt(record);
  return times.length === 0 ? null : Math.min(...times);
}

/** Whether a batch has ended and the provider has dropped all results that are not saved here. */
export function isLost(record: BatchRecord, now: Date): boolean {
  const times = unsavedExpireAt(record);
  return statusOf(record) === 'ended' && times.length > 0 && Math.max(...times) <= now.getTime();
}

/** For how long the answers that a download lacks may still come. */
export const CERTAIN_MS = 15 * 60_000;

/** When it becomes certain which answers the results lack, in milliseconds since 1970; null where it is. */
export function certainAt({ provisional }: SavedResults): number | null {
  return provisional === undefined ? null : Date.parse(provisional.since) + CERTAIN_MS;
}

/** When it becomes certain which answers of a batch are missing, in milliseconds since 1970; null where it is. */
export function missingCertainAt({ parts }: BatchRecord): number | null {
  const times = parts.map(({ progress }) =>
    progress.state === 'created' && progress.results !== null ? certainAt(progress.results) : null,
  );
  const open = times.filter((each) => each !== null);
  return open.length === 0 ? null : Math.max(...open);
}

/** When the latest results of a batch came in, in milliseconds since 1970. */
export function latestResults({ parts }: BatchRecord): number {
  return Math.max(
    ...parts.map(({ progress }) =>
      progress.state === 'created' ? Date.parse(progress.results?.saved_at ?? '') || 0 : 0,
    ),
  );
}

/** When the latest part was sent, which ends last, in milliseconds since 1970. */
export function lastSent({ created_at, parts }: BatchRecord): number {
  const sent = parts.flatMap(({ progress }) =>
    progress.state === 'created' && progress.intent !== null ? [Date.parse(progress.intent.at)] : [],
  );
  return Math.max(Date.parse(created_at), ...sent);
}
