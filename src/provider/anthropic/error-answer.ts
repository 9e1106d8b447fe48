import type { APIError } from '@anthropic-ai/sdk';
import { isJsonObject } from '../../lib/json.ts';
import type { ErrorAnswer } from './api-advice.ts';

/**
 * What an answer that is no success says. The SDK gives what stands where the API has a text, whatever it is: gateways have lists and
 * objects there, or say it in another place.
 */
export function readErrorAnswer(error: APIError, status: number): ErrorAnswer {
  const body: unknown = error.error;
  const message = textOf(error.apiMessage);
  return {
    status,
    type: textOf(error.type),
    message,
    words: message === null ? wordsOf(body ?? afterStatus(error.message, status)) : null,
    errorCode: error.errorCode ?? foreignCode(body),
    requestId: error.requestID,
    retryAfter: error.headers?.get('retry-after'),
    isForeign: isForeign(body),
  };
}

const textOf = (value: unknown): string | null =>
  typeof value === 'string' && value.trim() !== '' ? value : null;

/** Whether a body is no error as the API writes it, but as OpenAI's, `{"error": {…}}`, or a page. */
const isForeign = (body: unknown): boolean => !isJsonObject(body) || body.type !== 'error';

/** The name of the cause in OpenAI's form, `{"error": {"code"}}`. */
function foreignCode(body: unknown): string | null {
  const error = isForeign(body) && isJsonObject(body) ? body.error : null;
  return isJsonObject(error) ? textOf(error.code) : null;
}

/** Where gateways, firewalls and web frameworks say what is wrong, the likeliest first. */
const PLACES = ['error', 'errors', 'message', 'Message', 'detail', 'msg', 'error_description', 'title'];
const MOST_LEVELS = 4;

/** What a body says in words, wherever it does; null for a page, and for what has no words. */
function wordsOf(body: unknown, levels = MOST_LEVELS): string | null {
  if (typeof body === 'string') return body.includes('<') ? null : textOf(body);
  if (levels === 0) return null;
  if (Array.isArray(body)) return wordsOf(body[0], levels - 1);
  if (!isJsonObject(body)) return null;
  for (const place of PLACES) {
    const words = wordsOf(body[place], levels - 1);
    if (words !== null) return words;
  }
  return null;
}

/** A body that is no JSON stands in the SDK's own message, behind the status. */
function afterStatus(message: string, status: number): string | null {
  const start = `${status} `;
  const text = message.startsWith(start) ? message.slice(start.length) : '';
  return ['status code (no body)', 'null'].includes(text) ? null : text;
}
