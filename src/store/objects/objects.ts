import { createHash } from 'node:crypto';
import type { Pieces, Span } from '../store.ts';
import { damaged } from '../stored-json.ts';

/** An object that was written: its key, and what it is checked by. */
export type StoredObject = { key: string; bytes: number; sha256: string };

/**
 * Bytes in a bucket or a folder, for a store that keeps their names itself. Each key belongs to one writer, so nothing is ever
 * overwritten: `<batch id>/<blob name>.<ulid>`, with the ULID in lower case. Damaged bytes throw `store_damaged`, a failing network or
 * disk `store_failed`.
 */
export type Objects = {
  /** Its name in messages and beside each object, without user or key. */
  readonly place: string;
  /** Writes an object durably. If `pieces` fails, its error is thrown and nothing is left. */
  write(key: string, pieces: Pieces): Promise<StoredObject>;
  /** Reads it from `start` to its end. Read from its beginning it is checked against its hash, which can fail after the last piece. */
  read(object: StoredObject, start?: number): Pieces;
  /** Reads these spans, in the order asked for; all must be within the object. */
  readRanges(object: StoredObject, spans: readonly Span[]): Promise<Buffer[]>;
  /** Does nothing if there is none. */
  remove(key: string): Promise<void>;
  /** As `remove`, for what a dead writer may have left unfinished. */
  removeUnfinished(key: string): Promise<void>;
};

/** Passes pieces on; `sum` returns their length and hash once they have ended. */
export function summed(pieces: Pieces): { pieces: Pieces; sum: () => { bytes: number; sha256: string } } {
  const hash = createHash('sha256');
  let bytes = 0;
  async function* counted(): Pieces {
    for await (const piece of pieces) {
      hash.update(piece);
      bytes += piece.length;
      yield piece;
    }
  }
  return { pieces: counted(), sum: () => ({ bytes, sha256: hash.digest('hex') }) };
}

/** Passes on the pieces of a whole object, and checks their length and hash at the end. */
export async function* checked(pieces: Pieces, object: StoredObject, place: string): Pieces {
  const all = summed(pieces);
  yield* all.pieces;
  const { bytes, sha256 } = all.sum();
  if (bytes !== object.bytes) throw damaged(place, `it has ${bytes} bytes instead of ${object.bytes}`);
  if (sha256 !== object.sha256) throw damaged(place, 'it is not what was written');
}
