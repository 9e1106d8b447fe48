import type { FileHandle } from 'node:fs/promises';

/** Consecutive lines of a file. */
export type LineBlock = {
  /** Whole lines with their newlines; the last one of the file may have none. Not shared with other blocks. */
  bytes: Uint8Array<ArrayBuffer>;
  /** The number of the first line, counted from 1. */
  number: number;
  /** Set where the line with that number is over the limit: its bytes are left out, and nothing after it is read. */
  overlong?: true;
};

const NEWLINE = 10;
const BLOCK_BYTES = 1024 * 1024;

const NOTHING = new Uint8Array(0);

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

type LineBlockOptions = {
  /** Longer lines are not put together. Default: no limit. */
  longest?: number;
  /** About how large a block is, in bytes. Default: a megabyte. */
  blockBytes?: number;
  /** The byte offset at which the first line begins. */
  start?: number;
};

/**
 * Reads a file in blocks of whole lines. A line longer than a block is put together once, at its end, so its cost stays
 * in proportion to its length; one of more than `longest` bytes is not put together at all, for memory has an end.
 */
export async function* readLineBlocks(
  handle: FileHandle,
  { longest = Number.POSITIVE_INFINITY, blockBytes = BLOCK_BYTES, start = 0 }: LineBlockOptions = {},
): AsyncGenerator<LineBlock> {
  let position = start;
  let begun: Uint8Array[] = [];
  let begunBytes = 0;
  let number = 1;
  for (;;) {
    // An unfinished line is nearly always short: it goes in front of the next read, so nothing has to be joined.
    const head = begunBytes < blockBytes ? joined(begun) : NOTHING;
    const block = Buffer.allocUnsafeSlow(head.length + blockBytes);
    block.set(head);
    const { bytesRead } = await handle.read(block, head.length, blockBytes, position);
    if (bytesRead === 0) break;
    position += bytesRead;
    const read = block.subarray(0, head.length + bytesRead);
    if (head.length > 0) begun = [];
    const end = read.lastIndexOf(NEWLINE) + 1;
    const rest = Uint8Array.from(read.subarray(end));
    if (end > 0) {
      const lines = read.subarray(0, end);
      const next = number + countLines(lines);
      yield {
        bytes: begun.length > 0 ? joined([...begun, lines]) : new Uint8Array(block.buffer, 0, end),
        number,
      };
      number = next;
      begun = [];
      begunBytes = 0;
    } else begunBytes -= head.length;
    if (rest.length > 0) begun.push(rest);
    begunBytes += rest.length;
    if (begunBytes > longest) {
      yield { bytes: new Uint8Array(0), number, overlong: true };
      return;
    }
  }
  if (begunBytes > 0) yield { bytes: joined(begun), number };
}
