import type { AuditEntry } from './files/audit.ts';
import type { Summaries, Summary } from './files/summaries.ts';
import type { BatchRecord } from './record.ts';
import type { Budget, Claim, ModelList, Submission, WrittenFile } from './shared-records.ts';

/** One state of a register, with who changed it and when. */
export type Revision<T> = {
  number: number;
  change_id: string;
  at: string;
  value: T;
};

/**
 * A value that any number of processes read and change at once without losing a change.
 *
 * All methods throw `store_damaged` when what is on disk can't be read as `T`: it is left as it is.
 */
export type Register<T> = {
  /** The newest value, null where nothing was ever written. */
  read(): Promise<T | null>;
  /**
   * Applies `change` to the newest value, again and again until nobody was faster, and gives back the value
   * that then holds. `change` is synchronous and free of side effects: it may run several times. Returning
   * the very object it was given (or an equal one), or null, changes nothing.
   */
  update(change: (current: T | null) => T | null): Promise<T | null>;
  /** All revisions, oldest first. */
  history(): Promise<Revision<T>[]>;
};

/** Where the files of one batch are. All are written once, and read by any process. */
export type BatchFolder = {
  readonly path: string;
  readonly tasks: string;
  readonly tasksIndex: string;
  partBody(part: number): string;
  /** The tasks of a part that lists them. */
  partTasks(part: number): string;
  partResults(part: number): string;
  partResultsIndex(part: number): string;
  /** A whole answer that was too long for a reply. */
  answer(ordinal: number): string;
};

/** A folder in which one batch is being prepared, invisible to others until it is committed. */
export type Staging = {
  readonly batchId: string;
  readonly folder: BatchFolder;
  /** Writes the first record and renames the folder into place, durably. */
  commit(record: BatchRecord): Promise<void>;
  discard(): Promise<void>;
};

export type Store = {
  /** Absolute path of the data folder. */
  readonly path: string;
  stage(): Promise<Staging>;
  /** The batch's record; its register reads null where there is no such batch. */
  record(batchId: string): Register<BatchRecord>;
  folder(batchId: string): BatchFolder;
  /** All batch ids, newest first, from their names alone. */
  batchIds(): Promise<string[]>;
  /** Something small of each of many batches, in their order; what the function gives is kept by it. */
  summaries<T>(summary: Summary<T>): (batchIds: readonly string[]) => Promise<Summaries<T>>;
  /** Removes a batch of which nothing was ever sent. */
  removeBatch(batchId: string): Promise<void>;
  submission(contentHash: string): Register<Submission>;
  writtenFile(path: string): Register<WrittenFile>;
  /** The money of a UTC day, as `2026-11-22`. */
  budget(day: string): Register<Budget>;
  /** What an API says of its models, under a hash of its base URL. */
  models(hash: string): Register<ModelList>;
  /** Who owns a provider's batch; also the way from its id to ours. */
  claim(providerBatchId: string): Register<Claim>;
  /** Appends to the log of what was done. */
  audit(entry: AuditEntry): Promise<void>;
  /** A free path on the data folder's file system for a file in the making; an hour old, it is swept. */
  temporaryFile(): Promise<string>;
  /** Removes temporary files over an hour old, and staged work whose owner is dead. */
  sweep(): Promise<void>;
};
