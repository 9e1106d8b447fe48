import type { Hash } from 'node:crypto';
import type { Blobs, Pieces } from './store.ts';

/** Larger pieces save nothing. */
const PIECE_BYTES = 128 * 1024;

/** Writes a blob from pieces that are pushed. Each call is awaited before the next one is made. */
export type BlobWriter = {
  /** Where the next piece will stand, in bytes from the start. */
  readonly position: number;
  /** The piece may be used again when this resolves. A failure to write an earlier piece is thrown here. */
  write(piece: string | Uint8Array): Promise<void>;
  /** As `write`, for a piece that nobody uses again: it is not copied. */
  give(piece: Uint8Array): Promise<void>;
  /** Brings the blob to its name; what `Blobs.write` gives. */
  finish(): Promise<number | null>;
  /** Leaves nothing of it. Does nothing after `finish`. */
  abort(): Promise<void>;
};

/** Opens a blob to be written. `hash`, where given, is told all that is written; its digest is the caller's to ask for. */
export function openBlobWriter(blobs: Blobs, name: string, hash?: Hash): BlobWriter {
  const pipe = createPipe();
  const written = blobs.write(name, pipe.pieces());
  // Where it ends early, nobody pulls any more; why, it tells whoever writes next.
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

/** Hands pieces from one that pushes to one that pulls; holds one at most, so that either works while the other does. */
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
    /** False where nobody pulls any more. */
    async push(piece: Uint8Array): Promise<boolean> {
      while (held !== null && !closed) await woken();
      if (closed) return false;
      held = piece;
      wake();
      return true;
    },
    /** Nothing follows; where it is for a failure, whoever pulls gets that. Only the first end counts. */
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
