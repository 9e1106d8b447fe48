import * as z from 'zod';
import { BatchError } from '../../errors.ts';
import { processIdentity } from '../process-identity.ts';
import type { Blobs, Register, Summary } from '../store.ts';

/**
 * How far a store's move has come, in a register of its own that is empty if it was never moved. `leaving` or `arriving`
 * while it is copied from or to; `left` for good, unless it is copied back; `opening` while its batches are put back.
 */
export const moveState = z.object({
  state: z.enum(['open', 'leaving', 'left', 'arriving', 'opening']),
  /** The copy that led to this state. The other store has the same id. */
  copy_id: z.string(),
  /** The other store, as messages name it. */
  other: z.string(),
  /** The process that copies. */
  by: processIdentity,
});
export type MoveState = z.infer<typeof moveState>;

/** Why this store serves nobody; null if it is open. */
export function closedFailure(place: string, move: MoveState | null): BatchError | null {
  if (move === null || move.state === 'open') return null;
  const message = `${reasonOf(place, move)} Nothing was changed and nothing is lost.`;
  return new BatchError('store_failed', message, { isOfStore: true });
}

function reasonOf(place: string, { state, other }: MoveState): string {
  const again = 'wait until batch-mcp store copy has ended. If it broke off, call it again';
  switch (state) {
    case 'left':
      return `${place} was moved to ${other}: set BATCH_MCP_STORE to that if it is a database, BATCH_MCP_DATA_DIR if it is a folder.`;
    case 'arriving':
      return `${place} is being filled from ${other}: ${again}.`;
    default:
      return `${place} is being moved to ${other}: ${again}, or take it back with batch-mcp store undo.`;
  }
}

/** A revision as it is stored: its text is copied byte for byte, whatever version wrote it. */
export type RevisionText = { number: number; text: string };

/** The kinds of registers besides the batches' records. */
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
  /** The revisions of its record, oldest first. */
  revisions(): Promise<RevisionText[]>;
  blobNames(): Promise<string[]>;
  blobs: Blobs;
};

type ArrivingBatch = {
  blobs: Blobs;
  /** Makes the batch appear at once, with these revisions of its record and all its blobs. */
  commit(revisions: readonly RevisionText[]): Promise<void>;
};

/**
 * A store that is copied to or from another one. While it is closed its batches have another name, under which no server of any version
 * looks. All methods but `state`, `close` and `reopen` are for a closed store. What can't be read or written throws `store_failed`.
 */
export type Movable = {
  /** As messages name it. */
  readonly place: string;
  state: Register<MoveState>;
  /** Whether it holds work or a budget: then nothing can be copied into it. */
  isUsed(): Promise<boolean>;
  /** Makes these summaries of an open store's batches, if the first list would take long without them. */
  summarize(summary: Summary<unknown>): Promise<void>;
  /** Once this resolves no server reads or writes its batches. Does nothing if it is closed. */
  close(): Promise<void>;
  /** Does nothing if it is open. */
  reopen(): Promise<void>;
  batchIds(): Promise<string[]>;
  batch(batchId: string): StoredBatch;
  /** Begins a batch, replacing one with that id that may be there, whole or half. */
  arrive(batchId: string): Promise<ArrivingBatch>;
  removeBatch(batchId: string): Promise<void>;
  registers(): Promise<RegisterName[]>;
  register(name: RegisterName): {
    /** Oldest first. */
    revisions(): Promise<RevisionText[]>;
    add(revision: RevisionText): Promise<void>;
    remove(): Promise<void>;
  };
  /** The lines of the audit log. */
  audit(): AsyncIterable<string>;
  /** Replaces all lines. */
  writeAudit(lines: AsyncIterable<string>): Promise<void>;
};
