import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ApiRequest } from './api-server.ts';

/** What the stand-in for the API can answer with: handlers, errors and the lines of results. */
export type PlainHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** A handler that answers with a status and a JSON body. */
export function json(status: number, body: unknown, headers: Record<string, string> = {}): PlainHandler {
  return (_request, response) => {
    const all = { 'content-type': 'application/json', 'request-id': 'req_test', ...headers };
    response.writeHead(status, all).end(JSON.stringify(body));
  };
}

/** An error as the API writes it. */
export function apiError(type: string, message: string, details?: object): object {
  return { type: 'error', error: { type, message, ...(details && { details }) }, request_id: 'req_test' };
}

/** Never answers. */
export const hang: PlainHandler = () => {};
/** Resets the connection. */
export const reset: PlainHandler = (request) => request.socket.resetAndDestroy();

/** The line of a request that succeeded. */
export function succeeded(request: ApiRequest, text: string, message: object = {}): object {
  return {
    custom_id: request.custom_id,
    result: {
      type: 'succeeded',
      message: {
        id: `msg_${request.custom_id}`,
        type: 'message',
        role: 'assistant',
        model: request.params.model,
        content: [{ type: 'text', text }],
        stop_reason: 'end_turn',
        stop_sequence: null,
        usage: {
          input_tokens: 10,
          cache_creation_input_tokens: 0,
          cache_read_input_tokens: 0,
          output_tokens: 5,
          service_tier: 'batch',
        },
        ...message,
      },
    },
  };
}

/** The line of a request that errored, doubly nested as the API does it. */
export function errored(request: ApiRequest, type: string, message: string): object {
  const error = { type: 'error', error: { type, message }, request_id: null };
  return { custom_id: request.custom_id, result: { type: 'errored', error } };
}

/** The line of a request that was canceled or has expired. */
export function unfinished(request: ApiRequest, type: 'canceled' | 'expired'): object {
  return { custom_id: request.custom_id, result: { type } };
}
