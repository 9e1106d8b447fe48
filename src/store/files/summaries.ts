import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as z from 'zod';
import { BatchError, hasErrorCode } from '../../errors.ts';
import { makeFolder, writeFileDurably } from '../../lib/durable-write.ts';
import type { BatchRecord } from '../record.ts';
import type { DamagedBatch, Summaries, Summary } from '../store.ts';
import { inStore } from './store-failure.ts';

type Source = {
  /** The file in which summaries are kept for the next process; it can be removed at any moment. */
  path: string;
  /** The folder of a batch's revisions. */
  folder: (batchId: string) => string;
  read: (batchId: string) => Promise<BatchRecord | null>;
  /** Told why the file could not be written: it is then made again by the next process. */
  log: (message: string) => void;
};

/** With the time of the record's folder when it was made; null where that is too fresh to be relied on. */
type Kept<T> = { changed: number | null; summary: T };

/** No file system tells times coarser: of two changes within it the second may leave no trace. */
const COARSEST_TIME_MS = 3_000;
/** Fewer new ones than this are not worth writing all of them. */
const WORTH_WRITING = 50;
const READ_AT_ONCE = 64;

/**
 * Keeps summaries in memory and in a file. One is made again when its record's folder has changed, for every
 * revision is a new name in it: reading ten thousand records takes a second or two, asking for their folders'
 * times a few dozen milliseconds.
 */
export function createSummaries<T>(summary: Summary<T>, { path, folder, read, log }: Source) {
  const row = z.object({ changed: z.number().nullable(), summary: summary.schema });
  let kept: ReadonlyMap<string, Kept<T>> | undefined;
  let unwritten = 0;

  async function readFileOfKept(): Promise<Map<string, Kept<T>>> {
    try {
      const found = new Map<string, Kept<T>>();
      const rows: unknown = JSON.parse(await readFile(path, 'utf8'));
      // Row by row: a schema for all of them at once takes three times as long.
      for (const [id, value] of Object.entries(typeof rows === 'object' && rows !== null ? rows : {})) {
        const parsed = row.safeParse(value);
        if (parsed.success) found.set(id, parsed.data);
      }
      return found;
    } catch (error) {
      // Missing, or no JSON: all of it can be made again.
      if (hasErrorCode(error, 'ENOENT') || error instanceof SyntaxError) return new Map();
      throw error;
    }
  }

  /** `store_damaged` is a finding, every other failure one of the whole. */
  async function makeOne(id: string, changed: number, damaged: DamagedBatch[]): Promise<Kept<T> | null> {
    try {
      const record = await read(id);
      const isOld = changed < Date.now() - COARSEST_TIME_MS;
      return record && { changed: isOld ? changed : null, summary: summary.make(record) };
    } catch (error) {
      if (!(error instanceof BatchError) || error.code !== 'store_damaged') throw error;
      damaged.push({ batch_id: id, problem: error.message });
      return null;
    }
  }

  /** The summaries of these batches, in their order. */
  return async (ids: readonly string[]): Promise<Summaries<T>> => {
    const before = kept ?? (await inStore('read', path, readFileOfKept));
    const now = new Map<string, Kept<T>>();
    const damaged: DamagedBatch[] = [];
    const look = async (id: string) => {
      // Synchronous: the thread pool would make each of ten thousand cost ten times as much.
      const changed = statSync(folder(id), { throwIfNoEntry: false })?.mtimeMs;
      if (changed === undefined) return;
      const known = before.get(id);
      const same = known?.changed === changed ? known : await makeOne(id, changed, damaged);
      if (same === null) return;
      if (same !== known) unwritten += 1;
      now.set(id, same);
    };
    for (let from = 0; from < ids.length; from += READ_AT_ONCE) {
      await Promise.all(ids.slice(from, from + READ_AT_ONCE).map(look));
    }
    kept = now;
    if (unwritten >= WORTH_WRITING) {
      unwritten = 0;
      await inStore('write', path, async () => {
        await makeFolder(dirname(path));
        await writeFileDurably(path, JSON.stringify(Object.fromEntries(now)));
      }).catch((error: unknown) => log(error instanceof Error ? error.message : String(error)));
    }
    return { found: ids.flatMap((id) => now.get(id)?.summary ?? []), damaged };
  };
}
