import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  type ClientCapabilities,
  ClientCapabilitiesSchema,
  ElicitResultSchema,
  ImplementationSchema,
  isJSONRPCErrorResponse,
  isJSONRPCNotification,
  isJSONRPCRequest,
  isJSONRPCResultResponse,
  type JSONRPCMessage,
  LATEST_PROTOCOL_VERSION,
} from '@modelcontextprotocol/sdk/types.js';
import { isJsonObject } from '../lib/json.ts';
import { answerOf, type Carry, canAsk, formOf } from './asking.ts';
import type { Era } from './era.ts';
import type { Client, Methods } from './methods.ts';
import type { Message } from './odd-messages.ts';
import { noSuchMethod } from './protocol.ts';
import { showsBoth } from './text-only-clients.ts';

type Fields = Record<string, unknown>;

/**
 * The era of `initialize`, up to 2025-11-25, using the SDK. `asksApart`: each request has its own connection, and its
 * client has said earlier that it can ask.
 */
export async function createLegacyEra(
  { info, capabilities, instructions, answer, askApart }: Methods,
  wire: Transport,
  { asksApart }: { asksApart: boolean },
): Promise<Era> {
  // The low-level server, because the high-level one would validate arguments before our own boundary does, and its
  // errors can't name what is wrong.
  const server = new Server(info, { capabilities, instructions });
  server.fallbackRequestHandler = async ({ method, params }, { signal, sendNotification, sendRequest }) => {
    // This era has a different kind of task, which no client follows.
    if (method.startsWith('tasks/')) throw noSuchMethod();
    let isAnswered = false;
    const carry: Carry = async (request) => {
      if (isAnswered) return false;
      await wire.send(request);
      return true;
    };
    const client: Client = {
      signal,
      takesLinks: false,
      followsTasks: false,
      showsBoth: showsBoth(server.getClientVersion()),
      ...(asksApart && { ask: askApart(carry, signal) }),
      ...(canAsk(server.getClientCapabilities()) && {
        async ask(question, timeout) {
          const request = { method: 'elicitation/create' as const, params: formOf(question) };
          try {
            return answerOf(await sendRequest(request, ElicitResultSchema, { signal, timeout }));
          } catch {
            // Timed out, canceled, disconnected, or unable to do what it declared: in any case nobody approved.
            return 'unanswered';
          }
        },
      }),
      progress: (params) => sendNotification({ method: 'notifications/progress', params }),
    };
    try {
      return await answer(method, params, client);
    } finally {
      isAnswered = true;
    }
  };
  // A transport of its own, because the wire is shared with the other era.
  const channel: Transport = {
    start: async () => {},
    send: (message, options) => wire.send(message, options),
    close: async () => channel.onclose?.(),
    setProtocolVersion: (version) => wire.setProtocolVersion?.(version),
    ...(wire.sessionId !== undefined && { sessionId: wire.sessionId }),
  };
  await server.connect(channel);
  server.onerror = (error) => wire.onerror?.(error);
  return {
    async take(message, extra) {
      const meant = acceptable(message);
      if (meant !== null) channel.onmessage?.(meant, extra);
    },
    close: () => server.close(),
  };
}

/**
 * A message in the form that the SDK accepts. The SDK drops anything else, and the client would wait for ever. Null for one
 * that can't be put into that form, which can only be a reply.
 */
function acceptable(message: Message): JSONRPCMessage | null {
  if (!('method' in message)) {
    return isJSONRPCResultResponse(message) || isJSONRPCErrorResponse(message) ? message : null;
  }
  // Running a call as a task (2025-11-25) is not offered. The wish is ignored, where the SDK would refuse the whole call.
  const { method, params: { task: _task, ...params } = {} } = message;
  const meant = { ...message, params: method === 'initialize' ? helloOf(params) : params };
  // The rest of `_meta` is the client's business, and must not keep the request from being answered.
  const { _meta, ...rest } = params;
  const bare = { ...meant, params: rest };
  return [meant, bare].find((each) => isJSONRPCRequest(each) || isJSONRPCNotification(each)) ?? null;
}

function helloOf(params: Fields): Fields {
  const { protocolVersion, capabilities, clientInfo } = params;
  const info = ImplementationSchema.safeParse(clientInfo);
  return {
    ...params,
    protocolVersion: typeof protocolVersion === 'string' ? protocolVersion : LATEST_PROTOCOL_VERSION,
    capabilities: capabilitiesOf(capabilities),
    clientInfo: info.success ? info.data : { name: 'unknown', version: 'unknown' },
  };
}

/** The capabilities that are declared in a valid form; odd ones count as undeclared. */
function capabilitiesOf(given: unknown): ClientCapabilities {
  const all = ClientCapabilitiesSchema.safeParse(given);
  if (all.success) return all.data;
  const entries = isJsonObject(given) ? Object.entries(given) : [];
  return Object.assign(
    {},
    ...entries.map(([name, value]) => ClientCapabilitiesSchema.safeParse({ [name]: value }).data),
  );
}
