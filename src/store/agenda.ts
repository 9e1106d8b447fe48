import type { BatchRecord } from './record.ts';

/** When a batch is to be looked at next, and for whom: made of its record alone. */
export type NextLook = (record: BatchRecord) => {
  /** In so many milliseconds; null where no look brings it further. */
  inMs: number | null;
  /** Whose it is: workers take turns between these. Empty where records name nobody. */
  subject: string;
};

/** A batch that one worker looks after, and no other before the lease is over by the store's clock. */
export type Lease = {
  batchId: string;
  /** Of its record, when the lease was taken. */
  revision: number;
  /** Looks before this one that came to nothing, in a row. */
  failed: number;
};

/**
 * What is due, over all workers that share a store. It holds no truth: whoever changes a record writes the time of the next
 * look with it, and all of it can be made again from the records. Two that look after one batch, as when a lease ran out
 * under its holder, do twice the work and no harm.
 */
export type Agenda = {
  /** Takes up to so many batches whose time has come, those that have waited longest and in turn over their subjects. */
  take(count: number, leaseMs: number): Promise<Lease[]>;
  /** Keeps these for so much longer. */
  renew(leases: readonly Lease[], leaseMs: number): Promise<void>;
  /**
   * Gives a batch back. It is looked at again no sooner than in `pauseMs`, and not at all where that is null, unless its
   * record has changed since it was taken. `failed` is what the next lease has.
   */
  release(lease: Lease, next: { pauseMs: number | null; failed: number }): Promise<void>;
  /** Enters what is missing or out of date, as after an older version wrote records; gives how many batches that were. */
  rebuild(): Promise<number>;
};

/**
 * Turns at what all who share a store may only do so often, as requests to an API. Each `name` has its own; all methods throw
 * `store_failed`.
 */
export type Turns = {
  /**
   * Takes the next turn, and gives in how many milliseconds it is: so many a minute over all, a few at once where nobody took
   * any for a while. None is taken where that is longer than `longestMs`. Without a rate there is only what was held.
   */
  next(name: string, perMinute: number | null, longestMs: number): Promise<number>;
  /** Nobody has a turn for so long. */
  hold(name: string, ms: number): Promise<void>;
};
