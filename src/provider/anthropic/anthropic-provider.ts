import { createHash } from 'node:crypto';
import { downloadBody, fetchByHttp, fetchDownload } from '../../lib/http/http-fetch.ts';
import { startClock } from '../../lib/time.ts';
import type { Log } from '../../log.ts';
import type { Provider, ProviderName } from '../provider.ts';
import { unlessElsewhere } from './api-errors.ts';
import { createCalls, fetchAnswer, fetchUntil, loadProfile } from './calls.ts';
import { credentialSources, findCredential, identity, readSdkSettings, withoutUser } from './credentials.ts';
import { streamResponse } from './results-stream.ts';
import { readMadeBatch, readModels, readPage, readThisBatch, readTokenCount, routeId } from './wire.ts';

export type AnthropicOptions = {
  name?: ProviderName;
  /** With a key given, the environment's key, token, profile and custom headers are left alone. */
  apiKey?: string;
  baseUrl?: string;
  /** Sent with every batch and every count, as `anthropic-beta`. */
  betas?: readonly string[];
  log: Log;
  /** A download of results fails after this long without a byte. In milliseconds, default 60,000. */
  stallMs?: number;
  /** A call that is normally answered at once fails after this long. In milliseconds, default 15,000. */
  callMs?: number;
};

const BATCHES = '/v1/messages/batches';
const COUNT_TOKENS = '/v1/messages/count_tokens';
const MODELS = '/v1/models';
/** More than exist, so that one page holds all. */
const MODELS_PER_PAGE = 1000;
/** The params of a request that counting takes (SDK 1.12.0, `MessageCountTokensParams`). */
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
/** Short, as a tool's call takes at most 25 seconds. */
const CALL_MS = 15_000;

/**
 * The provider that talks to Anthropic's API, or to whatever speaks like it at `baseUrl`. Without `apiKey` and `baseUrl`
 * it finds both as the SDK does: key, token, profile, base URL.
 */
export function createAnthropicProvider(options: AnthropicOptions): Provider {
  const { log, betas = [], stallMs = 60_000, callMs = CALL_MS } = options;
  const settings = readSdkSettings(process.env, options);
  const closing = new AbortController();
  const calls = createCalls({
    settings,
    apiKey: options.apiKey,
    readMs: callMs,
    closing: closing.signal,
    log,
  });
  const betaHeader = betas.length > 0 ? { 'anthropic-beta': betas.join(',') } : {};

  async function account() {
    const found = await calls.credential();
    const profile = found.kind === 'profile' ? found.profile : undefined;
    const baseUrl = settings.baseUrl ?? profile?.base_url ?? 'https://api.anthropic.com';
    return {
      base_url: withoutUser(baseUrl).replace(/\/+$/, ''),
      workspace: settings.workspace ?? profile?.workspace_id ?? null,
    };
  }

  return {
    name: options.name ?? 'anthropic',

    account,

    async requireCredentials() {
      await calls.credential();
      // The caller is about to need the SDK, so it is loaded meanwhile. A failure comes again at the first call.
      void Promise.allSettled([import('@anthropic-ai/sdk')]);
    },

    async fingerprint(salt) {
      return createHash('sha256')
        .update(salt + identity(await calls.credential()))
        .digest('hex');
    },

    createBatch: creation(calls, betaHeader),
    ...batchCalls(calls, callMs, async () => (await account()).base_url),
    ...modelCalls(calls, betaHeader),
    streamResults: resultsStream(calls, closing.signal, stallMs),

    async close() {
      closing.abort(new Error('the provider was closed'));
    },
  };
}

type Calls = ReturnType<typeof createCalls>;

