import * as z from 'zod';
import { BatchError } from '../../errors.ts';
import { processIdentity } from '../process-identity.ts';
import type { Blobs, Register, Summary } from '../store.ts';

/**
 * Where a store is on its way to another one, kept in a register of its own; nothing where it was never moved. `leaving` and
 * `arriving` while it is copied from or to; `left` for good, unless it is copied back; `opening` while its batches are put back.
 */
export const moveState = z.object({
  state: z.enum(['open', 'leaving', 'left', 'arriving', 'opening']),
  /** The copy that made it so. The other store has the same. */
  copy_id: z.string(),
  /** The other store, as messages name it. */
  other: z.string(),
  /** Who copies. */
  by: processIdentity,
});
export type MoveState = z.infer<typeof moveState>;

/** Why nobody is served from this store; null where it is open. */
export function closedFailure(place: string, move: MoveState | null): BatchError | null {
  if (move === null || move.state === 'open') return null;
  const message = `${reasonOf(place, move)} Nothing was changed and nothing is lost.`;
  return new BatchError('store_failed', message, { isOfStore: true });
}

function reasonOf(place: string, { state, other }: MoveState): string {
  const again = 'wait until batch-mcp store copy has ended. Where that broke off, call it again';
  switch (state) {
    case 'left':
      return `${place} was moved to ${other}: set BATCH_MCP_STORE to that where it is a database, BATCH_MCP_DATA_DIR where it is a folder.`;
    case 'arriving':
      return `${place} is being filled from ${other}: ${again}.`;
    default:
      return `${place} is being moved to ${other}: ${again}, or take it back with batch-mcp store undo.`;
  }
}

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
