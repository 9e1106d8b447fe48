import type { Blobs } from './store.ts';
import { damaged } from './stored-json.ts';

/** Throws `store_damaged` where a blob is not as long as it was when it was written, or gone. */
export async function requireWhole(blobs: Blobs, name: string, bytes: number): Promise<void> {
  const found = await blobs.size(name);
  if (found === bytes) return;
  const what = found === null ? 'it is missing' : `it has ${found} bytes instead of ${bytes}`;
  throw damaged(blobs.describe(name), what);
}
