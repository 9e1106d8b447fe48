import { setTimeout as sleep } from 'node:timers/promises';
import { BatchError } from '../errors.ts';
import { startClock } from '../lib/time.ts';
import type { Provider } from './provider.ts';

/** Decides when requests may be sent, for all who share an account. */
type Pace = {
  /** In how many milliseconds the next request may be sent; none may be where that is more than `longestMs`. */
  next(account: string, longestMs: number): Promise<number>;
  /** The API asks everybody to wait. */
  hold(account: string, ms: number): Promise<void>;
};

/** The longest that a read is kept waiting: a call has 25 seconds in all. */
const LONGEST_READ_MS = 15_000;
const LONGEST_CREATE_MS = 30_000;
/** Longer pauses that the API asks for are not imposed on everybody. */
const LONGEST_HOLD_MS = 15 * 60_000;
/** Otherwise all who were waiting would come at once. */
const SPREAD = 0.1;

/**
 * A provider whose requests about batches wait for their turn, and which makes everybody wait where the API asks one
 * to. A request that would wait too long fails as `api_busy`, with the time; a create made nothing then. Counting
 * tokens and listing models have limits of their own.
 */
export function pacedProvider(provider: Provider, pace: Pace): Provider {
  let known: Promise<string> | undefined;
  const account = () => {
    known ??= provider.fingerprint('turns at the API');
    known.catch(() => {
      known = undefined;
    });
    return known;
  };

  async function turn(longestMs: number): Promise<void> {
    const ms = await pace.next(await account(), longestMs);
    if (ms > longestMs) throw tooFarAway(ms);
    if (ms > 0) await sleep(ms * (1 + Math.random() * SPREAD));
  }

  async function heeding<T>(call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      await heed(error);
      throw error;
    }
  }

  async function heed(error: unknown): Promise<void> {
    const seconds = error instanceof BatchError ? error.api?.retry_after_seconds : undefined;
    if (seconds === undefined) return;
    // If the others can't be informed, the API will inform them.
    await pace.hold(await account(), Math.min(seconds * 1000, LONGEST_HOLD_MS)).catch(() => {});
  }

  async function read<T>(call: () => Promise<T>): Promise<T> {
    await turn(LONGEST_READ_MS);
    return heeding(call());
  }

  return {
    ...provider,
    retrieveBatch: (id) => read(() => provider.retrieveBatch(id)),
    listBatches: (page) => read(() => provider.listBatches(page)),
    cancelBatch: (id) => read(() => provider.cancelBatch(id)),

    async createBatch(body, timeoutMs, isStopped) {
      const elapsed = startClock();
      try {
        await turn(Math.min(timeoutMs, LONGEST_CREATE_MS));
      } catch (error) {
        throw notSent(error);
      }
      return heeding(provider.createBatch(body, timeoutMs - elapsed(), isStopped));
    },

    async *streamResults(id, signal) {
      await turn(LONGEST_READ_MS);
      try {
        yield* provider.streamResults(id, signal);
      } catch (error) {
        await heed(error);
        throw error;
      }
    },
  };
}

function tooFarAway(ms: number): BatchError {
  const seconds = Math.ceil(ms / 1000);
  return new BatchError(
    'api_busy',
    `The requests to the API that this team may make are used up for now. Nothing was asked of it: try again in ${seconds} seconds.`,
    { api: { retry_after_seconds: seconds } },
  );
}

/** A failure before a create is sent leaves nothing uncertain. */
function notSent(error: unknown): unknown {
  if (!(error instanceof BatchError) || error.code !== 'store_failed') return error;
  return new BatchError(
    'api_busy',
    `Nothing was sent, for no turn at the API could be had. ${error.message}`,
    {
      cause: error,
    },
  );
}
