import { createHash } from 'node:crypto';
import type { Pieces, Span } from '../store.ts';
import { damaged } from '../stored-json.ts';

/** What was written: under which key, and what it is checked by. */
export type StoredObject = { key: string; bytes: number; sha256: string };

/**
 * Bytes in a bucket or a folder, for a store that keeps names elsewhere. A key is given to one writer alone, so nothing is ever
 * written over: `<batch id>/<blob name>.<ulid>`, all letters of the last part small. What can't be read throws `store_damaged`, a network or
 * a disk that fails `store_failed`.
 */
export type Objects = {
  /** Names it in messages and beside each object: no user, no key. */
  readonly place: string;
  /** Writes all of it, through to where it lasts. Nothing is left where `pieces` fails, whose error is thrown. */
  write(key: string, pieces: Pieces): Promise<StoredObject>;
  /** All of it from `start` on. Read from its start it is held against its hash, which can fail after its last piece. */
  read(object: StoredObject, start?: number): Pieces;
  /** These pieces of it, in the order asked for; all of them within it. */
  readRanges(object: StoredObject, spans: readonly Span[]): Promise<Buffer[]>;
  /** Does nothing where there is none. */
  remove(key: string): Promise<void>;
  /** As `remove`, for what a dead writer may have left half. */
  removeUnfinished(key: string): Promise<void>;
};

/** The pieces as they come; `sum` gives what was counted of them once they have ended. */
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

/** The pieces of a whole object, held against its length and its hash. */
export async function* checked(pieces: Pieces, object: StoredObject, place: string): Pieces {
  const all = summed(pieces);
  yield* all.pieces;
  const { bytes, sha256 } = all.sum();
  if (bytes !== object.bytes) throw damaged(place, `it has ${bytes} bytes instead of ${object.bytes}`);
  if (sha256 !== object.sha256) throw damaged(place, 'it is not what was written');
}
