import type { Hash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { FILE_MODE } from './durable-write.ts';

/** Small pieces are gathered in buffers of this size; each buffer is one write. */
const BUFFER_BYTES = 128 * 1024;
/** One UTF-16 unit takes at most three bytes in UTF-8. */
const MOST_BYTES_PER_UNIT = 3;
/** Smaller pieces take less memory when copied than in a list. */
const SMALL_BYTES = 4096;
/**
 * How much may wait for the write under way: with less, the caller waits whenever the disk hesitates. Writing 300 MB as they
 * were downloaded took 1.5 s with 128 KB, 1.2 s with 512 KB and 1.0 s with 1 MB; but with 1 MB pieces lived so long that they
 * were collected late, for 7 MB more at the peak.
 */
const WAITING_BYTES = 512 * 1024;
/** What was written is synced to the disk this often, so that little is left to wait for at the end. */
const SYNC_BYTES = 32 * 1024 * 1024;

export type Written = { bytes: number };

/** Writes a new file from small pieces. Each call is awaited before the next one is made. */
export type FileWriter = {
  /** The piece may be used again when this resolves. A failure to write an earlier piece is thrown here. */
  write(piece: string | Uint8Array): Promise<void>;
  /** As `write`, for a piece that the caller won't use again: it is not copied. */
  give(piece: Uint8Array): Promise<void>;
  /** Writes what is waiting, syncs the file and closes it. Syncing its folder is left to the caller. */
  finish(): Promise<Written>;
  /** Closes the file as it is. Does nothing after `finish`. */
  close(): Promise<void>;
};

type FileWriterOptions = {
  mode?: number;
  /** Updated with everything written; the caller takes the digest. */
  hash?: Hash;
};

type Failure = { error: unknown };

/** Resolves to the error instead of rejecting: nobody may be waiting when it fails. */
function failureOf(work: Promise<void>): Promise<Failure | null> {
  return work.then(
    () => null,
    (error: unknown) => ({ error }),
  );
}

/**
 * Creates `path`, which must not exist, not even as a link. One write is under way at a time, and up to half a megabyte waits
 * behind it: so memory stays flat, and neither the disk nor the caller waits long for the other. Throws Node's own system errors.
 */
export async function createFileWriter(
  path: string,
  { mode = FILE_MODE, hash }: FileWriterOptions = {},
): Promise<FileWriter> {
  const handle = await open(path, 'wx', mode);
  let filling: Buffer | null = null;
  let filled = 0;
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  /** Our own buffers among what is waiting; `free` holds those that were written and can be filled again. */
  let waitingBuffers: Buffer[] = [];
  const free: Buffer[] = [];
  let bytes = 0;
  let unsynced = 0;
  let failure: Failure | null = null;
  let writing: Promise<void> | null = null;
  let syncing: Promise<void> | null = null;
  let closed = false;

  function startWriting(): void {
    if (writing !== null || waitingBytes === 0 || closed) return;
    const [pieces, length, buffers] = [waiting, waitingBytes, waitingBuffers];
    waiting = [];
    waitingBytes = 0;
    waitingBuffers = [];
    writing = failureOf(writeAll(pieces, length)).then((failed) => {
      writing = null;
      failure ??= failed;
      free.push(...buffers);
      unsynced += length;
      if (unsynced >= SYNC_BYTES && syncing === null && !closed) startSync();
      if (failure === null && waitingBytes >= BUFFER_BYTES) startWriting();
    });
  }

  async function writeAll(pieces: readonly Uint8Array[], length: number): Promise<void> {
    const { bytesWritten } = await handle.writev(pieces);
    if (bytesWritten < length) await handle.writeFile(Buffer.concat(pieces).subarray(bytesWritten));
  }

  function startSync(): void {
    unsynced = 0;
    syncing = failureOf(handle.datasync()).then((failed) => {
      syncing = null;
      // Kept, as the next sync might not report it again.
      failure ??= failed;
    });
  }

  async function add(piece: Uint8Array): Promise<void> {
    hash?.update(piece);
    waiting.push(piece);
    waitingBytes += piece.length;
    if (waitingBytes >= BUFFER_BYTES) startWriting();
    while (waitingBytes >= WAITING_BYTES && writing !== null) await writing;
    if (failure !== null) throw failure.error;
  }

  /** Queues what was gathered, which came before the piece that follows. */
  async function addFilled(): Promise<void> {
    if (filling === null || filled === 0) return;
    const piece = filling.subarray(0, filled);
    waitingBuffers.push(filling);
    filling = null;
    filled = 0;
    await add(piece);
  }

  /** The buffer being filled, or a fresh one. */
  function toFill(): Buffer {
    filling ??= free.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
    return filling;
  }

  async function write(piece: string | Uint8Array): Promise<void> {
    if (typeof piece === 'string') return writeText(piece);
    bytes += piece.length;
    for (let taken = 0; taken < piece.length; ) {
      const part = piece.subarray(taken, taken + BUFFER_BYTES - filled);
      toFill().set(part, filled);
      filled += part.length;
      taken += part.length;
      if (filled === BUFFER_BYTES) await addFilled();
    }
  }

  /** A text that is sure to fit is encoded straight into the buffer; any other is encoded once and not copied. */
  async function writeText(text: string): Promise<void> {
    if (text.length * MOST_BYTES_PER_UNIT >= BUFFER_BYTES - filled) return give(Buffer.from(text));
    const length = toFill().write(text, filled);
    bytes += length;
    filled += length;
  }

  async function give(piece: Uint8Array): Promise<void> {
    if (piece.length < SMALL_BYTES) return write(piece);
    await addFilled();
    bytes += piece.length;
    await add(piece);
  }

  async function flush(): Promise<void> {
    await addFilled();
    startWriting();
    while (writing !== null) {
      await writing;
      if (failure === null) startWriting();
    }
    await syncing;
    if (failure !== null) throw failure.error;
  }

  async function close(): Promise<void> {
    if (closed) return;
    closed = true;
    await writing;
    await syncing;
    await handle.close();
  }

  return {
    write,
    give,
    async finish() {
      try {
        await flush();
        await handle.sync();
      } finally {
        await close();
      }
      return { bytes };
    },
    close,
  };
}
