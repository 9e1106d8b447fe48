import { partsToCollect } from '../../answers/download/collect.ts';
import { hasOutputsToWrite } from '../../answers/files/output-file.ts';
import { allExpireAt, isSaved, lastSent, missingCertainAt, statusOf } from '../../state/status.ts';
import type { BatchRecord } from '../../store/record.ts';
import { wantsRetry } from '../retry/retry-by-itself.ts';
import { isOver, tellingOf } from './telling.ts';

/** While the API processes it, by its age: a batch takes minutes to hours, and short ones should be fetched soon. */
const RUNNING: readonly { youngerThanMs: number; pauseMs: number }[] = [
  { youngerThanMs: 60_000, pauseMs: 5_000 },
  { youngerThanMs: 10 * 60_000, pauseMs: 20_000 },
  { youngerThanMs: 3_600_000, pauseMs: 60_000 },
  { youngerThanMs: Number.POSITIVE_INFINITY, pauseMs: 180_000 },
];
/** The process that sends or settles it is still at it, unless it died. */
const SENDING_MS = 15_000;
const CANCELING_MS = 30_000;
/** The look that sees the end of the awaited batch continues with this one: this is for when that broke off. */
const WAITING_MS = 60_000;
/** Missing results may still come, mostly soon. */
const SHORT_MS = 30_000;
/** By then the telling process has recorded the outcome. */
const TELLING_MS = 60_000;

type Surroundings = {
  now: Date;
  /** Whether the owner wants to be told when batches end. */
  tells: boolean;
  sandboxSeconds: number;
  /** The longest pause between two looks at a running batch. */
  longestPauseMs: number;
};

/** In how many milliseconds a look can move a batch on, judged by its record alone; null where none can. */
export function nextLookInMs(record: BatchRecord, surroundings: Surroundings): number | null {
  const { now, tells, sandboxSeconds, longestPauseMs } = surroundings;
  if (isOver(record)) {
    const telling = tells ? tellingOf(record, now) : null;
    return telling === 'due' ? 0 : telling === 'claimed' ? TELLING_MS : null;
  }
  const until = allExpireAt(record);
  if (until !== null && Date.parse(until) <= now.getTime()) return null;
  const age = now.getTime() - lastSent(record);
  switch (statusOf(record)) {
    // It waits for a person, except for the results of the parts that were sent.
    case 'not_sent':
      return partsToCollect(record).length > 0 ? 0 : null;
    case 'unconfirmed':
    case 'submitting':
      return SENDING_MS;
    case 'waiting':
      return WAITING_MS;
    case 'canceling':
      return CANCELING_MS;
    case 'in_progress':
      if (record.provider === 'sandbox') return Math.max(1_000, sandboxSeconds * 1_000 - age);
      return Math.min(
        longestPauseMs,
        ...RUNNING.filter(({ youngerThanMs }) => age < youngerThanMs).map(({ pauseMs }) => pauseMs),
      );
    case 'ended': {
      const isToDo = !isSaved(record) || wantsRetry(record) || hasOutputsToWrite(record);
      const certain = missingCertainAt(record);
      if (isToDo || certain === null) return 0;
      return Math.max(0, Math.min(SHORT_MS, certain - now.getTime()));
    }
  }
}
