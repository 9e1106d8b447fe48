import { createHash } from 'node:crypto';
import type Anthropic from '@anthropic-ai/sdk';
import { BatchError } from '../../errors.ts';
import { startClock } from '../../lib/elapsed.ts';
import { downloadBody, fetchByHttp, fetchDownload } from '../../lib/http-fetch.ts';
import { routeInWords } from '../../lib/proxy.ts';
import type { Log } from '../../log.ts';
import type { Provider, ProviderName } from '../provider.ts';
import { answerError, connectionError, gaveUpError, type Operation, uncertainError } from './api-errors.ts';
import {
  findCredential,
  identity,
  onlyThisKey,
  readSdkSettings,
  type SdkSettings,
  secretsOf,
  withoutUser,
} from './credentials.ts';
import { streamResponse } from './results-stream.ts';
import { withTimeLimit } from './time-limit.ts';
import { readBatch, readModels, readPage, readTokenCount, routeId } from './wire.ts';

export type AnthropicOptions = {
  name?: ProviderName;
  /** With a key given, the environment's key, token, profile and custom headers are left alone. */
  apiKey?: string;
  baseUrl?: string;
  /** Sent with every batch and every count, as `anthropic-beta`. */
  betas?: readonly string[];
  log: Log;
  /** A results download that brings no byte for this long has failed. In milliseconds, default 60,000. */
  stallMs?: number;
  /** A call that is answered at once has failed after this long. In milliseconds, default 15,000. */
  callMs?: number;
};

const BATCHES = '/v1/messages/batches';
const COUNT_TOKENS = '/v1/messages/count_tokens';
const MODELS = '/v1/models';
/** More than there are, so that one page holds all. */
const MODELS_PER_PAGE = 1000;
/** What counting takes of a request's params (SDK 1.12.0, `MessageCountTokensParams`). */
const COUNTED_KEYS = [
  'model',
  'messages',
  'system',
  'tools',
  'tool_choice',
  'thinking',
  'output_config',
  'cache_control',
];
/** A tool's call takes 25 seconds at most. */
const CALL_MS = 15_000;
const RETRY_PAUSE_MS = 300;
/** The SDK's own timer, set where it never goes off: the limits here cover the body of an answer too. */
const SDK_TIMEOUT_MS = 2 ** 31 - 1;

/**
 * The provider that talks to Anthropic's API, or to whatever speaks like it at `baseUrl`. Without `apiKey`
 * and `baseUrl` it finds both as the SDK does: key, token, profile, base URL.
 */
