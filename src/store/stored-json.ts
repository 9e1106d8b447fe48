import { createHash } from 'node:crypto';
import type * as z from 'zod';
import { BatchError } from '../errors.ts';
import { isJsonObject } from '../lib/json.ts';
import type { BatchRecord } from './record.ts';
import type { Blobs, Store, Summaries, Summary } from './store.ts';

/**
 * What can't be read of the store: `place` names it for a person, `problem` says what is wrong, without quoting what is
 * there.
 */
export function damaged(place: string, problem: string, cause?: unknown): BatchError {
  return new BatchError(
    'store_damaged',
    `${place} can't be read: ${problem}. It was left as it is; restore it from a backup, or move it away.`,
    { cause },
  );
}

/** The value of a JSON text that we wrote. Throws `store_damaged`. */
export function parseStored(place: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own error is dropped, as it quotes the content.
    throw damaged(place, text === '' ? 'it is empty' : 'it is not JSON, or was cut short');
  }
}

/** Null for what can't be read while the rest of the store can: of a store that is away nothing is known. */
export async function unlessUnreadable<T>(read: () => T | Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof BatchError && error.code.startsWith('store_') && !error.isOfStore) return null;
    throw error;
  }
}

/** The form that this version writes, and the latest that it reads. */
export const FORM = 1;

/** What a later version wrote is not ours to judge, and not a fault. */
function newerForm(place: string, form: number): BatchError {
  return new BatchError(
    'store_failed',
    `${place} was written by a newer batch-mcp (form ${form}, where this one knows ${FORM}): update this one, or restart the ` +
      'client that still runs it. Nothing was changed and nothing is lost.',
  );
}

/**
 * A stored value as its schema has it. Throws `store_damaged`, which says where it differs and how, and `store_failed` for what a
 * later version wrote.
 */
export function checkStored<T>(place: string, value: unknown, schema: z.ZodType<T>): T {
  if (isJsonObject(value) && typeof value.schema === 'number' && value.schema > FORM)
    throw newerForm(place, value.schema);
  const checked = schema.safeParse(value);
  if (checked.success) return checked.data;
  const first = checked.error.issues[0];
  const problem = first ? `${first.path.join('.') || 'the whole'}: ${first.message}` : 'not as expected';
  throw damaged(place, problem, checked.error);
}

/** Throws `store_damaged` where a blob is gone, or not as long as it was when written. */
export async function requireWhole(blobs: Blobs, name: string, bytes: number): Promise<void> {
  const found = await blobs.size(name);
  if (found === bytes) return;
  const what = found === null ? 'it is missing' : `it has ${found} bytes instead of ${bytes}`;
  throw damaged(blobs.describe(name), what);
}

/** Throws also where its SHA-256 is not that of what was written: it is read in full for that. */
export async function requireAsWritten(
  blobs: Blobs,
  name: string,
  { bytes, sha256 }: { bytes: number; sha256: string },
): Promise<void> {
  await requireWhole(blobs, name, bytes);
  const hash = createHash('sha256');
  for await (const piece of blobs.read(name)) hash.update(piece);
  if (hash.digest('hex') !== sha256) throw damaged(blobs.describe(name), 'it is not what was written there');
}

/**
 * A batch's record; null where there is none, or where it alone can't be read: whoever looks through many passes over it,
 * and listing names it.
 */
export function recordOrNull(store: Pick<Store, 'record'>, batchId: string): Promise<BatchRecord | null> {
  return unlessUnreadable(() => store.record(batchId).read());
}

/** Reads a summary of many batches; what it has read of a store is cached for as long as the store is used. */
export function summaryReader<T>(summary: Summary<T>) {
  const readers = new WeakMap<Store, (batchIds: readonly string[]) => Promise<Summaries<T>>>();
  return (store: Store, batchIds: readonly string[]): Promise<Summaries<T>> => {
    const read = readers.get(store) ?? store.summaries(summary);
    readers.set(store, read);
    return read(batchIds);
  };
}
