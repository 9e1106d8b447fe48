import * as z from 'zod';
import { BatchError } from '../../errors.ts';
import type { Objects } from '../objects/objects.ts';
import { anyRow, type Database } from './database.ts';

const leftRow = z.object({ key: z.string(), is_whole: z.boolean() });

/**
 * Removes the bytes of objects whose blobs are gone: of one batch, or all that there are. Their rows outlive the blobs for this, so what
 * can't be removed now is removed by a later sweep.
 */
export async function removeLeftObjects(
  db: Database,
  objects: Objects | null,
  batchId: string | null,
): Promise<void> {
  if (objects === null) return;
  const doing = 'look for objects to remove';
  const find = `
    select key, sha256 is not null as is_whole from @.object where blob_id is null and storage = $1 and (batch_id = $2 or $2 is null) order by key limit 1000`;
  const left = await db.query(doing, find, [objects.place, batchId], leftRow);
  for (const { key, is_whole } of left) {
    await (is_whole ? objects.remove(key) : objects.removeUnfinished(key));
    await db.query(doing, 'delete from @.object where key = $1 and blob_id is null', [key], anyRow);
  }
}

/** As `removeLeftObjects`, for what is done and must not fail for it: what is left is swept. */
export async function tryToRemoveObjects(
  db: Database,
  objects: Objects | null,
  batchId: string,
): Promise<void> {
  try {
    await removeLeftObjects(db, objects, batchId);
  } catch (error) {
    if (!(error instanceof BatchError)) throw error;
  }
}