/** Creates batches, from bodies that are sent piece by piece. */
function creation({ limited }: Calls, betaHeader: Record<string, string>): Provider['createBatch'] {
  return async ({ bytes, open }, timeoutMs, isStopped = () => false) => {
    const content = open()[Symbol.asyncIterator]();
    const body = { [Symbol.asyncIterator]: () => content };
    const headers = { ...betaHeader, 'content-type': 'application/json', 'content-length': String(bytes) };
    const elapsed = startClock();
    const fetch = fetchUntil(() => elapsed() >= timeoutMs || isStopped());
    try {
      return await limited('create', timeoutMs, async (client, signal) =>
        readMadeBatch(await client.withOptions({ fetch }).post<unknown>(BATCHES, { body, headers, signal })),
      );
    } finally {
      // Not every connection that breaks off closes what it was sending.
      await content.return?.();
    }
  };
}

/** The calls about batches that exist. */
function batchCalls(
  { limited, read }: Calls,
  callMs: number,
  baseUrl: () => Promise<string>,
): Pick<Provider, 'retrieveBatch' | 'listBatches' | 'cancelBatch'> {
  return {
    async retrieveBatch(id) {
      const route = `${BATCHES}/${routeId(id)}`;
      return read('retrieve', async (client, signal) =>
        readThisBatch('retrieve', id, await client.get<unknown>(route, { signal })),
      );
    },

    async listBatches({ limit, after_id }) {
      const query = { limit, ...(after_id === undefined ? {} : { after_id: routeId(after_id) }) };
      return read('list', async (client, signal) => {
        const { data, response } = await client.get<unknown>(BATCHES, { query, signal }).withResponse();
        return { ...readPage('list', data), at: dateOf(response) };
      }).catch(async (error: unknown) => {
        throw unlessElsewhere(error, await baseUrl());
      });
    },

    async cancelBatch(id) {
      const route = `${BATCHES}/${routeId(id)}/cancel`;
      return limited('cancel', callMs, async (client, signal) =>
        readThisBatch('cancel', id, await client.post<unknown>(route, { signal })),
      );
    },
  };
}

/** The calls about models and tokens. */
function modelCalls(
  { limited, read }: Calls,
  betaHeader: Record<string, string>,
): Pick<Provider, 'countTokens' | 'listModels'> {
  return {
    async countTokens(params, timeoutMs) {
      const body = Object.fromEntries(
        COUNTED_KEYS.flatMap((key) => (key in params ? [[key, params[key]]] : [])),
      );
      const options = { body, headers: betaHeader };
      return read(
        'count',
        async (client, signal) => {
          const asking = client.withOptions({ fetch: fetchAnswer });
          return readTokenCount('count', await asking.post<unknown>(COUNT_TOKENS, { ...options, signal }));
        },
        timeoutMs,
      );
    },

    listModels: (timeoutMs) =>
      limited('models', timeoutMs, async (client, signal) => {
        // Retired models are listed only on request.
        const query = { limit: MODELS_PER_PAGE, lifecycle: ['active', 'deprecated', 'retired'] };
        return readModels('models', await client.get<unknown>(MODELS, { query, signal }));
      }),
  };
}

/** Downloads results, until the caller gives up or the provider is closed. */
function resultsStream({ attempt }: Calls, closing: AbortSignal, stallMs: number): Provider['streamResults'] {
  return (id, caller) => {
    const route = `${BATCHES}/${routeId(id)}/results`;
    const parents = [closing, ...(caller ? [caller] : [])];
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
  };
}

/** Where the credential for calls comes from. Throws `no_credentials` if none can be used. */
export async function readCredentialSource(
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const { kind } = await findCredential(readSdkSettings(env), loadProfile);
  return credentialSources[kind];
}

/**
 * How many seconds this computer's clock is ahead of the API's, by the `date` header of any answer; null without one. Sends
 * no credentials.
 */
export async function readClockSkew(baseUrl: string, timeoutMs: number): Promise<number | null> {
  const answer = await fetchByHttp(`${baseUrl}/v1/models`, { signal: AbortSignal.timeout(timeoutMs) }).catch(
    () => null,
  );
  await answer?.body?.cancel();
  const date = answer && dateOf(answer);
  return date === null ? null : Math.round((Date.now() - Date.parse(date)) / 1000);
}

/** When an answer was given, by its `date` header. */
function dateOf({ headers }: Response): string | null {
  const date = new Date(headers.get('date') ?? '');
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
