import { isDeepStrictEqual } from 'node:util';
import { BatchError } from '../../errors.ts';
import { quoteName } from '../../lib/nearest.ts';
import { isBatchId, isBlobName } from '../names.ts';
import { summed } from '../objects/objects.ts';
import type { Blobs } from '../store.ts';
import type { Movable, RegisterName, StoredBatch } from './movable.ts';

const BATCHES_AT_ONCE = 4;
const REGISTERS_AT_ONCE = 8;

/** What the other store now holds, checked. */
export type Copied = {
  batches: number;
  /** How many of these were there already, whole and identical, as after an interrupted copy. */
  already_there: number;
  blobs: number;
  bytes: number;
  registers: number;
  audit_lines: number;
};

export type CopyOptions = {
  /** Stops the copy between two batches. */
  signal?: AbortSignal | undefined;
  onProgress?: (done: number, total: number) => void;
};

/**
 * Makes one closed store hold exactly what another one holds. Revisions are compared by their text, blobs by length and hash, which are
 * read back before the batch appears. What is there already is compared with the source in the same way, and left if it is the same.
 */
export async function copyContents(
  from: Movable,
  to: Movable,
  { signal, onProgress }: CopyOptions,
): Promise<Copied> {
  const copied: Copied = {
    batches: 0,
    already_there: 0,
    blobs: 0,
    bytes: 0,
    registers: 0,
    audit_lines: 0,
  };
  const batchIds = await from.batchIds();
  refuseStrange(from, 'a batch', batchIds, isBatchId);
  const wanted = new Set(batchIds);
  const there = new Set(await to.batchIds());
  await forEach([...there], BATCHES_AT_ONCE, async (id) => {
    if (!wanted.has(id)) await to.removeBatch(id);
  });
  await forEach(batchIds, BATCHES_AT_ONCE, async (id) => {
    refuseInterrupted(signal);
    const { isThere, sums } = await copyBatch(from, to, id, there.has(id));
    copied.batches += 1;
    if (isThere) copied.already_there += 1;
    copied.blobs += sums.length;
    for (const { bytes } of sums) copied.bytes += bytes;
    onProgress?.(copied.batches, batchIds.length);
  });
  copied.registers = await copyRegisters(from, to, signal);
  await to.writeAudit(counted(from.audit(), () => (copied.audit_lines += 1)));
  const found = { batches: (await to.batchIds()).length, registers: (await to.registers()).length };
  if (found.batches !== copied.batches || found.registers !== copied.registers)
    throw notTheSame(to, `${found.batches} of ${copied.batches} batches are there`);
  return copied;
}

type Sum = { name: string; bytes: number; sha256: string };

async function copyBatch(from: Movable, to: Movable, id: string, mayBeThere: boolean) {
  const source = from.batch(id);
  if (mayBeThere) {
    const sums = await sumsIfSame(source, to.batch(id));
    if (sums !== null) return { isThere: true, sums };
  }
  const names = await source.blobNames();
  refuseStrange(from, `a blob of ${id}`, names, isBlobName);
  const arriving = await to.arrive(id);
  const sums: Sum[] = [];
  for (const name of names) {
    const sum = await copyBlob(source.blobs, arriving.blobs, name);
    const read = await sumOf(arriving.blobs, name);
    if (!isDeepStrictEqual(read, sum)) throw notTheSame(to, `${id}/${name} is read back as other bytes`);
    sums.push(sum);
  }
  const revisions = await source.revisions();
  await arriving.commit(revisions);
  if (!isDeepStrictEqual(await to.batch(id).revisions(), revisions))
    throw notTheSame(to, `the record of ${id} is read back as another text`);
  return { isThere: false, sums };
}

async function sumsIfSame(source: StoredBatch, found: StoredBatch): Promise<Sum[] | null> {
  if (!isDeepStrictEqual(await source.revisions(), await found.revisions())) return null;
  const names = await source.blobNames();
  if (!isDeepStrictEqual(names, await found.blobNames())) return null;
  const sums: Sum[] = [];
  for (const name of names) {
    if ((await source.blobs.size(name)) !== (await found.blobs.size(name))) return null;
    const sum = await sumOf(source.blobs, name);
    if (!isDeepStrictEqual(await sumOf(found.blobs, name), sum)) return null;
    sums.push(sum);
  }
  return sums;
}

async function copyBlob(source: Blobs, target: Blobs, name: string): Promise<Sum> {
  const all = summed(source.read(name));
  await target.write(name, all.pieces);
  return { name, ...all.sum() };
}

async function sumOf(blobs: Blobs, name: string): Promise<Sum> {
  const all = summed(blobs.read(name));
  for await (const _piece of all.pieces);
  return { name, ...all.sum() };
}

async function copyRegisters(from: Movable, to: Movable, signal: AbortSignal | undefined): Promise<number> {
  const names = await from.registers();
  refuseStrange(
    from,
    'a register',
    names.map(({ name }) => name),
    (name) => /^[\w-]+$/.test(name),
  );
  const keyOf = ({ kind, name }: RegisterName) => `${kind} ${name}`;
  const wanted = new Set(names.map(keyOf));
  await forEach(await to.registers(), REGISTERS_AT_ONCE, async (name) => {
    if (!wanted.has(keyOf(name))) await to.register(name).remove();
  });
  await forEach(names, REGISTERS_AT_ONCE, async (name) => {
    refuseInterrupted(signal);
    const revisions = await from.register(name).revisions();
    const target = to.register(name);
    const before = await target.revisions();
    const isBeginning = isDeepStrictEqual(revisions.slice(0, before.length), before);
    if (!isBeginning) await target.remove();
    for (const revision of revisions.slice(isBeginning ? before.length : 0)) await target.add(revision);
    if (!isDeepStrictEqual(await target.revisions(), revisions))
      throw notTheSame(to, `the ${keyOf(name)} is read back as another text`);
  });
  return names.length;
}

async function* counted(lines: AsyncIterable<string>, count: () => void): AsyncIterable<string> {
  for await (const line of lines) {
    count();
    yield line;
  }
}

/** Works on `atOnce` items at a time; the first failure stops everything. */
async function forEach<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  // One iterator for all lanes: each takes the next item that is left.
  const left = items.values();
  let isOver = false;
  const lane = async () => {
    for (const item of left) {
      if (isOver) return;
      await work(item);
    }
  };
  const lanes = Array.from({ length: atOnce }, () =>
    lane().catch((error: unknown) => {
      isOver = true;
      throw error;
    }),
  );
  const ends = await Promise.allSettled(lanes);
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

function refuseInterrupted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new BatchError('store_failed', 'Interrupted. Call it again to go on.');
}

/** Names become paths in a folder: one that we did not make could lead out of it. */
function refuseStrange(
  { place }: Movable,
  what: string,
  names: readonly string[],
  isOurs: (name: string) => boolean,
): void {
  const strange = names.find((name) => !isOurs(name));
  if (strange === undefined) return;
  throw new BatchError(
    'store_damaged',
    `${place} holds ${what} under the name ${quoteName(strange)}, which batch-mcp never gives. Remove it there and call it again, or take the source back with batch-mcp store undo.`,
  );
}

function notTheSame({ place }: Movable, what: string): BatchError {
  return new BatchError(
    'store_failed',
    `${place} does not hold what was written to it: ${what}. Both stores stay closed; call it again, or take the source back with batch-mcp store undo.`,
  );
}
