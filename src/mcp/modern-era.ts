import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { RequestId, Result } from '@modelcontextprotocol/sdk/types.js';
import * as z from 'zod';
import { canAsk } from './asking.ts';
import { type Era, MODERN_VERSION } from './era.ts';
import type { Client, Methods } from './methods.ts';
import type { Message } from './odd-messages.ts';
import {
  asError,
  envelope,
  errorCodes,
  followsNoTasks,
  noSuchMethod,
  ProtocolError,
  TASKS,
} from './protocol.ts';
import { showsBoth } from './text-only-clients.ts';

/** Methods of the old era that this one no longer has. */
const REMOVED = new Set(['ping', 'logging/setLevel']);

type Request = Extract<Message, { id: RequestId; method: string }>;

/** What a request says about itself and its sender. Odd capabilities count as undeclared. */
const meta = z.looseObject({
  [envelope.version]: z.unknown().optional(),
  [envelope.clientInfo]: z.unknown().optional(),
  [envelope.clientCapabilities]: z
    .looseObject({
      extensions: z
        .looseObject({ [TASKS]: z.looseObject({}).optional() })
        .optional()
        .catch(undefined),
    })
    .optional()
    .catch({}),
});

type Meta = z.infer<typeof meta>;

function metaOf(params: Request['params']): Partial<Meta> {
  return meta.safeParse(params?._meta).data ?? {};
}

const cancelled = z.looseObject({ requestId: z.union([z.string(), z.int()]) });

/** Methods whose results say how long they may be cached. Ours depend on settings, which the next start may change. */
const KEPT = new Set([
  'server/discover',
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'resources/read',
]);
const NOT_KEPT = { ttlMs: 0, cacheScope: 'private' };

/**
 * The era of 2026-07-28: no session, and each request says what its sender can do. Written here because it takes one page,
 * while the second SDK is twice the size of everything else that a start loads.
 */
export function createModernEra(methods: Methods, wire: Transport): Era {
  const going = new Map<RequestId, AbortController>();

  async function answer(request: Request): Promise<void> {
    const { id, method, params } = request;
    const controller = new AbortController();
    going.set(id, controller);
    const { signal } = controller;
    const given = metaOf(params);
    const declared = given[envelope.clientCapabilities];
    const question = methods.questionOf(params);
    const client: Client = {
      signal,
      ...(canAsk(declared) && { ask: question.ask }),
      takesLinks: true,
      showsBoth: showsBoth(given[envelope.clientInfo]),
      followsTasks: declared?.extensions?.[TASKS] !== undefined,
      progress: (told) => wire.send({ jsonrpc: '2.0', method: 'notifications/progress', params: told }),
    };
    try {
      requireVersion(given[envelope.version]);
      requireEnvelope(request);
      const result =
        method === 'subscriptions/listen'
          ? await subscribed(request, client, wire)
          : await resultOf(methods, method, params, client);
      if (signal.aborted) return;
      const told = question.end() ?? result;
      await wire.send({ jsonrpc: '2.0', id, result: stamped(methods, method, told) });
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ProtocolError)) wire.onerror?.(asError(error));
      await wire.send({ jsonrpc: '2.0', id, error: errorOf(error) });
    } finally {
      if (going.get(id) === controller) going.delete(id);
    }
  }

  return {
    async take(message) {
      if (!('method' in message)) return;
      if ('id' in message) return answer(message);
      const given = cancelled.safeParse(message.params);
      if (message.method === 'notifications/cancelled' && given.success) {
        going.get(given.data.requestId)?.abort();
      }
    },
    async close() {
      for (const controller of going.values()) controller.abort();
    },
  };
}

/** Throws if a request lacks what every request of the new era must say about itself. */
export function requireEnvelope({ params }: Extract<Message, { method: string }>): void {
  const needed = [envelope.version, envelope.clientCapabilities];
  const missing = needed.filter((name) => params?._meta?.[name] === undefined);
  if (missing.length === 0) return;
  throw new ProtocolError(
    errorCodes.invalidParams,
    `A request of ${MODERN_VERSION} names its version and its client's capabilities in params._meta. Missing: ${missing.join(', ')}`,
  );
}

/** Throws if a request is of another revision. */
function requireVersion(version: unknown): void {
  if (version === undefined || version === MODERN_VERSION) return;
  throw new ProtocolError(
    errorCodes.unsupportedVersion,
    `Only ${MODERN_VERSION} is supported here, and the versions that begin with initialize`,
    { supported: [MODERN_VERSION], requested: typeof version === 'string' ? version : 'unknown' },
  );
}

async function resultOf(
  methods: Methods,
  method: string,
  params: Request['params'],
  client: Client,
): Promise<Result> {
  if (REMOVED.has(method)) throw noSuchMethod();
  if (method !== 'server/discover') return methods.answer(method, params, client);
  const { capabilities, instructions } = methods;
  return {
    supportedVersions: [MODERN_VERSION],
    capabilities: { ...capabilities, extensions: { [TASKS]: {} } },
    instructions,
  };
}

const subscription = z.looseObject({
  notifications: z.looseObject({ taskIds: z.unknown().optional() }),
});

/** Nothing that can be subscribed to ever changes here, so no notifications are granted and the subscription ends at once. */
async function subscribed(
  { id, params }: Request,
  { followsTasks }: Pick<Client, 'followsTasks'>,
  wire: Transport,
): Promise<Result> {
  const asked = subscription.safeParse(params);
  if (!asked.success) {
    const problem =
      'params.notifications must say what to subscribe to, for example {"toolsListChanged": true}';
    throw new ProtocolError(errorCodes.invalidParams, problem);
  }
  if (asked.data.notifications.taskIds !== undefined && !followsTasks) throw followsNoTasks();
  const _meta = { [envelope.subscriptionId]: id };
  const told = { notifications: {}, _meta };
  await wire.send({ jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged', params: told });
  return { _meta };
}

function stamped({ info }: Methods, method: string, result: Result): Result {
  const { name, version } = info;
  return {
    resultType: 'complete',
    ...(KEPT.has(method) && NOT_KEPT),
    ...result,
    _meta: {
      ...result._meta,
      [envelope.serverInfo]: method === 'server/discover' ? info : { name, version },
    },
  };
}

function errorOf(error: unknown): { code: number; message: string; data?: Record<string, unknown> } {
  if (!(error instanceof ProtocolError)) return { code: errorCodes.internal, message: 'Internal error' };
  const { message, data } = error;
  const code = error.code === errorCodes.resourceNotFound ? errorCodes.invalidParams : error.code;
  return { code, message, ...(data && { data }) };
}
