/** The reason of an abort that a time limit caused. */
export class TimeLimitError extends Error {
  override readonly name = 'TimeLimitError';
  constructor(milliseconds: number) {
    super(`no answer within ${milliseconds / 1000} seconds`);
  }
}

/**
 * Runs `call` with a signal, and gives up on it after `milliseconds` or when `parent` aborts, whether or not
 * it heeds the signal; the error is then the signal's reason. What is limited is the whole call: the SDK's own
 * timeout ends at the headers of the answer, so a body that stalls would hold it for ever.
 */
export async function withTimeLimit<T>(
  milliseconds: number,
  parent: AbortSignal,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new TimeLimitError(milliseconds)), milliseconds);
  const signal = AbortSignal.any([parent, limit.signal]);
  const givenUp = new Promise<never>((_resolve, reject) => {
    const giveUp = () => reject(signal.reason);
    if (signal.aborted) giveUp();
    else signal.addEventListener('abort', giveUp, { once: true });
  });
  try {
    return await Promise.race([givenUp, call(signal)]);
  } finally {
    clearTimeout(timer);
  }
}
