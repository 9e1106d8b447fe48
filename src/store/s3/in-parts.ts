import { gatherBytes } from '../../lib/gathered-bytes.ts';
import type { Pieces } from '../store.ts';

/** `bytes` is only good until the part after the next is asked for: a part can be sent while the next one fills. */
export type UploadPart = { number: number; bytes: Uint8Array; isLast: boolean };

/** What most blobs are smaller than. */
const EXPECTED_BYTES = 64 * 1024;

/** The same bytes in parts of one size, numbered from 1; the last may be smaller, and the only one empty. */
export async function* inParts(pieces: Pieces, partBytes: number): AsyncGenerator<UploadPart> {
  const buffers = [gatherBytes(Math.min(EXPECTED_BYTES, partBytes)), gatherBytes(0)] as const;
  let [filling, other] = buffers;
  let number = 1;
  for await (const piece of pieces) {
    for (let taken = 0; taken < piece.length; ) {
      if (filling.length === partBytes) {
        yield { number, bytes: filling.bytes(), isLast: false };
        number += 1;
        [filling, other] = [other, filling];
        filling.clear();
      }
      taken += filling.add(piece.subarray(taken, taken + partBytes - filling.length));
    }
  }
  yield { number, bytes: filling.bytes(), isLast: true };
}
