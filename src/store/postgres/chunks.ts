import * as z from 'zod';
import type { Pieces, Span } from '../store.ts';
import { damaged } from '../stored-json.ts';
import { anyRow, type Database } from './database.ts';

/** All chunks of a blob but its last are of this size, for good: a place in the blob is found by it. */
const CHUNK_BYTES = 1024 * 1024;

const bytesRow = z.object({ bytes: z.instanceof(Uint8Array) });
const pieceRow = z.object({ span: z.coerce.number(), bytes: z.instanceof(Uint8Array) });

/** A blob whose bytes are rows, and what messages call it. */
type ChunkedBlob = { id: string; bytes: number; what: string; place: string };

/** Returns the number of bytes written. */
export async function writeChunks(db: Database, id: string, what: string, pieces: Pieces): Promise<number> {
  let bytes = 0;
  let number = 0;
  for await (const chunk of inChunks(pieces)) {
    const text = 'insert into @.chunk (blob_id, number, bytes) values ($1, $2, $3)';
    await db.query(`write ${what}`, text, [id, number, chunk], anyRow);
    number += 1;
    bytes += chunk.length;
  }
  return bytes;
}

export async function* readChunks(
  db: Database,
  { id, bytes, what, place }: ChunkedBlob,
  start: number,
): Pieces {
  for (let position = start; position < bytes; ) {
    const [number, skipped] = [Math.floor(position / CHUNK_BYTES), position % CHUNK_BYTES];
    const text = 'select bytes from @.chunk where blob_id = $1 and number = $2';
    const [chunk] = await db.query(`read ${what}`, text, [id, number], bytesRow);
    const expected = Math.min(CHUNK_BYTES, bytes - number * CHUNK_BYTES);
    if (chunk?.bytes.length !== expected) throw damaged(place, 'it was cut short');
    position += expected - skipped;
    yield chunk.bytes.subarray(skipped);
  }
}

export async function readChunkSpans(
  db: Database,
  { id, what, place }: ChunkedBlob,
  spans: readonly Span[],
): Promise<Buffer[]> {
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
  const rows = await db.query(`read ${what}`, text, [id, ...columns], pieceRow);
  const found: Uint8Array[][] = spans.map(() => []);
  for (const { span, bytes } of rows) found[span]?.push(bytes);
  return found.map((pieces, index) => {
    const whole = Buffer.concat(pieces);
    if (whole.length !== spans[index]?.length) throw damaged(place, 'it was cut short');
    return whole;
  });
}

/** The same bytes in chunks of one size; each is valid only until the next is asked for. */
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
