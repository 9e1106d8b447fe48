import {
  type ClientCapabilities,
  ClientCapabilitiesSchema,
  ErrorCode,
  ImplementationSchema,
  isJSONRPCErrorResponse,
  isJSONRPCNotification,
  isJSONRPCRequest,
  isJSONRPCResultResponse,
  type JSONRPCErrorResponse,
  type JSONRPCMessage,
  LATEST_PROTOCOL_VERSION,
} from '@modelcontextprotocol/sdk/types.js';

type Fields = Record<string, unknown>;

/** What a client sent, as the protocol has it; or the error to answer it with. */
export type Meaning = { message: JSONRPCMessage } | { answer: JSONRPCErrorResponse };

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function withoutNulls(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}

/**
 * What clients are known to send, taken as it is meant: `params: null` or `[]` for none, null fields, a progress token
 * of null, an `initialize` that lacks a part, several messages in an array (as in 2025-03-26). The SDK drops them without
 * an answer, and the client waits for ever. What is no message at all means nothing.
 */
export function meaningsOf(given: unknown): Meaning[] {
  if (Array.isArray(given)) return given.flatMap(meaningsOf);
  if (!isObject(given)) return [];
  const message = typeof given.method === 'string' ? mended(given, given.method) : given;
  if (
    isJSONRPCRequest(message) ||
    isJSONRPCNotification(message) ||
    isJSONRPCResultResponse(message) ||
    isJSONRPCErrorResponse(message)
  ) {
    return [{ message }];
  }
  const isReply = 'result' in given || 'error' in given;
  if (isReply || !('id' in given)) return [];
  const { id } = given;
  const isTellable = typeof id === 'string' || typeof id === 'number';
  const error = { code: ErrorCode.InvalidRequest, message: INVALID };
  return [{ answer: { jsonrpc: '2.0', ...(isTellable && { id }), error } }];
}

const INVALID = 'A request has a method, which is a text, and an id, which is a text or a whole number.';

function mended({ id, params: given }: Fields, method: string): Fields {
  const head = { jsonrpc: '2.0', ...(id !== undefined && { id }), method };
  // A notification has no id, whatever is written there.
  if (method.startsWith('notifications/') && id === null) return mended({ params: given }, method);
  const params = paramsOf(method, given);
  const { _meta, ...rest } = params;
  const meta = metaOf(_meta);
  const all = meta === undefined ? rest : { ...rest, _meta: meta };
  const message = { ...head, ...(Object.keys(all).length > 0 && { params: all }) };
  // What else is in it is the client's business: it must not keep the rest from being answered.
  return isJSONRPCRequest(message) || isJSONRPCNotification(message) ? message : { ...head, params: rest };
}

function metaOf(given: unknown): Fields | undefined {
  if (!isObject(given)) return undefined;
  const { progressToken: token, ...rest } = withoutNulls(given);
  const isToken = typeof token === 'string' || Number.isInteger(token);
  return isToken ? { ...rest, progressToken: token } : rest;
}

function paramsOf(method: string, given: unknown): Fields {
  const params = isObject(given) ? withoutNulls(given) : {};
  if (method !== 'initialize') return params;
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
  const entries = isObject(given) ? Object.entries(given) : [];
  return Object.assign(
    {},
    ...entries.map(([name, value]) => ClientCapabilitiesSchema.safeParse({ [name]: value }).data),
  );
}
