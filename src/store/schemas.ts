import * as z from 'zod';
import { sha256OfText } from '../lib/files/file-hash.ts';
import { splitLines } from '../lib/lines.ts';
import { openBlobWriter } from './blob-writer.ts';
import type { Blobs } from './store.ts';
import { checkStored, damaged, parseStored } from './stored-json.ts';

/** JSON Schemas as JSON, by the hashes under which tasks name them. */
export type Schemas = ReadonlyMap<string, string>;

const line = z.object({ hash: z.string(), schema: z.string() });

export type SchemasWriter = {
  /** Adds those that are not there yet. */
  add(schemas: Schemas): Promise<void>;
  /** Writes the rest; there is no blob where there was no schema. */
  close(): Promise<void>;
  /** Removes it. */
  abort(): Promise<void>;
};

/** Opens the schemas that answers are checked by for writing, once. */
export function openSchemasWriter(blobs: Blobs, name: string): SchemasWriter {
  const written = new Set<string>();
  let lines: ReturnType<typeof openBlobWriter> | null = null;
  return {
    async add(schemas) {
      for (const [hash, schema] of schemas) {
        if (written.has(hash)) continue;
        written.add(hash);
        lines ??= openBlobWriter(blobs, name);
        await lines.write(`${JSON.stringify({ hash, schema })}\n`);
      }
    },
    async close() {
      await lines?.finish();
    },
    async abort() {
      await lines?.abort();
    },
  };
}

/** All schemas in these blobs, as far as they exist. */
export async function readSchemas(blobs: Blobs, names: readonly string[]): Promise<Schemas> {
  const found = new Map<string, string>();
  for (const name of names) {
    if ((await blobs.size(name)) === null) continue;
    const place = blobs.describe(name);
    for await (const lines of splitLines(blobs.read(name))) {
      for (const { bytes } of lines) {
        const { hash, schema } = checkStored(place, parseStored(place, bytes.toString('utf8')), line);
        if (!sha256OfText(schema).startsWith(hash))
          throw damaged(place, 'a schema in it is not the one that was asked for');
        found.set(hash, schema);
      }
    }
  }
  return found;
}
