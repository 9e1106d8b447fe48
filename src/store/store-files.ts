import { createReadStream } from 'node:fs';
import { createFileWriter, type FileWriter } from '../files/file-writer.ts';
import { inStore, storeFailure } from './store-failure.ts';

/** `writer` on a file of the store: what goes wrong comes out as `store_failed` that names the file. */
export function guardWriter(path: string, writer: FileWriter): FileWriter {
  return {
    get position() {
      return writer.position;
    },
    write: (piece) => inStore('write', path, () => writer.write(piece)),
    finish: () => inStore('write', path, () => writer.finish()),
    close: () => inStore('write', path, () => writer.close()),
  };
}

/** As `createFileWriter`, for a file of the store. */
export async function createStoreWriter(path: string): Promise<FileWriter> {
  return guardWriter(path, await inStore('write', path, () => createFileWriter(path)));
}

/** The bytes of a file of the store; what goes wrong comes out as `store_failed` that names it. */
export async function* readStoreFile(path: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(path);
  } catch (error) {
    throw storeFailure('read', path, error);
  }
}