export function createAnthropicProvider(options: AnthropicOptions): Provider {
  const { log, betas = [], stallMs = 60_000, callMs = CALL_MS } = options;
  const settings = readSdkSettings(process.env, options);
  const closing = new AbortController();
  let opened: { client: Anthropic; sdk: Sdk; secrets: string[] } | undefined;

  const betaHeader = betas.length > 0 ? { 'anthropic-beta': betas.join(',') } : {};

  const credential = () => findCredential(settings, loadProfile);

  async function open() {
    if (opened) return opened;
    const found = await credential();
    const sdk = await import('@anthropic-ai/sdk');
    opened ??= {
      sdk,
      client: createClient(sdk, options, settings, log),
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
    return withTimeLimit(milliseconds, closing.signal, (signal) =>
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
    return limited(operation, callMs, (client, signal) =>
      attempt(operation, signal, () => call(client, signal)).catch(async (error: unknown) => {
        const again = error instanceof BatchError && error.code === 'api_uncertain' && !signal.aborted;
        if (!again) throw error;
        log('debug', `${operation}: asking again after ${error.api?.status ?? 'a failed connection'}`);
        await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS));
        return call(client, signal);
      }),
    );
  }

  function streamResults(id: string, caller?: AbortSignal): AsyncIterable<Uint8Array> {
    const route = `${BATCHES}/${routeId(id)}/results`;
    const parents = [closing.signal, ...(caller ? [caller] : [])];
    const get = (signal: AbortSignal) =>
      attempt('results', signal, async (client) =>
        downloadBody(
          await client
            .withOptions({ fetch: fetchDownload })
            .get(route, { signal, headers: { accept: 'application/binary' } })
            .asResponse(),
        ),
      );
    return streamResponse(get, { parents, stallMs });
  }

  return {
    name: options.name ?? 'anthropic',

    async account() {
      const found = await credential();
      const profile = found.kind === 'profile' ? found.profile : undefined;
      const baseUrl = settings.baseUrl ?? profile?.base_url ?? 'https://api.anthropic.com';
      return {
        base_url: withoutUser(baseUrl).replace(/\/+$/, ''),
        workspace: settings.workspace ?? profile?.workspace_id ?? null,
      };
    },

    async requireCredentials() {
      await credential();
      // Who asks for them is about to need the SDK: it is loaded meanwhile. A failure comes again at the first call.
      void Promise.allSettled([import('@anthropic-ai/sdk')]);
    },

    async fingerprint(salt) {
      return createHash('sha256')
        .update(salt + identity(await credential()))
        .digest('hex');
    },

    async createBatch({ bytes, open }, timeoutMs) {
      const content = open()[Symbol.asyncIterator]();
      const body = { [Symbol.asyncIterator]: () => content };
      const headers = { ...betaHeader, 'content-type': 'application/json', 'content-length': String(bytes) };
      const elapsed = startClock();
      const fetch = fetchUntil(() => elapsed() >= timeoutMs);
      try {
        return await limited('create', timeoutMs, async (client, signal) =>
          readBatch(
            'create',
            await client.withOptions({ fetch }).post<unknown>(BATCHES, { body, headers, signal }),
          ),
        );
      } finally {
        // Not every connection that breaks off closes what it was sending.
        await content.return?.();
      }
    },

    async retrieveBatch(id) {
      const route = `${BATCHES}/${routeId(id)}`;
      return read('retrieve', async (client, signal) =>
        readBatch('retrieve', await client.get<unknown>(route, { signal })),
      );
    },

    async listBatches({ limit, after_id }) {
      const query = { limit, ...(after_id === undefined ? {} : { after_id: routeId(after_id) }) };
      return read('list', async (client, signal) =>
        readPage('list', await client.get<unknown>(BATCHES, { query, signal })),
      );
    },

    async cancelBatch(id) {
      const route = `${BATCHES}/${routeId(id)}/cancel`;
      return limited('cancel', callMs, async (client, signal) =>
        readBatch('cancel', await client.post<unknown>(route, { signal })),
      );
    },

    countTokens: (params, timeoutMs) =>
      limited('count', timeoutMs, async (client, signal) => {
        const body = Object.fromEntries(
          COUNTED_KEYS.flatMap((key) => (key in params ? [[key, params[key]]] : [])),
        );
        return readTokenCount(
          'count',
          await client.post<unknown>(COUNT_TOKENS, { body, headers: betaHeader, signal }),
        );
      }),

    listModels: (timeoutMs) =>
      limited('models', timeoutMs, async (client, signal) => {
        // Retired ones are told only when they are asked for.
        const query = { limit: MODELS_PER_PAGE, lifecycle: ['active', 'deprecated', 'retired'] };
        return readModels('models', await client.get<unknown>(MODELS, { query, signal }));
      }),

    streamResults,

    async close() {
      closing.abort(new Error('the provider was closed'));
    },
  };
}

type Sdk = typeof import('@anthropic-ai/sdk');

async function loadProfile() {
  const { loadConfig } = await import('@anthropic-ai/sdk/lib/credentials');
  return loadConfig();
}

function createClient(sdk: Sdk, options: AnthropicOptions, settings: SdkSettings, log: Log): Anthropic {
  const toLog = (message: string) => log('debug', `Anthropic SDK: ${message}`);
  return new sdk.Anthropic({
    // Null, unlike undefined, keeps the SDK from reading the variable itself.
    apiKey: settings.key ?? null,
    authToken: settings.key === undefined ? (settings.token ?? null) : null,
    baseURL: settings.baseUrl ?? null,
    ...(options.apiKey === undefined ? {} : { defaultHeaders: onlyThisKey(process.env, options.apiKey) }),
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
function fetchUntil(isLate: () => boolean): typeof fetch {
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
    const answer = {
      status: error.status,
      type: error.type,
      message: error.apiMessage,
      errorCode: error.errorCode,
      requestId: error.requestID,
      retryAfter: error.headers?.get('retry-after'),
    };
    return answerError(operation, answer, secrets, error);
  }
  if (signal.aborted) return gaveUpError(operation, signal.reason);
  if (error instanceof SyntaxError) return uncertainError(operation, "the API's answer is not JSON", error);
  if (error instanceof sdk.AnthropicError && !(error instanceof sdk.APIError)) {
    // Thrown while the request is put together, as when a profile's token can't be renewed.
    return new BatchError(
      'no_credentials',
      'The Anthropic credential can not be used. Nothing was sent: log in again or set ANTHROPIC_API_KEY, then restart the client.',
      { cause: error },
    );
  }
  return connectionError(operation, error, route);
}
