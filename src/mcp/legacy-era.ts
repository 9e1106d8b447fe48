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
import { showsBoth } from './both-forms.ts';
import type { Era } from './era.ts';
import type { Client, Methods } from './methods.ts';
import type { Message } from './odd-messages.ts';
import { noSuchMethod } from './protocol.ts';

type Fields = Record<string, unknown>;

/**
 * The era of `initialize`, up to 2025-11-25, by the first SDK. `asksApart`: each request is a connection of its own, and its
 * client said before that it can ask.
 */
export async function createLegacyEra(
  { info, capabilities, instructions, answer, askApart }: Methods,
  wire: Transport,
  { asksApart }: { asksApart: boolean },
): Promise<Era> {
  // The plain server: arguments are parsed and results shaped at our one boundary, and the high-level one's own
  // validation would come first and can't name what is wrong.
  const server = new Server(info, { capabilities, instructions });
  server.fallbackRequestHandler = async ({ method, params }, { signal, sendNotification, sendRequest }) => {
    // What this era's clients know of tasks is another thing, and none of them follows it.
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
            // Time is up, the call was canceled, the client has gone or can't do what it declared: it all means that nobody approved.
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
  // It has a transport of its own, for it shares the wire with the other era.
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
 * A message as the SDK takes it: it drops what is not quite what it expects, and the client would wait for ever. Null
 * for what can't be made so, which is a reply to nothing.
 */
function acceptable(message: Message): JSONRPCMessage | null {
  if (!('method' in message)) {
    return isJSONRPCResultResponse(message) || isJSONRPCErrorResponse(message) ? message : null;
  }
  // To make a task of a call (2025-11-25) is not offered, and what is not offered is passed over: the SDK would refuse the call.
  const { method, params: { task: _task, ...params } = {} } = message;
  const meant = { ...message, params: method === 'initialize' ? helloOf(params) : params };
  // What else is in `_meta` is the client's business: it must not keep the rest from being answered.
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

/** Those that are declared as the protocol has them. */
function capabilitiesOf(given: unknown): ClientCapabilities {
  const all = ClientCapabilitiesSchema.safeParse(given);
  if (all.success) return all.data;
  const entries = isJsonObject(given) ? Object.entries(given) : [];
  return Object.assign(
    {},
    ...entries.map(([name, value]) => ClientCapabilitiesSchema.safeParse({ [name]: value }).data),
  );
}
