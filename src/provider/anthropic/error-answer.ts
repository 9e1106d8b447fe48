import type { APIError } from '@anthropic-ai/sdk';
import { isJsonObject } from '../../lib/json.ts';
import type { ErrorAnswer } from './api-advice.ts';

/**
 * Reads what an unsuccessful answer says. Where the API has a text, the SDK passes on whatever is there: gateways have lists and
 * objects in that place, or put their message elsewhere.
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
    retryAfter: error.headers?.get('retry-after') ?? inSeconds(error.headers?.get('retry-after-ms')),
    isForeign: isForeign(body),
  };
}

/** OpenAI's header, which the SDK heeds too. */
const inSeconds = (ms: string | null | undefined): string | null =>
  ms && /^\d+(?:\.\d+)?$/.test(ms) ? String(Number(ms) / 1000) : null;

const textOf = (value: unknown): string | null =>
  typeof value === 'string' && value.trim() !== '' ? value : null;

/** Whether a body is not an error as the API writes it, but OpenAI's `{"error": {…}}`, or a page. */
const isForeign = (body: unknown): boolean => !isJsonObject(body) || body.type !== 'error';

/** The name of the cause in OpenAI's form, `{"error": {"code"}}`. */
function foreignCode(body: unknown): string | null {
  const error = isForeign(body) && isJsonObject(body) ? body.error : null;
  return isJsonObject(error) ? textOf(error.code) : null;
}

/** Where gateways, firewalls and web frameworks put their messages, the likeliest first. */
const PLACES = ['error', 'errors', 'message', 'Message', 'detail', 'msg', 'error_description', 'title'];
const MOST_LEVELS = 4;

/** The message in a body, wherever it is; null for a page, or if there is none. */
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

/** If a body is not JSON, the SDK puts it into its own message, after the status. */
function afterStatus(message: string, status: number): string | null {
  const start = `${status} `;
  const text = message.startsWith(start) ? message.slice(start.length) : '';
  return ['status code (no body)', 'null'].includes(text) ? null : text;
}
