import * as z from 'zod';
import { BatchError } from '../../errors.ts';
import { checkedId } from '../ids.ts';
import type { Blobs, Pieces, Span } from '../store.ts';
import { damaged } from '../stored-json.ts';
import { anyRow, type Database } from './database.ts';

/** All chunks of a blob but its last are of this size, for good: a place in the blob is found by it. */
export const CHUNK_BYTES = 1024 * 1024;

const idRow = z.object({ id: z.string() });
const blobRow = z.object({ id: z.string(), bytes: z.coerce.number() });
const bytesRow = z.object({ bytes: z.instanceof(Uint8Array) });
const pieceRow = z.object({ span: z.coerce.number(), bytes: z.instanceof(Uint8Array) });

const FIND = `
  select n.blob_id::text as id, n.bytes from @.blob_name n join @.batch b on b.id = n.batch_id
  where n.batch_id = $1 and n.name = $2 and (b.owner is not null) = $3`;

export type DatabaseBlobsOptions = {
  db: Database;
  batchId: string;
  /** Of a batch that is still being prepared: no other sees these. */
  inStaging: boolean;
};

/** Blobs as rows of chunks. */
export function createDatabaseBlobs({ db, batchId, inStaging }: DatabaseBlobsOptions): Blobs {
  const describe = (name: string) => `${batchId}/${checkedId('blob', name)} in ${db.place}`;
  const whatOf = (name: string) => `${batchId}/${checkedId('blob', name)}`;

  async function find(name: string) {
    const [found] = await db.query(`read ${whatOf(name)}`, FIND, [batchId, name, inStaging], blobRow);
    return found ?? null;
  }

  async function open(name: string) {
    const found = await find(name);
    if (found === null) throw damaged(describe(name), 'it is missing');
    return found;
  }

  async function begin(name: string): Promise<string> {
    const text =
      'insert into @.blob (batch_id) select id from @.batch where id = $1 and (owner is not null) = $2 returning id::text';
    const [blob] = await db.query(`write ${whatOf(name)}`, text, [batchId, inStaging], idRow);
    if (blob !== undefined) return blob.id;
    throw new BatchError(
      'store_failed',
      `Could not write ${describe(name)}: the batch is not there, or no more. Nothing was changed.`,
    );
  }

  const remove = (name: string, blobId: string) =>
    db.query(`remove ${whatOf(name)}`, 'delete from @.blob where id = $1', [blobId], anyRow);

  /** False where the name is taken. */
  async function giveName(name: string, blobId: string, bytes: number): Promise<boolean> {
    const text = `
      insert into @.blob_name (batch_id, name, blob_id, bytes) values ($1, $2, $3, $4)
      on conflict (batch_id, name) do nothing returning blob_id::text as id`;
    const given = await db.query(`write ${whatOf(name)}`, text, [batchId, name, blobId, bytes], idRow);
    return given.length === 1;
  }

  async function writeChunks(name: string, blobId: string, pieces: Pieces): Promise<number> {
    let bytes = 0;
    let number = 0;
    for await (const chunk of inChunks(pieces)) {
      const text = 'insert into @.chunk (blob_id, number, bytes) values ($1, $2, $3)';
      await db.query(`write ${whatOf(name)}`, text, [blobId, number, chunk], anyRow);
      number += 1;
      bytes += chunk.length;
    }
    return bytes;
  }

  return {
    describe,

    async write(name, pieces) {
      const blobId = await begin(name);
      try {
        const bytes = await writeChunks(name, blobId, pieces);
        if (await giveName(name, blobId, bytes)) return bytes;
      } catch (error) {
        // Where not even this can be done, it is swept.
        await remove(name, blobId).catch(() => {});
        throw error;
      }
      await remove(name, blobId);
      return null;
    },

    async *read(name, start = 0) {
      const { id, bytes } = await open(name);
      for (let position = start; position < bytes; ) {
        const [number, skipped] = [Math.floor(position / CHUNK_BYTES), position % CHUNK_BYTES];
        const text = 'select bytes from @.chunk where blob_id = $1 and number = $2';
        const [chunk] = await db.query(`read ${whatOf(name)}`, text, [id, number], bytesRow);
        const expected = Math.min(CHUNK_BYTES, bytes - number * CHUNK_BYTES);
        if (chunk?.bytes.length !== expected) throw damaged(describe(name), 'it was cut short');
        position += expected - skipped;
        yield chunk.bytes.subarray(skipped);
      }
    },

    async readRanges(name, spans) {
      whatOf(name);
      if (spans.length === 0) return [];
      const { id } = await open(name);
      const slices = spans.flatMap(slicesOf);
      const text = `
        select s.span, substring(c.bytes from s.start + 1 for s.length) as bytes
        from unnest($2::int[], $3::int[], $4::int[], $5::int[]) with ordinality as s (span, number, start, length, place)
        join @.chunk c on c.blob_id = $1 and c.number = s.number order by s.place`;
      const column = (read: (slice: Slice) => number) => slices.map(read);
      const columns = [
        column(({ span }) => span),
        column(({ chunk }) => chunk),
        column(({ start }) => start),
        column(({ length }) => length),
      ];
      const rows = await db.query(`read ${whatOf(name)}`, text, [id, ...columns], pieceRow);
      const found: Uint8Array[][] = spans.map(() => []);
      for (const { span, bytes } of rows) found[span]?.push(bytes);
      return found.map((pieces, index) => {
        const whole = Buffer.concat(pieces);
        if (whole.length !== spans[index]?.length) throw damaged(describe(name), 'it was cut short');
        return whole;
      });
    },

    size: async (name) => (await find(name))?.bytes ?? null,

    async remove(name) {
      const found = await find(name);
      if (found !== null) await remove(name, found.id);
    },
  };
}

/** The same bytes in chunks of one size; each is only good until the next is asked for. */
async function* inChunks(pieces: Pieces): Pieces {
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  let filled = 0;
  for await (const piece of pieces) {
    for (let taken = 0; taken < piece.length; ) {
      const part = piece.subarray(taken, taken + CHUNK_BYTES - filled);
      chunk.set(part, filled);
      filled += part.length;
      taken += part.length;
      if (filled < CHUNK_BYTES) continue;
      yield chunk;
      filled = 0;
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled);
}

/** The part of a span that lies in one chunk, with the span's index. */
type Slice = { span: number; chunk: number; start: number; length: number };

function slicesOf({ offset, length }: Span, span: number): Slice[] {
  const slices: Slice[] = [];
  for (let at = offset; at < offset + length; ) {
    const start = at % CHUNK_BYTES;
    const taken = Math.min(CHUNK_BYTES - start, offset + length - at);
    slices.push({ span, chunk: Math.floor(at / CHUNK_BYTES), start, length: taken });
    at += taken;
  }
  return slices;
}
