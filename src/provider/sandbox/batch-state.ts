import type { WireBatch } from './wire-answer.ts';

/** Tells the sandbox's batches from those of the API. */
export const BATCH_ID_PREFIX = 'msgbatch_sandbox_';

/** A batch as it was made. Never changed: its state is a function of time. */
export type SandboxBatch = {
  id: string;
  /** Milliseconds since 1970, like all times here. */
  createdAt: number;
  /** How long it is in progress. */
  seconds: number;
  requestCount: number;
  /** How many requests have wrong params. */
  erroredCount: number;
  /** Which marked prompts the cache held when it was made, by their keys. */
  warm?: readonly string[] | undefined;
};

/** A cancellation: the first requests in the body's order had finished, the others never will. */
export type Cancellation = { at: number; finished: number; erroredCount: number };

const DAY_MS = 24 * 60 * 60 * 1000;
/** How long a batch is `canceling`. */
const CANCELING_MS = 300;

export function hasEnded(batch: SandboxBatch, cancellation: Cancellation | null, now: number): boolean {
  return now >= endOf(batch, cancellation);
}

function endOf(batch: SandboxBatch, cancellation: Cancellation | null): number {
  return cancellation ? cancellation.at + CANCELING_MS : batch.createdAt + batch.seconds * 1000;
}

/** How many requests have finished, of a batch in progress. */
export function finishedBy(batch: SandboxBatch, now: number): number {
  const done = (now - batch.createdAt) / (batch.seconds * 1000);
  return Math.floor(batch.requestCount * Math.min(1, Math.max(0, done)));
}

/** The batch as the API would describe it at this time. `origin` is where its results are. */
export function describeBatch(
  batch: SandboxBatch,
  cancellation: Cancellation | null,
  now: number,
  origin: string,
): WireBatch {
  const ended = hasEnded(batch, cancellation, now);
  const running = cancellation ? 'canceling' : 'in_progress';
  return {
    id: batch.id,
    type: 'message_batch',
    processing_status: ended ? 'ended' : running,
    request_counts: ended
      ? finalCounts(batch, cancellation)
      : { processing: batch.requestCount, succeeded: 0, errored: 0, canceled: 0, expired: 0 },
    created_at: time(batch.createdAt),
    expires_at: time(batch.createdAt + DAY_MS),
    ended_at: ended ? time(endOf(batch, cancellation)) : null,
    cancel_initiated_at: cancellation ? time(cancellation.at) : null,
    archived_at: null,
    results_url: ended ? `${origin}/v1/messages/batches/${batch.id}/results` : null,
  };
}

function finalCounts(batch: SandboxBatch, cancellation: Cancellation | null): WireBatch['request_counts'] {
  const finished = cancellation?.finished ?? batch.requestCount;
  const errored = cancellation?.erroredCount ?? batch.erroredCount;
  return {
    processing: 0,
    succeeded: finished - errored,
    errored,
    canceled: batch.requestCount - finished,
    expired: 0,
  };
}

function time(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
