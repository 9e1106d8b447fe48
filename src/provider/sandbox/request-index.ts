import { readRegularBytes } from '../../lib/regular-file.ts';

/** Where a request stands in the body file, and whether its params are right. */
export type IndexEntry = { offset: number; bytes: number; valid: boolean };

const ENTRY_BYTES = 16;

/** The index as a file: per request, in the body's order, its offset, length and validity. */
export function encodeIndex(entries: readonly IndexEntry[]): Buffer {
  const encoded = Buffer.alloc(entries.length * ENTRY_BYTES);
  entries.forEach(({ offset, bytes, valid }, ordinal) => {
    encoded.writeDoubleLE(offset, ordinal * ENTRY_BYTES);
    encoded.writeUInt32LE(bytes, ordinal * ENTRY_BYTES + 8);
    encoded.writeUInt32LE(valid ? 1 : 0, ordinal * ENTRY_BYTES + 12);
  });
  return encoded;
}

export async function readIndex(path: string): Promise<IndexEntry[]> {
  const encoded = await readRegularBytes(path);
  return Array.from({ length: encoded.length / ENTRY_BYTES }, (_, ordinal) => ({
    offset: encoded.readDoubleLE(ordinal * ENTRY_BYTES),
    bytes: encoded.readUInt32LE(ordinal * ENTRY_BYTES + 8),
    valid: encoded.readUInt32LE(ordinal * ENTRY_BYTES + 12) === 1,
  }));
}
