import type { Pieces } from '../../../src/store/store.ts';

export async function* piecesOf(...pieces: (string | Uint8Array)[]): Pieces {
  for (const piece of pieces) yield typeof piece === 'string' ? Buffer.from(piece) : piece;
}

export async function contentOf(pieces: Pieces): Promise<string> {
  const found: Uint8Array[] = [];
  for await (const piece of pieces) found.push(piece);
  return Buffer.concat(found).toString('utf8');
}
