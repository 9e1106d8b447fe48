import type { ClientRequest } from 'node:http';

/** The end of a body is held back until everything before it has left: without it no server would act on the request. */
const TAIL_BYTES = 64;

/** It is too late to send another piece of a body. */
class TooLate extends Error {
  constructor() {
    super('the time to send it was up');
  }
}

/**
 * Sends a body piece by piece, each after the one before has left this process: a process that was stopped would send
 * whatever it still held when it continues. Throws `TooLate` if `isLate` returns true before a piece; the end goes last,
 * on its own.
 */
export async function sendBody(
  request: ClientRequest,
  pieces: AsyncIterable<Uint8Array>,
  isLate: () => boolean,
): Promise<void> {
  const closed = new Promise<never>((_resolve, reject) => {
    request.once('close', () => reject(new Error('the connection was closed')));
  });
  closed.catch(() => {});
  const pass = (piece: Uint8Array, isLast = false) => {
    if (isLate()) throw new TooLate();
    const out = new Promise<void>((resolve, reject) => {
      const done = (error?: Error | null) => (error ? reject(error) : resolve());
      if (isLast) request.end(piece, () => resolve());
      else request.write(piece, done);
    });
    return Promise.race([out, closed]);
  };
  let held: Uint8Array | undefined;
  for await (const piece of pieces) {
    if (piece.length === 0) continue;
    if (held) await pass(held);
    held = piece;
  }
  if (held && held.length > TAIL_BYTES) await pass(held.subarray(0, -TAIL_BYTES));
  await pass(held?.subarray(-TAIL_BYTES) ?? new Uint8Array(), true);
}
