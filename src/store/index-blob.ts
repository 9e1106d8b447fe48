import { readFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { hasErrorCode } from '../errors.ts';
import { writeFileDurably } from '../lib/durable-write.ts';
import { inStore } from './files/store-failure.ts';

/**
 * Files of rows of one width, that say where things stand in another file. They can be made again from it,
 * so one that does not match it byte for byte counts as missing, never as damage.
 *
 * The header, little endian: magic (4 letters), version, count of rows, CRC-32 of the rows (4 bytes each),
 * bytes of the file described (8, a double). Then the rows.
 */
export type IndexFormat = {
  /** Four ASCII letters. */
  magic: string;
  version: number;
  rowBytes: number;
};

const HEADER_BYTES = 24;

/** Writes the index of a file of `describedBytes`, durably and in place of an older one. */
export async function writeIndexFile(
  path: string,
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
  await inStore('write', path, () => writeFileDurably(path, Buffer.concat([header, rows])));
}

function isWhole(file: Buffer, rows: Buffer, format: IndexFormat, describedBytes: number): boolean {
  return (
    file.length >= HEADER_BYTES &&
    file.toString('latin1', 0, 4) === format.magic &&
    file.readUInt32LE(4) === format.version &&
    file.readUInt32LE(8) * format.rowBytes === rows.length &&
    file.readUInt32LE(12) === crc32(rows) &&
    file.readDoubleLE(16) === describedBytes
  );
}

/** The rows; null where the file is missing, damaged, or describes another file than one of that size. */
export async function readIndexFile(
  path: string,
  format: IndexFormat,
  describedBytes: number,
): Promise<Buffer | null> {
  const file = await inStore('read', path, async () => {
    try {
      return await readFile(path);
    } catch (error) {
      if (hasErrorCode(error, 'ENOENT', 'EISDIR')) return null;
      throw error;
    }
  });
  if (file === null) return null;
  const rows = file.subarray(HEADER_BYTES);
  return isWhole(file, rows, format, describedBytes) ? rows : null;
}
