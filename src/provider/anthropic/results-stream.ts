import type { Readable } from 'node:stream';
import { BatchError } from '../../errors.ts';
import { connectionError, gaveUpError } from './api-errors.ts';
import { TimeLimitError } from './calls.ts';

export type ResultsStreamOptions = {
  /** Abort the download when one of them does. */
  parents: readonly AbortSignal[];
  /** How long no byte may come. */
  stallMs: number;
};

/** Aborts when nothing came for `ms`; a timer for each of some thousand pieces would cost more than it is worth. */
function watchForStall(ms: number) {
  const stall = new AbortController();
  let waitingSince: number | null = performance.now();
  let timer = setTimeout(check, ms);

  function check(): void {
    const left = waitingSince === null ? ms : waitingSince + ms - performance.now();
    if (left > 0) timer = setTimeout(check, left);
    else stall.abort(new TimeLimitError(ms));
  }

  return {
    signal: stall.signal,
    /** Whether a piece is waited for. */
    wait(waits: boolean) {
      waitingSince = waits ? performance.now() : null;
    },
    end() {
      clearTimeout(timer);
      stall.abort();
    },
  };
}

/**
 * The bytes of a download that `open` starts, given up when none comes for a while. A slow reader is no stall.
 * Fails with a `BatchError`; can also just end early, as the connection can.
 */
export async function* streamResponse(
  open: (signal: AbortSignal) => Promise<Readable>,
  { parents, stallMs }: ResultsStreamOptions,
): AsyncGenerator<Uint8Array> {
  const stall = watchForStall(stallMs);
  const signal = AbortSignal.any([stall.signal, ...parents]);
  try {
    const body = await open(signal);
    const stop = () => void body.destroy(new Error('the download was given up'));
    signal.addEventListener('abort', stop, { once: true });
    // It may have come between the headers and here, and is not told twice.
    if (signal.aborted) stop();
    for await (const piece of body) {
      stall.wait(false);
      yield piece;
      signal.throwIfAborted();
      stall.wait(true);
    }
    signal.throwIfAborted();
  } catch (error) {
    if (error instanceof BatchError) throw error;
    throw signal.aborted ? gaveUpError('results', signal.reason) : connectionError('results', error);
  } finally {
    stall.end();
  }
}
