import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import * as z from 'zod';
import { BatchError } from '../../errors.ts';
import { breather } from '../../lib/breathing.ts';
import { makeFolder, writeFileDurably } from '../../lib/files/durable-write.ts';
import { sha256OfText } from '../../lib/files/file-hash.ts';
import type { BatchRecord } from '../record.ts';
import type { DamagedBatch, Summaries, Summary } from '../store.ts';
import { readOwnFile } from './own-file.ts';
import { inStore, storeFailure } from './store-failure.ts';

type Source = {
  /** The file that keeps summaries for the next process; it can be removed at any moment. */
  path: string;
  /** The folder of a batch's revisions. */
  folder: (batchId: string) => string;
  read: (batchId: string) => Promise<BatchRecord | null>;
  /** Is told why the file could not be written; the next process makes it again. */
  log: (message: string) => void;
};

/** A summary, and when the record's folder had changed last; null if that was too recent to rely on. */
type Kept<T> = { changed: number | null; summary: T };

/** No file system has coarser timestamps. Of two changes within this time the second may leave no trace. */
const COARSEST_TIME_MS = 3_000;
/** For fewer new ones it is not worth writing the file, which holds all of them. */
const WORTH_WRITING = 50;
const READ_AT_ONCE = 64;

/** What stands there is believed without a look at the records, so one byte that changed on the disk would count. */
const withSum = (text: string) => `${sha256OfText(text)}\n${text}`;

/** The text that was written with its sum; of no summaries if it is not as it was written. */
function asWritten(content: string): string {
  const text = content.slice(content.indexOf('\n') + 1);
  return content === withSum(text) ? text : '{}';
}

/**
 * Keeps summaries in memory and in a file. One is made again when its record's folder has changed, as every revision
 * adds a name there: reading ten thousand records takes a second or two, reading the times of their folders only a
 * few dozen milliseconds.
 */
export function createSummaries<T>(summary: Summary<T>, { path, folder, read, log }: Source) {
  const row = z.object({ changed: z.number().nullable(), summary: summary.schema });
  let kept: ReadonlyMap<string, Kept<T>> | undefined;
  let unwritten = 0;

  async function readFileOfKept(): Promise<Map<string, Kept<T>>> {
    try {
      const found = new Map<string, Kept<T>>();
      const rows: unknown = JSON.parse(asWritten((await readOwnFile(path)) ?? ''));
      // Row by row: a schema for all of them at once takes three times as long.
      for (const [id, value] of Object.entries(typeof rows === 'object' && rows !== null ? rows : {})) {
        const parsed = row.safeParse(value);
        if (parsed.success) found.set(id, parsed.data);
      }
      return found;
    } catch (error) {
      // Not JSON, or unreadable: all of it can be made again.
      if (error instanceof BatchError || error instanceof SyntaxError) return new Map();
      throw error;
    }
  }

  /** When a record's folder changed; null if it does not exist, for whatever reason. */
  function changeOf(id: string): number | null {
    try {
      // Synchronous: through the thread pool each of ten thousand calls would take ten times as long.
      return statSync(folder(id), { throwIfNoEntry: false })?.mtimeMs ?? null;
    } catch (error) {
      throw storeFailure('read', folder(id), error);
    }
  }

  /** Whether its record did not change. Where that can't be told it counts as changed: reading it then says why. */
  function isAsKept(id: string, { changed }: Kept<T>): boolean {
    try {
      return changed !== null && changeOf(id) === changed;
    } catch (error) {
      if (error instanceof BatchError) return false;
      throw error;
    }
  }

  /** Without those of batches that were removed. */
  const existing = (all: ReadonlyMap<string, Kept<T>>) => [...all].filter(([id]) => changeOf(id) !== null);

  /** A failure to read one batch, whatever its cause, must not affect the others. */
  async function orDamaged<R>(
    id: string,
    damaged: DamagedBatch[],
    look: () => Promise<R>,
  ): Promise<R | null> {
    try {
      return await look();
    } catch (error) {
      if (!(error instanceof BatchError) || !error.code.startsWith('store_')) throw error;
      damaged.push({ batch_id: id, problem: error.message, is_broken: error.code === 'store_damaged' });
      return null;
    }
  }

  async function makeOne(id: string, changed: number | null): Promise<Kept<T> | null> {
    const record = await read(id);
    const isOld = changed !== null && changed < Date.now() - COARSEST_TIME_MS;
    return record && { changed: isOld ? changed : null, summary: summary.make(record) };
  }

  /** The summaries of these batches, in their order. */
  return async (ids: readonly string[]): Promise<Summaries<T>> => {
    const before = kept ?? (await readFileOfKept());
    const now = new Map<string, Kept<T>>();
    const damaged: DamagedBatch[] = [];
    const look = (id: string) =>
      orDamaged(id, damaged, async () => {
        const found = await makeOne(id, changeOf(id));
        if (found === null) return;
        unwritten += 1;
        now.set(id, found);
      });
    const open: string[] = [];
    const isAsked = new Set(ids);
    const breathe = breather();
    for (const id of isAsked) {
      const known = before.get(id);
      if (known !== undefined && (summary.isFinal?.(known.summary) || isAsKept(id, known)))
        now.set(id, known);
      else open.push(id);
      // Awaiting nothing ten thousand times takes as long as the looks.
      const pause = breathe();
      if (pause) await pause;
    }
    for (let from = 0; from < open.length; from += READ_AT_ONCE) {
      await Promise.all(open.slice(from, from + READ_AT_ONCE).map(look));
    }
    // Those that nobody asked for now stay: whoever looks at the latest alone must not have all others read again.
    for (const [id, other] of kept ?? before) if (!isAsked.has(id)) now.set(id, other);
    kept = now;
    if (unwritten >= WORTH_WRITING) {
      unwritten = 0;
      await inStore('write', path, async () => {
        await makeFolder(dirname(path));
        await writeFileDurably(path, withSum(JSON.stringify(Object.fromEntries(existing(now)))));
      }).catch((error: unknown) => log(error instanceof Error ? error.message : String(error)));
    }
    return { found: ids.flatMap((id) => now.get(id)?.summary ?? []), damaged };
  };
}
