import type { Hash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { FILE_MODE } from './durable-write.ts';

/**
 * Larger writes save nothing, and can take twice the time: for each, Linux takes memory in pieces as large, which on a
 * virtual machine is most likely memory that the host has yet to find.
 */
const BUFFER_BYTES = 128 * 1024;
/** Of smaller pieces a list takes more memory than a copy. */
const SMALL_BYTES = 4096;
/** Written pieces go through to the disk from time to time, so that little is left to wait for at the end. */
const SYNC_BYTES = 32 * 1024 * 1024;

export type Written = { bytes: number };

/** Writes a new file from small pieces. Each call is awaited before the next one is made. */
export type FileWriter = {
  /** Where the next piece will stand, in bytes from the start. */
  readonly position: number;
  /** Bytes from the start that are in the file by now, for others to read. */
  readonly written: number;
  /** The piece may be used again when this resolves. A failure to write an earlier piece is thrown here. */
  write(piece: string | Uint8Array): Promise<void>;
  /** As `write`, for a piece that nobody uses again: it is not copied. */
  give(piece: Uint8Array): Promise<void>;
  /** Brings all of it into the file, though perhaps not through to the disk. */
  flush(): Promise<void>;
  /** Writes what is buffered, through to the disk, and closes the file. Its name is the caller's to sync. */
  finish(): Promise<Written>;
  /** Closes the file as it is. Does nothing after `finish`. */
  close(): Promise<void>;
};

export type FileWriterOptions = {
  mode?: number;
  /** Is given all that is written; its digest is the caller's to ask for. */
  hash?: Hash;
};

type Failure = { error: unknown };

function outcomeOf(work: Promise<void>): Promise<Failure | null> {
  return work.then(
    () => null,
    (error: unknown) => ({ error }),
  );
}

/**
 * Creates `path`, which must not exist, nor be a link. Pieces are gathered in two buffers, or in lists where they are
 * given: one is filled while the other is written, so memory stays flat, and neither the disk nor who writes waits for
 * the other for long.
 * Throws Node's own system errors.
 */
export async function createFileWriter(
  path: string,
  { mode = FILE_MODE, hash }: FileWriterOptions = {},
): Promise<FileWriter> {
  const handle = await open(path, 'wx', mode);
  let filling = Buffer.allocUnsafe(BUFFER_BYTES);
  let other = Buffer.allocUnsafe(BUFFER_BYTES);
  let filled = 0;
  let given: Uint8Array[] = [];
  let givenBytes = 0;
  let position = 0;
  let written = 0;
  let closed = false;
  let unsynced = 0;
  // Both resolve to the error rather than with it: nobody may be waiting when they fail.
  let writing: Promise<Failure | null> = Promise.resolve(null);
  let syncing: Promise<Failure | null> | null = null;

  async function settled(): Promise<void> {
    const failure = await writing;
    if (failure) throw failure.error;
  }

  async function writeAll(pieces: readonly Uint8Array[], bytes: number): Promise<void> {
    const { bytesWritten } = await handle.writev(pieces);
    if (bytesWritten < bytes) await handle.writeFile(Buffer.concat(pieces).subarray(bytesWritten));
    written += bytes;
  }

  /** What was gathered goes first: it came before what is given. */
  async function startWriting(): Promise<void> {
    await settled();
    const pieces = filled > 0 ? [filling.subarray(0, filled), ...given] : given;
    const bytes = filled + givenBytes;
    [filling, other] = [other, filling];
    filled = 0;
    given = [];
    givenBytes = 0;
    for (const piece of pieces) hash?.update(piece);
    writing = outcomeOf(writeAll(pieces, bytes));
    unsynced += bytes;
    if (unsynced >= SYNC_BYTES && syncing === null) startSync();
  }

  function startSync(): void {
    unsynced = 0;
    syncing = outcomeOf(handle.datasync()).then((failure) => {
      // A failure stays, for the next sync might not tell it again.
      if (failure === null) syncing = null;
      return failure;
    });
  }

  async function write(piece: string | Uint8Array): Promise<void> {
    if (givenBytes > 0) await startWriting();
    const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece;
    position += bytes.length;
    for (let taken = 0; taken < bytes.length; ) {
      const part = bytes.subarray(taken, taken + BUFFER_BYTES - filled);
      filling.set(part, filled);
      filled += part.length;
      taken += part.length;
      if (filled === BUFFER_BYTES) await startWriting();
    }
  }

  async function flush(): Promise<void> {
    if (filled + givenBytes > 0) await startWriting();
    await settled();
  }

  async function close(): Promise<void> {
    if (closed) return;
    closed = true;
    await Promise.all([writing, syncing]);
    await handle.close();
  }

  return {
    get position() {
      return position;
    },
    get written() {
      return written;
    },
    async give(piece) {
      if (piece.length < SMALL_BYTES) return write(piece);
      position += piece.length;
      given.push(piece);
      givenBytes += piece.length;
      if (filled + givenBytes >= BUFFER_BYTES) await startWriting();
    },
    write,
    flush,
    async finish() {
      try {
        await flush();
        const failure = await syncing;
        if (failure) throw failure.error;
        await handle.sync();
      } finally {
        await close();
      }
      return { bytes: position };
    },
    close,
  };
}
