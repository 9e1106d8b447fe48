import type { BatchError } from '../errors.ts';
import type { ProviderName } from '../provider/provider.ts';
import type { BatchRecord } from '../store/record.ts';
import type { Ask } from './questions.ts';
import type { Owned } from './subject.ts';

/** How far a job is: `done` of `total` requests or bytes, null where the total is not known yet. */
export type Progress = {
  /** `asking` a person whether it may be sent; `waiting` for the provider, with no work of ours. */
  stage: 'preparing' | 'asking' | 'sending' | 'downloading' | 'writing' | 'waiting';
  done: number;
  total: number | null;
  /** How many of those done have no finished answer. */
  failed?: number;
  /** The cost in US dollars, where it is known or expected. */
  cost?: { usd: number; is_expected: boolean };
};

export type Report = (progress: Progress) => void;

type JobStart = Owned & { stage: Progress['stage']; provider: ProviderName };

export type Job = {
  /** The provider that it works with, known even before there is a record. */
  readonly provider: ProviderName;
  readonly promise: Promise<void>;
  progress: Progress;
};

/**
 * The work that goes on in this process after a call has replied: at most one job per key. Its results are in the
 * store. A failure with nobody waiting is kept until somebody asks.
 */
export type Jobs = {
  /** Starts `work` under a key without a running job, and also returns its outcome. */
  start<T>(
    key: string,
    start: JobStart,
    work: (report: Report) => Promise<T>,
  ): { job: Job; outcome: Promise<T> };
  /** Starts `work` under `key`, or joins the job that runs there. */
  run(key: string, start: JobStart, work: (report: Report) => Promise<void>): Job;
  find(key: string): Job | undefined;
  /** The error of the last job under `key`, where it failed. */
  lastFailure(key: string): unknown;
  /** Who owns the job under `key`, or the last one if it failed; null where there is none. */
  ownerOf(key: string): Owned | null;
  /**
   * Notes that the work announced under one batch's id turned out to be another batch's: whoever asks for the first
   * id gets that.
   */
  forward(from: string, to: string): void;
  /** The id that this one was forwarded to, else itself. */
  forwarded(id: string): string;
  /** Resolves when no job runs any more. */
  idle(): Promise<void>;
};

export function createJobs(): Jobs {
  const running = new Map<string, Job & Owned>();
  const failures = new Map<string, Owned & { error: unknown }>();
  const forwards = new Map<string, string>();

  const start: Jobs['start'] = (key, { stage, provider, user }, work) => {
    failures.delete(key);
    const outcome = Promise.resolve()
      .then(() =>
        work((progress) => {
          job.progress = progress;
        }),
      )
      .finally(() => running.delete(key));
    const job: Job & Owned = {
      provider,
      user,
      progress: { stage, done: 0, total: null },
      promise: outcome.then(() => {}),
    };
    job.promise.catch((error: unknown) => failures.set(key, { error, user }));
    running.set(key, job);
    return { job, outcome };
  };

  return {
    start,
    run: (key, begin, work) => running.get(key) ?? start(key, begin, work).job,
    find: (key) => running.get(key),
    lastFailure: (key) => failures.get(key)?.error,
    ownerOf: (key) => running.get(key) ?? failures.get(key) ?? null,
    forward: (from, to) => void forwards.set(from, to),
    forwarded: (id) => forwards.get(id) ?? id,
    async idle() {
      while (running.size > 0) {
        await Promise.allSettled([...running.values()].map((job) => job.promise));
      }
    },
  };
}

/** How a client learns of a batch's end without polling: as an MCP task, or through a command. */
export type Following = { kind: 'task' } | { kind: 'command'; waitFor: (batchId: string) => string };

/** How a call takes part in waiting for a job. */
export type Waiting = {
  /** Absent where nobody can be asked. */
  ask?: Ask | undefined;
  following?: Following | undefined;
  /** Called when waiting longer changes nothing: at the end, or where a person has to act first. */
  onOver?: (() => void) | undefined;
  /** Stops the waiting. */
  signal?: AbortSignal | undefined;
  /** Called with the job's progress every second. */
  onProgress?: ((progress: Progress) => Promise<void> | void) | undefined;
};

const PROGRESS_MS = 1_000;

/** Waits for a job up to `ms` milliseconds; returns whether it ended. Throws its failure. */
export async function jobEndsWithin(job: Job, ms: number, { signal, onProgress }: Waiting): Promise<boolean> {
  const until = performance.now() + ms;
  for (;;) {
    const left = until - performance.now();
    if (await endsWithin(job.promise, Math.min(left, PROGRESS_MS), signal)) return true;
    if (left <= PROGRESS_MS || signal?.aborted) return false;
    await onProgress?.(job.progress);
  }
}

/**
 * Waits for a promise up to `ms` milliseconds, or until `signal` is aborted; returns whether it ended. The work
 * behind it goes on in any case. Throws its failure.
 */
export async function endsWithin(promise: Promise<void>, ms: number, signal?: AbortSignal): Promise<boolean> {
  let stop = () => {};
  const timeUp = new Promise<boolean>((resolve) => {
    const giveUp = () => resolve(false);
    const timer = Number.isFinite(ms) ? setTimeout(giveUp, Math.max(0, ms)) : undefined;
    signal?.addEventListener('abort', giveUp, { once: true });
    stop = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', giveUp);
    };
  });
  try {
    return await Promise.race([promise.then(() => true), timeUp]);
  } finally {
    stop();
  }
}

/** A batch as it is now, and the work on it in this process. */
export type Refreshed = {
  record: BatchRecord;
  /** This process's job for the batch, with its progress. */
  job: Job | undefined;
  /** Why the last look at the provider, or the last work on the batch, failed; nothing is lost by that. */
  failures: BatchError[];
  /** Why this process does not send the waiting parts, and who could. */
  heldBack?: string;
};
