import { setImmediate as nextTurn } from 'node:timers/promises';
import type Anthropic from '@anthropic-ai/sdk';
import { BatchError } from '../../errors.ts';
import { fetchByHttp } from '../../lib/http/http-fetch.ts';
import { routeInWords } from '../../lib/http/proxy.ts';
import type { Log } from '../../log.ts';
import type { Operation } from './api-advice.ts';
import { answerError, connectionError, gaveUpError, uncertainError } from './api-errors.ts';
import { findCredential, onlyThisKey, type SdkSettings, secretsOf } from './credentials.ts';
import { readErrorAnswer } from './error-answer.ts';

const RETRY_PAUSE_MS = 300;
/** The SDK's own timer, set where it never goes off: the limits here cover the body of an answer too. */
const SDK_TIMEOUT_MS = 2 ** 31 - 1;

export type CallsOptions = {
  settings: SdkSettings;
  /** Given by hand: then nothing of the environment goes with it. */
  apiKey: string | undefined;
  /** A read that is answered at once has failed after this long. In milliseconds. */
  readMs: number;
  /** Ends all calls. */
  closing: AbortSignal;
  log: Log;
};

/** How the SDK is called: opened at the first call, each call within its time, each failure a `BatchError`. */
export function createCalls(options: CallsOptions) {
  const { settings, readMs, closing, log } = options;
  let opened: { client: Anthropic; sdk: Sdk; secrets: string[] } | undefined;

  const credential = () => findCredential(settings, loadProfile);

  async function open() {
    if (opened) return opened;
    const found = await credential();
    const sdk = await loadSdk();
    opened ??= {
      sdk,
      client: createClient(sdk, options),
      secrets: secretsOf(found, settings),
    };
    return opened;
  }

  /** Every failure of `call` comes out as a `BatchError`. */
  async function attempt<T>(
    operation: Operation,
    signal: AbortSignal,
    call: (client: Anthropic) => Promise<T>,
  ): Promise<T> {
    const { client, sdk, secrets } = await open();
    try {
      return await call(client);
    } catch (error) {
      throw toBatchError(operation, error, { sdk, secrets, signal, route: routeInWords(client.baseURL) });
    }
  }

  function limited<T>(
    operation: Operation,
    milliseconds: number,
    call: (client: Anthropic, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    return withTimeLimit(milliseconds, closing, (signal) =>
      attempt(operation, signal, (client) => call(client, signal)),
    ).catch((error: unknown) => {
      throw error instanceof BatchError ? error : gaveUpError(operation, error);
    });
  }

  /** A read may be repeated: a connection kept from an earlier call is often found closed. */
  function read<T>(
    operation: Operation,
    call: (client: Anthropic, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    return limited(operation, readMs, (client, signal) =>
      attempt(operation, signal, () => call(client, signal)).catch(async (error: unknown) => {
        const again = error instanceof BatchError && error.code === 'api_uncertain' && !signal.aborted;
        if (!again) throw error;
        log('debug', `${operation}: asking again after ${error.api?.status ?? 'a failed connection'}`);
        await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS));
        return call(client, signal);
      }),
    );
  }

  return { credential, attempt, limited, read };
}

type Sdk = typeof import('@anthropic-ai/sdk');

/**
 * The SDK, and what it makes Node load when it is first used (`Headers` brings all of `fetch` with it), each in a turn of its own:
 * together they hold up other calls for some 50 ms.
 */
async function loadSdk(): Promise<Sdk> {
  const sdk = await import('@anthropic-ai/sdk');
  await nextTurn();
  void globalThis.Headers;
  await nextTurn();
  return sdk;
}

export async function loadProfile() {
  const { loadConfig } = await import('@anthropic-ai/sdk/lib/credentials');
  return loadConfig();
}

function createClient(sdk: Sdk, { settings, apiKey, log }: CallsOptions): Anthropic {
  const toLog = (message: string) => log('debug', `Anthropic SDK: ${message}`);
  return new sdk.Anthropic({
    // Null, unlike undefined, keeps the SDK from reading the variable itself.
    apiKey: settings.key ?? null,
    authToken: settings.key === undefined ? (settings.token ?? null) : null,
    baseURL: settings.baseUrl ?? null,
    ...(apiKey === undefined ? {} : { defaultHeaders: onlyThisKey(process.env, apiKey) }),
    // One create can become three paid batches otherwise, and a wait that the API asks for can be hours.
    maxRetries: 0,
    timeout: SDK_TIMEOUT_MS,
    openTelemetry: false,
    // The default logger writes to stdout; at debug the SDK logs what is sent.
    logLevel: 'info',
    logger: { error: toLog, warn: toLog, info: toLog, debug: () => {} },
    fetch: fetchUntil(() => false),
  });
}

/**
 * What sends until `isLate` says that it is. Wrapped, because the SDK drops the cause of whatever reads like a timeout, and
 * a connection that timed out before anything was sent could not be told from an answer that never came.
 */
export function fetchUntil(isLate: () => boolean): typeof fetch {
  return (url, init) =>
    fetchByHttp(url, init, isLate).catch((cause: unknown) => {
      throw new Error('fetch failed', { cause });
    });
}

type Call = { sdk: Sdk; secrets: readonly string[]; signal: AbortSignal; route: string };

function toBatchError(
  operation: Operation,
  error: unknown,
  { sdk, secrets, signal, route }: Call,
): BatchError {
  if (error instanceof BatchError) return error;
  if (error instanceof sdk.APIError && error.status !== undefined) {
    return answerError(operation, readErrorAnswer(error, error.status), secrets, error);
  }
  if (signal.aborted) return gaveUpError(operation, signal.reason);
  if (error instanceof SyntaxError) return uncertainError(operation, "the API's answer is not JSON", error);
  if (error instanceof sdk.AnthropicError && !(error instanceof sdk.APIError)) {
    // Thrown while the request is put together, as when a profile's token can't be renewed.
    return new BatchError(
      'no_credentials',
      'The Anthropic credential cannot be used. Nothing was sent: log in again or set ANTHROPIC_API_KEY, then restart the client.',
      { cause: error },
    );
  }
  return connectionError(operation, error, route);
}

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
async function withTimeLimit<T>(
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
