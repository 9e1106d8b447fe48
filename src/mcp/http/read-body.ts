import type { IncomingMessage } from 'node:http';
import type { Refusal } from './refusal.ts';

type Bounds = { bytes: number; ms: number };

/** The whole body of a request, or why it was not read to the end. */
export async function readBody(
  request: IncomingMessage,
  { bytes, ms }: Bounds,
): Promise<{ body: Buffer } | Refusal> {
  const encoded = whyEncoded(request);
  if (encoded !== null) return encoded;
  if (Number(request.headers['content-length'] ?? 0) > bytes) return tooLarge(bytes);
  const pieces: Buffer[] = [];
  let length = 0;
  return new Promise((resolve) => {
    const end = (outcome: { body: Buffer } | Refusal) => {
      clearTimeout(timer);
      request.removeAllListeners('data');
      resolve(outcome);
    };
    const timer = setTimeout(() => end(tooSlow(ms)), ms);
    request.on('data', (piece: Buffer) => {
      length += piece.length;
      if (length > bytes) return end(tooLarge(bytes));
      pieces.push(piece);
    });
    request.once('end', () => end({ body: Buffer.concat(pieces) }));
    request.once('close', () => end(cutOff));
    request.once('error', () => end(cutOff));
  });
}

/** Why a body can't be taken as it is, or null. Nothing here decompresses bodies or joins partial ones. */
export function whyEncoded({ headers }: IncomingMessage): Refusal | null {
  if (!/^(?:identity)?$/i.test(headers['content-encoding'] ?? ''))
    return { status: 415, error: 'unsupported_encoding', message: 'Send the body as it is, not compressed.' };
  if (!/^chunked$/i.test(headers['transfer-encoding'] ?? 'chunked'))
    return { status: 501, error: 'unsupported_encoding', message: 'Send the body as it is, or chunked.' };
  if (headers['content-range'] === undefined) return null;
  return {
    status: 400,
    error: 'partial',
    message: 'Send the whole body at once; partial ones are not kept.',
  };
}

const cutOff: Refusal = { status: 400, error: 'cut_off', message: 'The body ended before it was complete.' };

const tooSlow = (ms: number): Refusal => ({
  status: 408,
  error: 'too_slow',
  message: `The body did not arrive within ${ms / 1000} seconds.`,
});

const tooLarge = (bytes: number): Refusal => ({
  status: 413,
  error: 'too_large',
  message: `The body is larger than ${bytes} bytes; nothing was done.`,
});
