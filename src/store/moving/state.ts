import * as z from 'zod';
import { BatchError } from '../../errors.ts';
import { processIdentity } from '../process-identity.ts';

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
  return new BatchError('store_failed', `${reasonOf(place, move)} Nothing was changed and nothing is lost.`);
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
