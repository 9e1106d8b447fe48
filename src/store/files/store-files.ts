import { createReadStream } from 'node:fs';
import { createFileWriter, type FileWriter, type FileWriterOptions } from '../../lib/file-writer.ts';
import { type Growth, readGrowing } from '../../lib/growing-file.ts';
import { inStore, storeFailure } from './store-failure.ts';

/** `writer` on a file of the store: what goes wrong comes out as `store_failed` that names the file. */
export function guardWriter(path: string, writer: FileWriter): FileWriter {
  return {
    get position() {
      return writer.position;
    },
    get written() {
      return writer.written;
    },
    write: (piece) => inStore('write', path, () => writer.write(piece)),
    give: (piece) => inStore('write', path, () => writer.give(piece)),
    flush: () => inStore('write', path, () => writer.flush()),
    finish: () => inStore('write', path, () => writer.finish()),
    close: () => inStore('write', path, () => writer.close()),
  };
}

/** As `createFileWriter`, for a file of the store. */
export async function createStoreWriter(path: string, options?: FileWriterOptions): Promise<FileWriter> {
  return guardWriter(path, await inStore('write', path, () => createFileWriter(path, options)));
}

/** The bytes of a file of the store, where `growth` is given while it grows. What goes wrong is a `store_failed`. */
export async function* readStoreFile(path: string, growth?: Growth): AsyncGenerator<Uint8Array> {
  try {
    yield* growth ? readGrowing(path, growth) : createReadStream(path);
  } catch (error) {
    throw storeFailure('read', path, error);
  }
}
