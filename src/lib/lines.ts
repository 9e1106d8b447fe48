/** One line of a stream of bytes. */
export type Line = {
  /** Without its newline; a carriage return before it stays. Shares memory with the chunk it came in. */
  bytes: Buffer;
  /** Where it starts, in bytes from the start of the stream. */
  offset: number;
  /** False for a last line that no newline ends. */
  complete: boolean;
};

const NEWLINE = 10;

/**
 * Splits bytes into lines and yields, per chunk, the array of lines that end in it: one promise per line would cost
 * more than the splitting. Empty lines count; nothing follows a final newline. A line that spans many chunks is put
 * together once, at its end, so its cost stays proportional to its length.
 */
export async function* splitLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Line[]> {
  let begun: Buffer[] = [];
  let begunBytes = 0;
  let offset = 0;
  for await (const given of chunks) {
    const chunk = Buffer.from(given.buffer, given.byteOffset, given.byteLength);
    const lines: Line[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      const tail = chunk.subarray(start, end);
      const bytes = begunBytes === 0 ? tail : Buffer.concat([...begun, tail], begunBytes + tail.length);
      lines.push({ bytes, offset, complete: true });
      offset += bytes.length + 1;
      start = end + 1;
      begun = [];
      begunBytes = 0;
    }
    if (start < chunk.length) {
      // A copy: the chunk's memory may be reused for the next one.
      begun.push(Buffer.from(chunk.subarray(start)));
      begunBytes += chunk.length - start;
    }
    if (lines.length > 0) yield lines;
  }
  if (begunBytes > 0) yield [{ bytes: Buffer.concat(begun, begunBytes), offset, complete: false }];
}

/** Cuts bytes at the ends of lines: each piece holds whole lines; the last may have no newline at its end. */
export async function* wholeLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let begun: Uint8Array[] = [];
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end > 0) yield Buffer.concat([...begun, chunk.subarray(0, end)]);
    if (end > 0) begun = [];
    if (end < chunk.length) begun.push(chunk.subarray(end));
  }
  if (begun.length > 0) yield Buffer.concat(begun);
}

const BLANKS = new Set([0x20, 0x09, 0x0d]);

/** Whether a line is empty, or has only the spaces that some gateways put between lines. */
export function isBlank(line: Uint8Array): boolean {
  return line.length === 0 || (BLANKS.has(line[0] ?? 0) && line.every((byte) => BLANKS.has(byte)));
}

const BYTE_ORDER_MARK = Buffer.from('\ufeff');

/** A line without the byte order mark with which some programs begin a file, or each of the pieces that they join. */
export function withoutMark(line: Line): Line {
  const { length } = BYTE_ORDER_MARK;
  const isMarked =
    line.bytes[0] === BYTE_ORDER_MARK[0] && line.bytes.subarray(0, length).equals(BYTE_ORDER_MARK);
  return isMarked ? { ...line, bytes: line.bytes.subarray(length), offset: line.offset + length } : line;
}
