import { setTimeout as sleep } from 'node:timers/promises';
import { BatchError } from '../errors.ts';
import { startClock } from '../lib/time.ts';
import type { Provider } from './provider.ts';

/** When requests may go, over all who share an account. */
export type Pace = {
  /** In how many milliseconds the next request may go; none is to go where that is more than `longestMs`. */
  next(account: string, longestMs: number): Promise<number>;
  /** The API asks all to wait so long. */
  hold(account: string, ms: number): Promise<void>;
};

/** Longer than this no read is kept waiting: a call has 25 seconds in all. */
const LONGEST_READ_MS = 15_000;
const LONGEST_CREATE_MS = 30_000;
/** What an API asks for beyond this is not made everybody's. */
const LONGEST_HOLD_MS = 15 * 60_000;
/** All who were kept waiting would come at once. */
const SPREAD = 0.1;

/**
 * A provider whose requests about batches wait for their turn, and that has all others wait where the API asks one to. What would wait
 * too long fails as `api_busy`, with the time; a create made nothing then. Counting tokens and models have limits of their own.
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
    // Where that can't be told the others, they are told by the API.
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

/** What stands in the way of a create before it goes is no uncertainty of its own. */
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
