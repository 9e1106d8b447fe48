import type * as z from 'zod';
import type { Agenda, Turns } from './agenda.ts';
import type { Presence } from './presence.ts';
import type { BatchRecord } from './record.ts';
import type {
  Budget,
  Claim,
  KeptWork,
  ModelList,
  OpenQuestion,
  SigningKey,
  Submission,
  WrittenFile,
} from './shared-records.ts';

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
 * `read` and `update` throw `store_damaged` when what is on disk can't be read as `T`: it is left as it is.
 */
export type Register<T> = {
  /** The newest value, null where nothing was ever written. */
  read(): Promise<T | null>;
  /**
   * Applies `change` to the newest value, repeatedly until no other process was faster, and returns the resulting
   * value. `change` is synchronous and free of side effects, as it may run several times. Returning the given object
   * (or an equal one), or null, changes nothing.
   */
  update(change: (current: T | null) => T | null): Promise<T | null>;
  /** All revisions that can be read, oldest first. */
  history(): Promise<Revision<T>[]>;
};

/**
 * Changes a value where `change` returns another one; null leaves it alone. Returns the resulting value, and whether
 * this call changed it.
 */
export async function changeWhere<T>(
  register: Pick<Register<T>, 'update'>,
  change: (current: T) => T | null,
): Promise<{ value: T | null; changed: boolean }> {
  let changed = false;
  const value = await register.update((current) => {
    const next = current === null ? null : change(current);
    changed = next !== null;
    return next ?? current;
  });
  return { value, changed };
}

/** A piece of a blob, in bytes. */
export type Span = { offset: number; length: number };

/** A stream of bytes. Each piece has its own memory, and may be kept. */
export type Pieces = AsyncIterable<Uint8Array>;

/**
 * Bytes under names, written once. What can't be read throws `store_damaged`, a disk or a network that fails
 * `store_failed`; both name the blob as `describe` does.
 */
export type Blobs = {
  /**
   * Writes a blob, which appears under its name complete and for good, or not at all: if `pieces` fails, nothing is
   * left and its error is thrown. Returns the bytes written; null where the name is taken, and the existing blob
   * stays.
   */
  write(name: string, pieces: Pieces): Promise<number | null>;
  /** All of it from `start` on. */
  read(name: string, start?: number): Pieces;
  /** These ranges of it, in the given order. A range beyond its end means damage. */
  readRanges(name: string, spans: readonly Span[]): Promise<Buffer[]>;
  /** In bytes; null where there is none. */
  size(name: string): Promise<number | null>;
  /**
   * When it was last changed by anybody, in milliseconds; null where there is none. Absent where the store can't
   * tell.
   */
  changedAt?(name: string): Promise<number | null>;
  /** Does nothing where there is none. */
  remove(name: string): Promise<void>;
  /** Names it in a message, for a person to look for. Nothing is opened by it. */
  describe(name: string): string;
};

/** A batch that is being prepared, invisible to others until it is committed. */
export type Staging = {
  readonly batchId: string;
  readonly blobs: Blobs;
  /** Turns it into a batch with its first record and all its blobs, atomically and for good. */
  commit(record: BatchRecord): Promise<void>;
  /** Leaves nothing of it. Does nothing after `commit`. */
  discard(): Promise<void>;
};

/** Something small that is derived from a record alone, and needed for all batches at once. */
export type Summary<T> = {
  /** The name under which they are kept across processes, where they are. */
  name: string;
  schema: z.ZodType<T>;
  make: (record: BatchRecord) => T;
  /** Whether no later revision of the record makes another one, so that nothing has to be looked at again. */
  isFinal?(summary: T): boolean;
};

/**
 * A batch whose record can't be read: reported, and left alone. `is_broken` where the stored data is at fault, rather
 * than the disk or the version of this program.
 */
export type DamagedBatch = { batch_id: string; problem: string; is_broken: boolean };

export type Summaries<T> = { found: T[]; damaged: DamagedBatch[] };

/** One thing that was done or refused for a caller: names, paths and dollars, never content. */
export type AuditEntry = {
  at: string;
  tool: string;
  /** Who called over HTTP. */
  user?: string;
  /** `done`, or the code of the error it was answered with. */
  outcome: string;
  /** Why it failed, where no code says so. */
  problem?: string;
  batch_id?: string;
  /** Files that the caller named. */
  files?: string[];
  /** The most that it may cost, in US dollars. */
  maximum_usd?: number;
};

/**
 * Everything that is kept. Several processes may use a store at once; an id of the wrong form is refused with
 * `invalid_input`.
 */
export type Store = {
  /** Names it in a message, for a person to look for. */
  readonly place: string;
  /** The agenda, where workers share one; null where they go through all batches. */
  readonly agenda: Agenda | null;
  /** Who works on it. */
  readonly presence: Presence;
  /** Turns over all who work on it; null where there are none, and each goes by its own. */
  readonly turns: Turns | null;
  stage(): Promise<Staging>;
  /** The batch's record; its register reads null where there is no such batch. */
  record(batchId: string): Register<BatchRecord>;
  /** What a batch holds beside its record. */
  blobs(batchId: string): Blobs;
  /** All batch ids, newest first, from their names alone. */
  batchIds(): Promise<string[]>;
  /** Something small of each of many batches, in their order; what the function gives is kept by it. */
  summaries<T>(summary: Summary<T>): (batchIds: readonly string[]) => Promise<Summaries<T>>;
  /** Removes a batch of which nothing was ever sent. */
  removeBatch(batchId: string): Promise<void>;
  submission(contentHash: string): Register<Submission>;
  /** Whether a register of a submission names a batch, or ever did. Reads all of them: for what no record tells. */
  isSubmitted(batchId: string): Promise<boolean>;
  writtenFile(path: string): Register<WrittenFile>;
  /** The money of a UTC day, as `2026-11-22`. */
  budget(day: string): Register<Budget>;
  /** What addresses are signed with. */
  signingKey(): Register<SigningKey>;
  /** What an API says of its models, under a hash of its base URL. */
  models(hash: string): Register<ModelList>;
  /** Work that was checked and not sent, kept for a day. */
  work(workId: string): Register<KeptWork>;
  /** What a person is asked, whose answer may come to another process. */
  question(questionId: string): Register<OpenQuestion>;
  /** Who owns a provider's batch; also the way from its id to ours. */
  claim(providerBatchId: string): Register<Claim>;
  /** Appends to the log of what was done. */
  audit(entry: AuditEntry): Promise<void>;
  /** Removes what dead processes left unfinished, and work and questions that were kept for long enough. */
  sweep(): Promise<void>;
};
