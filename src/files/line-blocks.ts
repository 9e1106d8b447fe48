import type { FileHandle } from 'node:fs/promises';

/** Lines of a file in a row. */
export type LineBlock = {
  /** Whole lines with their newlines; the last one of the file may have none. In memory of their own. */
  bytes: Uint8Array<ArrayBuffer>;
  /** Of the first line, counted from 1. */
  number: number;
  /** Set where the line with that number is over the limit: its bytes are left out, and nothing behind it is read. */
  overlong?: true;
};

const NEWLINE = 10;
const READ_BYTES = 1024 * 1024;

function joined(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

function countLines(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) lines += 1;
  return lines;
}

/**
 * Reads a file in blocks of whole lines of about a megabyte, from where its handle stands. A longer line is put
 * together once, at its end, so its cost stays in proportion to its length; one of more than `longest` bytes is not
 * put together at all, for memory has an end.
 */
export async function* readLineBlocks(handle: FileHandle, longest: number): AsyncGenerator<LineBlock> {
  const piece = Buffer.allocUnsafeSlow(READ_BYTES);
  let begun: Uint8Array[] = [];
  let begunBytes = 0;
  let number = 1;
  for (;;) {
    const { bytesRead } = await handle.read(piece, 0, READ_BYTES);
    if (bytesRead === 0) break;
    const end = piece.subarray(0, bytesRead).lastIndexOf(NEWLINE) + 1;
    if (end > 0) {
      const lines = piece.subarray(0, end);
      yield { bytes: joined([...begun, lines]), number };
      number += countLines(lines);
      begun = [];
      begunBytes = 0;
    }
    if (end < bytesRead) {
      begun.push(Uint8Array.from(piece.subarray(end, bytesRead)));
      begunBytes += bytesRead - end;
    }
    if (begunBytes > longest) {
      yield { bytes: new Uint8Array(0), number, overlong: true };
      return;
    }
  }
  if (begunBytes > 0) yield { bytes: joined(begun), number };
}
