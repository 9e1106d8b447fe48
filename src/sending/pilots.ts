import type { Context } from '../state/context.ts';
import type { BatchRecord } from '../store/record.ts';

/**
 * Notes a batch that is a pilot as the latest of its settings, for whatever is sent of the whole to take over what it answers:
 * before anything of it is sent, whoever does so.
 */
export async function notePilot(
  { store, now }: Pick<Context, 'store' | 'now'>,
  { batch_id, pilot_keys = [] }: Pick<BatchRecord, 'batch_id' | 'pilot_keys'>,
): Promise<void> {
  const at = now().toISOString();
  for (const key of pilot_keys) await store.submission(key).update(() => ({ batch_id, at }));
}
