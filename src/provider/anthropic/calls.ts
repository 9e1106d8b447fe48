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
/** Keeps the SDK's own timer from ever going off: the limits here also cover the body of an answer. */
const SDK_TIMEOUT_MS = 2 ** 31 - 1;

type CallsOptions = {
  settings: SdkSettings;
  /** An explicit key, with which nothing from the environment is sent. */
  apiKey: string | undefined;
  /** A read that is normally answered at once fails after this long. In milliseconds. */
  readMs: number;
  /** Ends all calls. */
  closing: AbortSignal;
  log: Log;
};

/** Calls the SDK, which is loaded at the first call. Each call has a time limit, and each failure is a `BatchError`. */
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

  /** Turns every failure of `call` into a `BatchError`. */
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
    milliseconds = readMs,
  ): Promise<T> {
    return limited(operation, milliseconds, (client, signal) =>
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
 * Loads the SDK, and what it makes Node load on first use (`Headers` brings all of `fetch`), in separate turns: together they
 * hold up other calls for some 50 ms.
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
    // Otherwise one create can become three paid batches, and the API can ask for a wait of hours.
    maxRetries: 0,
    timeout: SDK_TIMEOUT_MS,
    openTelemetry: false,
    // The default logger writes to stdout, and at level debug the SDK logs what is sent.
    logLevel: 'info',
    logger: { error: toLog, warn: toLog, info: toLog, debug: () => {} },
    fetch: fetchUntil(() => false),
  });
}

/**
 * A `fetch` that sends until `isLate` returns true. Errors are wrapped, because the SDK drops the cause of anything that reads
 * like a timeout: a connection that timed out before anything was sent would look like an answer that never came.
 */
export function fetchUntil(isLate: () => boolean): typeof fetch {
  return (url, init) => fetchByHttp(url, init, { isLate }).catch(failedFetch);
}

/** A `fetch` for what only asks, by whatever method. */
export const fetchAnswer: typeof fetch = (url, init) =>
  fetchByHttp(url, init, { isRead: true }).catch(failedFetch);

function failedFetch(cause: unknown): never {
  throw new Error('fetch failed', { cause });
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

/** The reason of an abort by a time limit. */
export class TimeLimitError extends Error {
  override readonly name = 'TimeLimitError';
  constructor(milliseconds: number) {
    super(`no answer within ${milliseconds / 1000} seconds`);
  }
}

/**
 * Runs `call` with a signal, and gives up on it after `milliseconds` or when `parent` aborts, whether or not it heeds
 * the signal; the error is then the signal's reason. The limit covers the whole call: the SDK's own timeout ends at the
 * headers of the answer, so a stalled body would hold it for ever.
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
