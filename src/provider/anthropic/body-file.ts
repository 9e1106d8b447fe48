import { type FileHandle, open } from 'node:fs/promises';
import { BatchError } from '../../errors.ts';
import type { BodyFile } from '../provider.ts';

/** Reading less at a time makes sending 200 MB slower, reading more does not make it faster. */
const READ_BYTES = 256 * 1024;

/**
 * Calls `use` with the file's content, read piece by piece as it is consumed, and closes the file whatever
 * happens. Throws `store_failed` before that when the file is not as it was written.
 */
export async function withBodyFile<T>(
  body: BodyFile,
  use: (content: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> {
  const file = await openBody(body);
  try {
    return await use(readPieces(file));
  } finally {
    await file.close();
  }
}

async function openBody(body: BodyFile): Promise<FileHandle> {
  const file = await open(body.path, 'r').catch((cause: unknown) => {
    throw notAsWritten('can not be opened', cause);
  });
  const { size } = await file.stat();
  if (size === body.bytes) return file;
  await file.close();
  throw notAsWritten(`has ${size} bytes instead of ${body.bytes}`);
}

function notAsWritten(what: string, cause?: unknown): BatchError {
  return new BatchError(
    'store_failed',
    `The prepared request body ${what}. Nothing was sent: submit the work again with force_new.`,
    { cause },
  );
}

async function* readPieces(file: FileHandle): AsyncGenerator<Uint8Array> {
  for (;;) {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, null);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}
