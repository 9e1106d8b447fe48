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
  /** Of those done, what has no finished answer. */
  failed?: number;
  /** What it costs in US dollars, where that is known or expected. */
  cost?: { usd: number; is_expected: boolean };
};

export type Report = (progress: Progress) => void;

export type JobStart = Owned & { stage: Progress['stage']; provider: ProviderName };

export type Job = {
  /** The provider that it works with: known before there is a record. */
  readonly provider: ProviderName;
  readonly promise: Promise<void>;
  progress: Progress;
};

/**
 * The work that goes on in this process when a call has answered: at most one job under a key. What it
 * achieves is in the store. What fails with nobody waiting is kept until somebody asks.
 */
export type Jobs = {
  /** Starts `work` under a key at which no job runs, and gives what it comes to as well. */
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
  /** Whose the job under `key` is, or the last one was, where it failed; null where there is none. */
  ownerOf(key: string): Owned | null;
  /** Work that was told under one batch's id turned out to be another's: whoever asks for the first gets that. */
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

/** An agent's call waits no longer for a batch's end: what takes longer is followed. */
export const LONGEST_WAIT_SECONDS = 20;

/** How whoever asks learns of a batch's end without looking again and again: as a task of MCP, or by a command. */
export type Following = { kind: 'task' } | { kind: 'command'; waitFor: (batchId: string) => string };

/** What a call that waits for a job gets to say. */
export type Waiting = {
  /** Absent where nobody can be asked. */
  ask?: Ask | undefined;
  following?: Following | undefined;
  /** Told when waiting longer changes nothing: at the end, or where a person has to do something first. */
  onOver?: (() => void) | undefined;
  /** Stops the waiting. */
  signal?: AbortSignal | undefined;
  /** Told how far the job is, every second. */
  onProgress?: ((progress: Progress) => Promise<void> | void) | undefined;
};

const PROGRESS_MS = 1_000;

/** Waits for a job, but no longer than `ms`; whether it ended. Its failure is thrown. */
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
 * Waits for a promise, but no longer than `ms` and no longer than `signal` allows; whether it ended. What it
 * stands for goes on all the same. Its failure is thrown.
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

/** A batch as it is now, and what goes on with it in this process. */
export type Refreshed = {
  record: BatchRecord;
  /** What goes on in this process, with how far it is. */
  job: Job | undefined;
  /** Why the last look at the provider, or the last work on the batch, did not succeed; nothing is lost by it. */
  failures: BatchError[];
  /** Why this process does not send what waits to be sent, and who could. */
  heldBack?: string;
};
