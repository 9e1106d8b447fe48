import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { canAsk } from '../asking.ts';
import type { Message } from '../odd-messages.ts';

/** What a client of the old era repeats with each request, once `initialize` was answered with it. */
export const SESSION = 'mcp-session-id';

const PREFIX = 'asks-forms-';

/** Whether a client that begins says that it can show a person a form. */
export function saysItCanAsk(message: Message): boolean {
  return 'method' in message && message.method === 'initialize' && canAsk(message.params?.capabilities);
}

/**
 * A session that nobody keeps: all of it is that its client can ask, which any server can tell by it. It lets nobody in, for
 * each request has its token.
 */
export const sessionOfAsked = (): string => `${PREFIX}${randomUUID()}`;

/** Whether a request is of a client that said it can ask. */
export function isAsked({ headers }: IncomingMessage): boolean {
  return String(headers[SESSION] ?? '').startsWith(PREFIX);
}
