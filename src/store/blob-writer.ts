import type { Hash } from 'node:crypto';
import type { Blobs, Pieces } from './store.ts';

/** Larger pieces save nothing. */
const PIECE_BYTES = 128 * 1024;

/** Writes a blob from pieces that are pushed. Each call is awaited before the next one is made. */
export type BlobWriter = {
  /** The byte offset of the next piece. */
  readonly position: number;
  /** The piece's memory may be reused when this resolves. Throws a failure to write an earlier piece. */
  write(piece: string | Uint8Array): Promise<void>;
  /** As `write`, for a piece whose memory is not reused: it is not copied. */
  give(piece: Uint8Array): Promise<void>;
  /** Completes the blob under its name; returns what `Blobs.write` does. */
  finish(): Promise<number | null>;
  /** Removes what was written. Does nothing after `finish`. */
  abort(): Promise<void>;
};

/** Opens a blob for writing. `hash`, where given, is updated with everything written; the caller takes its digest. */
export function openBlobWriter(blobs: Blobs, name: string, hash?: Hash): BlobWriter {
  const pipe = createPipe();
  const written = blobs.write(name, pipe.pieces());
  // If it ends early, nothing is pulled any more, and the next write throws the reason.
  void written.then(
    () => pipe.close(),
    () => pipe.close(),
  );

  let filling = Buffer.allocUnsafeSlow(PIECE_BYTES);
  let filled = 0;
  let position = 0;

  async function push(piece: Uint8Array): Promise<void> {
    hash?.update(piece);
    if (!(await pipe.push(piece))) await written;
  }

  async function pushFilled(): Promise<void> {
    if (filled === 0) return;
    const piece = filling.subarray(0, filled);
    filling = Buffer.allocUnsafeSlow(PIECE_BYTES);
    filled = 0;
    await push(piece);
  }

  return {
    get position() {
      return position;
    },
    async write(piece) {
      const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece;
      position += bytes.length;
      for (let taken = 0; taken < bytes.length; ) {
        const part = bytes.subarray(taken, taken + PIECE_BYTES - filled);
        filling.set(part, filled);
        filled += part.length;
        taken += part.length;
        if (filled === PIECE_BYTES) await pushFilled();
      }
    },
    async give(piece) {
      await pushFilled();
      position += piece.length;
      await push(piece);
    },
    async finish() {
      await pushFilled();
      pipe.end();
      return written;
    },
    async abort() {
      pipe.end(new Error('the blob was given up'));
      await Promise.allSettled([written]);
    },
  };
}

/** Passes pieces from a pushing side to a pulling side; holds at most one, so that both can work at the same time. */
function createPipe() {
  let held: Uint8Array | null = null;
  let ended = false;
  let failure: Error | null = null;
  let closed = false;
  // Only one side waits at a time: one for room, or the other for a piece.
  let wake = () => {};
  const woken = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });

  return {
    /** False if nothing pulls any more. */
    async push(piece: Uint8Array): Promise<boolean> {
      while (held !== null && !closed) await woken();
      if (closed) return false;
      held = piece;
      wake();
      return true;
    },
    /** Ends the stream; the pulling side gets the failure, if any. Only the first end counts. */
    end(reason: Error | null = null) {
      if (ended) return;
      ended = true;
      failure = reason;
      wake();
    },
    close() {
      closed = true;
      wake();
    },
    async *pieces(): Pieces {
      for (;;) {
        while (held === null && !ended) await woken();
        if (failure !== null) throw failure;
        if (held === null) return;
        const piece = held;
        held = null;
        wake();
        yield piece;
      }
    },
  };
}
