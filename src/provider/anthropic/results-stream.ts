import type { Readable } from 'node:stream';
import { BatchError } from '../../errors.ts';
import { connectionError, gaveUpError } from './api-errors.ts';
import { TimeLimitError } from './calls.ts';

type ResultsStreamOptions = {
  /** The download is aborted when one of these is. */
  parents: readonly AbortSignal[];
  /** How long no byte may come; and a fifth of how long hardly any may. */
  stallMs: number;
};

/** The slowest connection carries many times this; what comes slower is not on its way to an end. */
const LEAST_BYTES_PER_SECOND = 1024;
/** Measured over so many times the patience with silence: what comes at first may be nothing but a gateway's blank lines. */
const SLOW_TIMES = 5;

class TooSlowError extends Error {
  override readonly name = 'TooSlowError';
  constructor(bytes: number, milliseconds: number) {
    super(`only ${bytes} bytes came within ${Math.round(milliseconds / 1000)} seconds`);
  }
}

/**
 * Aborts when nothing came for `ms`, or next to nothing for longer; a timer for each of some thousand pieces would
 * cost more than it is worth.
 */
function watchForStall(ms: number) {
  const stall = new AbortController();
  let waitingSince: number | null = performance.now();
  let timer = setTimeout(check, ms);

  function check(): void {
    const left = waitingSince === null ? ms : waitingSince + ms - performance.now();
    if (left > 0) timer = setTimeout(check, left);
    else stall.abort(new TimeLimitError(ms));
  }

  const slowMs = ms * SLOW_TIMES;
  const least = (slowMs / 1000) * LEAST_BYTES_PER_SECOND;
  let waitedMs = 0;
  let bytes = 0;

  return {
    signal: stall.signal,
    /** A piece is waited for. */
    wait() {
      waitingSince = performance.now();
    },
    /** A piece came that was waited for. */
    came(length: number) {
      waitedMs += performance.now() - (waitingSince ?? performance.now());
      waitingSince = null;
      bytes += length;
      if (waitedMs < slowMs) return;
      if (bytes < least) stall.abort(new TooSlowError(bytes, waitedMs));
      [waitedMs, bytes] = [0, 0];
    },
    end() {
      clearTimeout(timer);
      stall.abort();
    },
  };
}

/**
 * The bytes of a download that `open` starts, given up when none comes for a while, or hardly any. A slow reader is no stall.
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
    // It may have been aborted between the headers and here, and an abort is not reported twice.
    if (signal.aborted) stop();
    for await (const piece of body) {
      stall.came(piece.length);
      signal.throwIfAborted();
      yield piece;
      signal.throwIfAborted();
      stall.wait();
    }
    signal.throwIfAborted();
  } catch (error) {
    if (error instanceof BatchError) throw error;
    throw signal.aborted ? gaveUpError('results', signal.reason) : connectionError('results', error);
  } finally {
    stall.end();
  }
}
