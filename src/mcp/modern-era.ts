import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { RequestId, Result } from '@modelcontextprotocol/sdk/types.js';
import * as z from 'zod';
import { canAsk } from './asking.ts';
import { showsBoth } from './both-forms.ts';
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

/** What the old era had and this one has no more. */
const REMOVED = new Set(['ping', 'logging/setLevel']);

type Request = Extract<Message, { id: RequestId; method: string }>;

/** What a request tells of itself and of whoever sends it. What is odd in the capabilities is not declared. */
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

/** Whose results say for how long they may be kept. Ours depend on settings, which the next start may change. */
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
 * The era of 2026-07-28: no session, each request says what its sender can do. Ours, for it takes one page, and the
 * second SDK is twice the size of all else that a start loads.
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

/** Throws where a request does not say what every one of the new era says of itself. */
export function requireEnvelope({ params }: Extract<Message, { method: string }>): void {
  const needed = [envelope.version, envelope.clientCapabilities];
  const missing = needed.filter((name) => params?._meta?.[name] === undefined);
  if (missing.length === 0) return;
  throw new ProtocolError(
    errorCodes.invalidParams,
    `A request of ${MODERN_VERSION} says in params._meta which version it is of and what its client can do. Missing: ${missing.join(', ')}`,
  );
}

/** Throws where a request is of another revision. */
function requireVersion(version: unknown): void {
  if (version === undefined || version === MODERN_VERSION) return;
  throw new ProtocolError(
    errorCodes.unsupportedVersion,
    `Only ${MODERN_VERSION} is spoken here, and the versions that begin with initialize`,
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

/** None of what can be subscribed to ever changes here: nothing of it is granted, and the subscription ends as it began. */
async function subscribed(
  { id, params }: Request,
  { followsTasks }: Pick<Client, 'followsTasks'>,
  wire: Transport,
): Promise<Result> {
  const asked = subscription.safeParse(params);
  if (!asked.success) {
    const problem = 'params.notifications says what is subscribed to, as {"toolsListChanged": true}';
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
