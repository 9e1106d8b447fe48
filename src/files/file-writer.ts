import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { FILE_MODE } from './durable-write.ts';

const BUFFER_BYTES = 256 * 1024;

export type Written = { bytes: number; sha256: string };

/** Writes a new file from small pieces. Each call is awaited before the next one is made. */
export type FileWriter = {
  /** Where the next piece will stand, in bytes from the start. */
  readonly position: number;
  write(piece: string | Uint8Array): Promise<void>;
  /** Writes what is buffered, through to the disk, and closes the file. Its name is the caller's to sync. */
  finish(): Promise<Written>;
  /** Closes the file as it is. Does nothing after `finish`. */
  close(): Promise<void>;
};

/**
 * Creates `path`, which must not exist, nor be a link. Pieces are gathered and written some 256 KB at a time,
 * so memory stays flat and a piece costs no system call of its own. Throws Node's own system errors.
 */
export async function createFileWriter(path: string, mode: number = FILE_MODE): Promise<FileWriter> {
  const handle = await open(path, 'wx', mode);
  const hash = createHash('sha256');
  let gathered: Buffer[] = [];
  let gatheredBytes = 0;
  let position = 0;
  let closed = false;

  async function flush(): Promise<void> {
    const data = Buffer.concat(gathered, gatheredBytes);
    gathered = [];
    gatheredBytes = 0;
    hash.update(data);
    await handle.writeFile(data);
  }

  async function close(): Promise<void> {
    if (closed) return;
    closed = true;
    await handle.close();
  }

  return {
    get position() {
      return position;
    },
    async write(piece) {
      const bytes = Buffer.from(piece);
      gathered.push(bytes);
      gatheredBytes += bytes.length;
      position += bytes.length;
      if (gatheredBytes >= BUFFER_BYTES) await flush();
    },
    async finish() {
      try {
        await flush();
        await handle.sync();
      } finally {
        await close();
      }
      return { bytes: position, sha256: hash.digest('hex') };
    },
    close,
  };
}
