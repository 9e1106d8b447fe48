import { crc32 } from 'node:zlib';
import { BatchError } from '../errors.ts';
import type { Blobs } from './store.ts';

/**
 * Blobs of fixed-width rows that locate things in another blob. They can be rebuilt from it, so one that does not match
 * counts as missing, never as damaged.
 *
 * The header, little endian: magic (4 letters), version, number of rows, CRC-32 of the rows (4 bytes each), bytes of
 * the blob described (8, a double). Then the rows.
 */
export type IndexFormat = {
  /** Four ASCII letters. */
  magic: string;
  version: number;
  rowBytes: number;
};

const HEADER_BYTES = 24;

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Writes the index of a blob of `describedBytes`, replacing an existing one. */
export async function writeIndexBlob(
  blobs: Blobs,
  name: string,
  format: IndexFormat,
  describedBytes: number,
  rows: Uint8Array,
): Promise<void> {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(format.magic, 'latin1');
  header.writeUInt32LE(format.version, 4);
  header.writeUInt32LE(rows.length / format.rowBytes, 8);
  header.writeUInt32LE(crc32(rows), 12);
  header.writeDoubleLE(describedBytes, 16);
  const bytes = Buffer.concat([header, rows]);
  if ((await blobs.write(name, only(bytes))) !== null) return;
  // If another process has just made an equal one, removing it would leave its readers without an index.
  if ((await readIndexBlob(blobs, name, format, describedBytes))?.equals(rows)) return;
  await blobs.remove(name);
  // If another process is faster, its index is just as good.
  await blobs.write(name, only(bytes));
}

function isWhole(blob: Buffer, rows: Buffer, format: IndexFormat, describedBytes: number): boolean {
  return (
    blob.length >= HEADER_BYTES &&
    blob.toString('latin1', 0, 4) === format.magic &&
    blob.readUInt32LE(4) === format.version &&
    blob.readUInt32LE(8) * format.rowBytes === rows.length &&
    blob.readUInt32LE(12) === crc32(rows) &&
    blob.readDoubleLE(16) === describedBytes
  );
}

/** The rows; null if the index is missing, damaged, or describes a blob of another size. */
export async function readIndexBlob(
  blobs: Blobs,
  name: string,
  format: IndexFormat,
  describedBytes: number,
): Promise<Buffer | null> {
  const blob = await readBlob(blobs, name);
  const rows = blob?.subarray(HEADER_BYTES);
  return blob && rows && isWhole(blob, rows, format, describedBytes) ? rows : null;
}

/** The whole blob; null if it is missing, or vanishes while it is read: a rewrite removes the old one first. */
async function readBlob(blobs: Blobs, name: string): Promise<Buffer | null> {
  const length = await blobs.size(name);
  if (length === null) return null;
  try {
    const [blob] = await blobs.readRanges(name, [{ offset: 0, length }]);
    return blob ?? null;
  } catch (error) {
    if (error instanceof BatchError && error.code === 'store_damaged') return null;
    throw error;
  }
}
