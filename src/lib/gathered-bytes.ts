/** Bytes that are put together piece by piece. */
export type GatheredBytes = {
  readonly length: number;
  /** Gives the number of bytes that the piece took; a string as UTF-8. */
  add(piece: string | Uint8Array): number;
  /** All of it, in memory of its own, as long as nothing is added after that. */
  bytes(): Uint8Array<ArrayBuffer>;
  /** Begins anew in the same memory. */
  clear(): void;
};

/** UTF-16 takes one unit for what UTF-8 takes three bytes for, at most. */
const MOST_BYTES_PER_UNIT = 3;

/** `expected` is about how many bytes it will be. */
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
