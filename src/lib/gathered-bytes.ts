/** Bytes that are put together piece by piece. */
type GatheredBytes = {
  readonly length: number;
  /** Returns the number of bytes added; a string is encoded as UTF-8. */
  add(piece: string | Uint8Array): number;
  /** All bytes so far; valid until more are added. */
  bytes(): Uint8Array<ArrayBuffer>;
  /** Starts over in the same memory. */
  clear(): void;
};

/** One UTF-16 unit takes at most three bytes in UTF-8. */
const MOST_BYTES_PER_UNIT = 3;

/** `expected` is the approximate number of bytes. */
export function gatherBytes(expected: number): GatheredBytes {
  let buffer = Buffer.from(new ArrayBuffer(expected));
  let length = 0;

  function makeRoom(bytes: number): void {
    if (length + bytes <= buffer.length) return;
    const larger = Buffer.from(new ArrayBuffer(Math.max(length + bytes, buffer.length * 2)));
    buffer.copy(larger, 0, 0, length);
    buffer = larger;
  }

  return {
    get length() {
      return length;
    },
    add(piece) {
      makeRoom(typeof piece === 'string' ? piece.length * MOST_BYTES_PER_UNIT : piece.length);
      if (typeof piece !== 'string') buffer.set(piece, length);
      const bytes = typeof piece === 'string' ? buffer.write(piece, length) : piece.length;
      length += bytes;
      return bytes;
    },
    bytes: () => new Uint8Array(buffer.buffer, 0, length),
    clear() {
      length = 0;
    },
  };
}
