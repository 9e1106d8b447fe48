import { createHash } from 'node:crypto';
import { BatchError } from '../errors.ts';
import { dialectOf } from '../provider/dialects.ts';
import type { RequestBody } from '../provider/provider.ts';
import type { Context } from '../state/context.ts';
import { partBody } from '../store/names.ts';
import type { BatchRecord, Part } from '../store/record.ts';
import type { Pieces } from '../store/store.ts';

/**
 * A part's body as it is sent: as it was written, with its last request under the part's mark. Throws `store_damaged`
 * if it is no longer as it was written: there is no telling what the API would make of it. To find out, a body
 * that this process did not just write is read in full first.
 */
export async function openBody(
  { store }: Pick<Context, 'store'>,
  { batch_id, provider }: BatchRecord,
  { number, body_bytes, body_sha256, mark, cache }: Part,
  { isJustWritten }: { isJustWritten: boolean },
): Promise<RequestBody> {
  const blobs = store.blobs(batch_id);
  const name = partBody(number);
  const bytes = await blobs.size(name);
  if (bytes !== body_bytes) {
    throw damagedBody(bytes === null ? 'is missing' : `has ${bytes} bytes instead of ${body_bytes}`);
  }
  if (!isJustWritten && (await sha256Of(blobs.read(name))) !== body_sha256) {
    throw damagedBody('is not what was written there');
  }
  const { requests } = dialectOf(provider);
  const asSent = (pieces: Pieces) => (cache === 'blank' ? blanked(pieces, requests.cacheMark) : pieces);
  if (mark === undefined) return { bytes: body_bytes, open: () => asSent(blobs.read(name)) };

  const [last] = await blobs.readRanges(name, [mark]);
  const renamed = last && requests.rename(last.toString('utf8'), mark.sent);
  if (renamed === undefined || renamed === null) throw damagedBody('does not end in a request');
  const marked = Buffer.from(renamed);
  const { offset, length } = mark;
  async function* whole(): AsyncGenerator<Uint8Array> {
    yield* upTo(blobs.read(name), offset);
    yield marked;
    yield* blobs.read(name, offset + length);
  }
  return {
    bytes: body_bytes - length + marked.length,
    open: () => asSent(whole()),
  };

  function damagedBody(what: string): BatchError {
    return new BatchError(
      'store_damaged',
      `The body of part ${number}, ${blobs.describe(name)}, ${what}. None of it was sent: restore it from a ` +
        'backup, or submit the work again with force_new.',
    );
  }
}

async function sha256Of(pieces: Pieces): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
}

/** The first `length` bytes. */
async function* upTo(chunks: Pieces, length: number): AsyncGenerator<Uint8Array> {
  let left = length;
  for await (const chunk of chunks) {
    const taken = chunk.length > left ? chunk.subarray(0, left) : chunk;
    yield taken;
    left -= taken.length;
    if (left === 0) return;
  }
}

/**
 * The same bytes with each occurrence of `text` blanked out, however the pieces are cut. Blanking a key and its value
 * out of JSON removes them without moving anything else.
 */
export async function* blanked(pieces: Pieces, text: string): AsyncGenerator<Uint8Array> {
  const wanted = Buffer.from(text);
  let held = Buffer.alloc(0);
  for await (const piece of pieces) {
    const bytes = Buffer.concat([held, piece]);
    blankOut(bytes, wanted);
    // An occurrence may begin in this piece and end in the next.
    const whole = Math.max(0, bytes.length - wanted.length + 1);
    if (whole > 0) yield bytes.subarray(0, whole);
    held = bytes.subarray(whole);
  }
  if (held.length > 0) yield held;
}

function blankOut(bytes: Buffer, wanted: Buffer): void {
  for (let at = bytes.indexOf(wanted); at !== -1; at = bytes.indexOf(wanted, at + wanted.length)) {
    bytes.fill(' ', at, at + wanted.length);
  }
}
