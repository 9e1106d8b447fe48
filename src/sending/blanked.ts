import type { Pieces } from '../store/store.ts';

/**
 * The same bytes with blanks in place of each `text`, wherever the pieces were cut: in JSON a key and its value between others
 * that are blanked out are not there, and nothing else moves.
 */
export async function* blanked(pieces: Pieces, text: string): AsyncGenerator<Uint8Array> {
  const wanted = Buffer.from(text);
  let held = Buffer.alloc(0);
  for await (const piece of pieces) {
    const bytes = Buffer.concat([held, piece]);
    blankOut(bytes, wanted);
    // It can begin in this piece and end in the next.
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
