import type { JSONRPCErrorResponse } from '@modelcontextprotocol/sdk/types.js';
import * as z from 'zod';
import { isJsonObject, withoutNulls } from '../lib/json.ts';
import { errorCodes } from './protocol.ts';

type Fields = Record<string, unknown>;

const id = z.union([z.string(), z.int()]);
const fields = z.looseObject({
  _meta: z.looseObject({ progressToken: id.optional() }).optional(),
});
const jsonrpc = z.literal('2.0');
const message = z.union([
  z.strictObject({ jsonrpc, id, method: z.string(), params: fields.optional() }),
  z.strictObject({ jsonrpc, method: z.string(), params: fields.optional() }),
  z.object({ jsonrpc, id, result: z.looseObject({}) }),
  z.object({
    jsonrpc,
    id: id.optional(),
    error: z.looseObject({ code: z.int(), message: z.string() }),
  }),
]);

/** A valid JSON-RPC message. */
export type Message = z.infer<typeof message>;

/** What a client meant by a message, or the error to answer it with. */
export type Meaning = { message: Message } | { answer: JSONRPCErrorResponse };

/**
 * Takes what clients are known to send as it was meant: `params: null` or `[]` for none, null fields, a null progress
 * token, several messages in an array (as in 2025-03-26). A client whose message were dropped would wait for ever. Anything
 * that is not a message at all is ignored.
 */
export function meaningsOf(given: unknown, levels = MOST_ARRAYS): Meaning[] {
  if (Array.isArray(given)) return levels === 0 ? [] : given.flatMap((each) => meaningsOf(each, levels - 1));
  if (!isJsonObject(given)) return [];
  const read = message.safeParse(typeof given.method === 'string' ? mended(given, given.method) : given);
  if (read.success) return [{ message: read.data }];
  const isReply = 'result' in given || 'error' in given;
  if (isReply || !('id' in given)) return [];
  const { id: asked } = given;
  const isTellable = typeof asked === 'string' || typeof asked === 'number';
  const error = { code: errorCodes.invalidRequest, message: INVALID };
  return [{ answer: { jsonrpc: '2.0', ...(isTellable && { id: asked }), error } }];
}

/** Nobody sends arrays in arrays, but without a limit they would overflow the call stack. */
const MOST_ARRAYS = 8;

const INVALID = 'A request needs a method (a string) and an id (a string or an integer).';

/** Parses an object that was sent as a string, as some clients send params and arguments; returns anything else as it is. */
export function objectInText(given: unknown): unknown {
  if (typeof given !== 'string' || !given.trimStart().startsWith('{')) return given;
  try {
    return JSON.parse(given);
  } catch {
    return given;
  }
}

function mended({ id: asked, params }: Fields, method: string): Fields {
  const given = objectInText(params);
  // A notification has no id, even if one is written as null.
  const isNotified = method.startsWith('notifications/') && asked === null;
  const { _meta, ...rest } = isJsonObject(given) ? withoutNulls(given) : {};
  const meta = metaOf(_meta);
  const meant = meta === undefined ? rest : { ...rest, _meta: meta };
  return {
    jsonrpc: '2.0',
    ...(asked !== undefined && !isNotified && { id: asked }),
    method,
    ...(Object.keys(meant).length > 0 && { params: meant }),
  };
}

function metaOf(given: unknown): Fields | undefined {
  if (!isJsonObject(given)) return undefined;
  const { progressToken: token, ...rest } = withoutNulls(given);
  return id.safeParse(token).success ? { ...rest, progressToken: token } : rest;
}
