import type { Blobs, Register, Summary } from '../store.ts';
import type { MoveState } from './state.ts';

/** A revision as it stands in the store: its text is copied byte for byte, whatever version wrote it. */
export type RevisionText = { number: number; text: string };

/** The registers beside the batches' records, by what each store calls them. */
export const registerKinds = [
  'submission',
  'claim',
  'budget',
  'written file',
  'models',
  'work',
  'signing key',
] as const;
export type RegisterKind = (typeof registerKinds)[number];
export type RegisterName = { kind: RegisterKind; name: string };

export type StoredBatch = {
  /** Of its record, oldest first. */
  revisions(): Promise<RevisionText[]>;
  blobNames(): Promise<string[]>;
  blobs: Blobs;
};

export type ArrivingBatch = {
  blobs: Blobs;
  /** Makes it a batch, with these revisions of its record and all its blobs at once. */
  commit(revisions: readonly RevisionText[]): Promise<void>;
};

/**
 * A store as it is copied to another one. While it is closed its batches stand under another name, where no server looks, of whatever
 * version: all but `state`, `close` and `reopen` is for a closed one. What can't be read or written throws `store_failed`.
 */
export type Movable = {
  /** As messages name it. */
  readonly place: string;
  state: Register<MoveState>;
  /** Whether something of work or money is in it: then nothing of another one can be. */
  isUsed(): Promise<boolean>;
  /** Makes these of an open one's batches, where the first list would be long in coming without. */
  summarize(summary: Summary<unknown>): Promise<void>;
  /** No server reads or writes a batch of it from when this resolves. Does nothing where it is closed. */
  close(): Promise<void>;
  /** Does nothing where it is open. */
  reopen(): Promise<void>;
  batchIds(): Promise<string[]>;
  batch(batchId: string): StoredBatch;
  /** Begins one in the place of one of that id that may be there, whole or half. */
  arrive(batchId: string): Promise<ArrivingBatch>;
  removeBatch(batchId: string): Promise<void>;
  registers(): Promise<RegisterName[]>;
  register(name: RegisterName): {
    /** Oldest first. */
    revisions(): Promise<RevisionText[]>;
    add(revision: RevisionText): Promise<void>;
    remove(): Promise<void>;
  };
  /** The lines of the log of what was done. */
  audit(): AsyncIterable<string>;
  /** Puts these in place of those that are there. */
  writeAudit(lines: AsyncIterable<string>): Promise<void>;
};
