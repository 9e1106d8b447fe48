import type { BatchRecord } from './record.ts';

/** When a batch should be looked at next, and for whom, derived from its record alone. */
export type NextLook = (record: BatchRecord) => {
  /** In how many milliseconds; null where no look can move it on. */
  inMs: number | null;
  /** Whose batch it is: workers alternate between subjects. Empty where records name nobody. */
  subject: string;
};

/** A batch that one worker looks after, and no other until the lease expires by the store's clock. */
export type Lease = {
  batchId: string;
  /** The revision of its record when the lease was taken. */
  revision: number;
  /** How many consecutive looks before this one failed. */
  failed: number;
};

/**
 * The batches that are due, for all workers that share a store. It is only an index: whoever changes a record also
 * writes the time of the next look, and everything can be rebuilt from the records. If two workers look after one
 * batch, as when a lease expired, the work is done twice but does no harm.
 */
export type Agenda = {
  /** Takes up to `count` due batches, alternating between subjects, the longest waiting first. */
  take(count: number, leaseMs: number): Promise<Lease[]>;
  /** Extends these leases. */
  renew(leases: readonly Lease[], leaseMs: number): Promise<void>;
  /**
   * Gives a batch back. It is not looked at again until `pauseMs` have passed, or ever if that is null, unless its
   * record has changed since it was taken. `failed` is passed to the next lease.
   */
  release(lease: Lease, next: { pauseMs: number | null; failed: number }): Promise<void>;
  /**
   * Adds missing or outdated entries, for instance after an older version wrote records; returns how many there were.
   */
  rebuild(): Promise<number>;
};

/**
 * Rate limits for all who share a store, for instance for requests to an API. Each `name` has its own; all methods
 * throw `store_failed`.
 */
export type Turns = {
  /**
   * Takes the next turn and returns in how many milliseconds it comes: `perMinute` turns a minute among all, a few at once
   * after an idle time. If it comes later than `longestMs`, it is not taken. Without a rate only `hold` delays turns.
   */
  next(name: string, perMinute: number | null, longestMs: number): Promise<number>;
  /** Blocks all turns for a while. */
  hold(name: string, ms: number): Promise<void>;
};
