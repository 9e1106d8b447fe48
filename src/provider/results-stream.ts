import { BatchError } from '../errors.ts';
import type { Log } from '../log.ts';
import { connectionError, gaveUpError } from './api-errors.ts';
import { TimeLimitError } from './time-limit.ts';

export type ResultsStreamOptions = {
  /** Abort the download when one of them does. */
  parents: readonly AbortSignal[];
  /** How long no byte may come. */
  stallMs: number;
  log: Log;
};

/**
 * The bytes of a download that `open` starts, given up when none comes for a while. A slow reader is no stall.
 * Fails with a `BatchError`; can also just end early, as the connection can.
 */
export async function* streamResponse(
  open: (signal: AbortSignal) => Promise<Response>,
  { parents, stallMs, log }: ResultsStreamOptions,
): AsyncGenerator<Uint8Array> {
  const stall = new AbortController();
  const watch = () => setTimeout(() => stall.abort(new TimeLimitError(stallMs)), stallMs);
  const signal = AbortSignal.any([stall.signal, ...parents]);
  let timer = watch();
  try {
    const reader = (await open(signal)).body?.getReader();
    // Node's fetch holds its end of the signal weakly once the headers are in: after the next garbage collection
    // an abort reaches the body no more, and a stalled one would be waited for without end. That the body had
    // failed before is told by its reader.
    const stop = () =>
      void reader
        ?.cancel()
        .catch((error: unknown) => log('debug', `A download's body had ended: ${String(error)}`));
    signal.addEventListener('abort', stop, { once: true });
    // It may have come between the headers and here, and is not told twice.
    if (signal.aborted) stop();
    for (;;) {
      const piece = await reader?.read();
      signal.throwIfAborted();
      if (piece === undefined || piece.done) return;
      clearTimeout(timer);
      yield piece.value;
      signal.throwIfAborted();
      timer = watch();
    }
  } catch (error) {
    if (error instanceof BatchError) throw error;
    throw signal.aborted ? gaveUpError('results', signal.reason) : connectionError('results', error);
  } finally {
    clearTimeout(timer);
    stall.abort();
  }
}
