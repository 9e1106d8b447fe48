import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { FILE_MODE } from './durable-write.ts';

const BUFFER_BYTES = 1024 * 1024;
/** Written pieces go through to the disk from time to time, so that little is left to wait for at the end. */
const SYNC_BYTES = 32 * 1024 * 1024;

export type Written = { bytes: number; sha256: string };

/** Writes a new file from small pieces. Each call is awaited before the next one is made. */
export type FileWriter = {
  /** Where the next piece will stand, in bytes from the start. */
  readonly position: number;
  /** The piece may be used again when this resolves. A failure to write an earlier piece is thrown here. */
  write(piece: string | Uint8Array): Promise<void>;
  /** Writes what is buffered, through to the disk, and closes the file. Its name is the caller's to sync. */
  finish(): Promise<Written>;
  /** Closes the file as it is. Does nothing after `finish`. */
  close(): Promise<void>;
};

type Failure = { error: unknown };

function outcomeOf(work: Promise<void>): Promise<Failure | null> {
  return work.then(
    () => null,
    (error: unknown) => ({ error }),
  );
}

/**
 * Creates `path`, which must not exist, nor be a link. Pieces are gathered in two buffers: one is filled while the
 * other is written, so memory stays flat, and neither the disk nor who writes waits for the other for long.
 * Throws Node's own system errors.
 */
export async function createFileWriter(path: string, mode: number = FILE_MODE): Promise<FileWriter> {
  const handle = await open(path, 'wx', mode);
  const hash = createHash('sha256');
  let filling = Buffer.allocUnsafe(BUFFER_BYTES);
  let other = Buffer.allocUnsafe(BUFFER_BYTES);
  let filled = 0;
  let position = 0;
  let closed = false;
  let unsynced = 0;
  // Both resolve to the error rather than with it: nobody may be waiting when they fail.
  let writing: Promise<Failure | null> = Promise.resolve(null);
  let syncing: Promise<Failure | null> | null = null;

  async function settled(): Promise<void> {
    const failure = await writing;
    if (failure) throw failure.error;
  }

  async function flush(): Promise<void> {
    await settled();
    const data = filling.subarray(0, filled);
    [filling, other] = [other, filling];
    filled = 0;
    hash.update(data);
    writing = outcomeOf(handle.writeFile(data));
    unsynced += data.length;
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
    async write(piece) {
      const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece;
      position += bytes.length;
      for (let taken = 0; taken < bytes.length; ) {
        const part = bytes.subarray(taken, taken + BUFFER_BYTES - filled);
        filling.set(part, filled);
        filled += part.length;
        taken += part.length;
        if (filled === BUFFER_BYTES) await flush();
      }
    },
    async finish() {
      try {
        await flush();
        await settled();
        const failure = await syncing;
        if (failure) throw failure.error;
        await handle.sync();
      } finally {
        await close();
      }
      return { bytes: position, sha256: hash.digest('hex') };
    },
    close,
  };
}
