import type { Line } from '../lib/lines.ts';

const BLANKS = new Set([0x20, 0x09, 0x0d]);

/** Whether a line holds nothing, or only the spaces that some gateways put between lines. */
export function isBlank(line: Uint8Array): boolean {
  return line.length === 0 || (BLANKS.has(line[0] ?? 0) && line.every((byte) => BLANKS.has(byte)));
}

const BYTE_ORDER_MARK = Buffer.from('\ufeff');

/** The first line without the mark that some programs begin a file with. */
export function withoutMark(line: Line): Line {
  const isMarked =
    line.offset === 0 && line.bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
  if (!isMarked) return line;
  return { ...line, bytes: line.bytes.subarray(BYTE_ORDER_MARK.length), offset: BYTE_ORDER_MARK.length };
}
