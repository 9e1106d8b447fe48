import { BatchError } from '../errors.ts';
import type { BatchRecord } from '../store/record.ts';
import type { Store } from '../store/store.ts';

/**
 * A batch's record; null where there is none, or where it can't be read. What can't be read concerns that batch alone:
 * whoever looks through many passes over it, and listing names it.
 */
export async function recordOrNull(store: Store, batchId: string): Promise<BatchRecord | null> {
  try {
    return await store.record(batchId).read();
  } catch (error) {
    if (error instanceof BatchError && error.code.startsWith('store_')) return null;
    throw error;
  }
}
