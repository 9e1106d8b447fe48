import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { SUPPORTED_PROTOCOL_VERSIONS } from '@modelcontextprotocol/sdk/types.js';
import { canAsk } from '../asking.ts';
import { eraOf, MODERN_VERSION } from '../era.ts';
import { requireEnvelope } from '../modern-era.ts';
import type { Message } from '../odd-messages.ts';
import { envelope, errorCodes, ProtocolError } from '../protocol.ts';

/** What `Mcp-Name` repeats, by method (2026-07-28, Streamable HTTP). */
const named = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['tasks/get', 'taskId'],
  ['tasks/update', 'taskId'],
  ['tasks/cancel', 'taskId'],
]);

/**
 * Throws if a request's headers contradict its message, as far as its era has such headers, or if the message lacks what
 * they announce.
 */
export function requireHeaders(headers: IncomingHttpHeaders, message: Message): void {
  if (!('method' in message)) return;
  const version = headers['mcp-protocol-version'];
  if (eraOf(message) !== 'modern') {
    const isKnown = version === undefined || SUPPORTED_PROTOCOL_VERSIONS.includes(String(version));
    if (isKnown || message.method === 'initialize') return;
    if (version === MODERN_VERSION) requireEnvelope(message);
    const problem = `MCP-Protocol-Version is not one that this server speaks (${SUPPORTED_PROTOCOL_VERSIONS.join(', ')}; ${MODERN_VERSION} with its _meta in each request)`;
    throw new ProtocolError(errorCodes.invalidRequest, problem);
  }
  if (!('id' in message)) return;
  const claimed = message.params?._meta?.[envelope.version];
  // The answer will name the supported version, whatever headers that other version has.
  if (claimed !== MODERN_VERSION && (version === undefined || version === claimed)) return;
  const field = named.get(message.method);
  const name = field === undefined ? undefined : message.params?.[field];
  const expected: [string, unknown][] = [
    ['mcp-protocol-version', claimed],
    ['mcp-method', message.method],
    ...(typeof name === 'string' ? [['mcp-name', name] satisfies [string, string]] : []),
  ];
  for (const [header, value] of expected) {
    const given = headers[header];
    if (given !== undefined && decoded(String(given)) === String(value)) continue;
    const problem = given === undefined ? 'is missing' : 'contradicts the message';
    throw new ProtocolError(errorCodes.headerMismatch, `The header ${header} ${problem}`);
  }
  if (version === MODERN_VERSION) requireEnvelope(message);
}

/** Text that a header can't hold is sent in base64. */
function decoded(value: string): string {
  const encoded = /^=\?base64\?(?<text>[A-Za-z0-9+/]*=*)\?=$/.exec(value)?.groups?.text;
  return encoded === undefined ? value : Buffer.from(encoded, 'base64').toString('utf8');
}

const BAD_REQUEST = new Set<unknown>([
  errorCodes.unsupportedVersion,
  errorCodes.missingCapability,
  errorCodes.invalidRequest,
]);

/** The HTTP status of a single answer; errors of the protocol itself show in it too. */
export function statusOfAnswer(answer: object, isModern: boolean): number {
  if (!isModern || !('error' in answer)) return 200;
  const { error } = answer;
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  if (code === errorCodes.methodNotFound) return 404;
  return BAD_REQUEST.has(code) ? 400 : 200;
}

/** The header that a client of the old era repeats with each request after `initialize` was answered with it. */
export const SESSION = 'mcp-session-id';

const PREFIX = 'asks-forms-';

/** Whether an `initialize` says that its client can show a person a form. */
export function saysItCanAsk(message: Message): boolean {
  return 'method' in message && message.method === 'initialize' && canAsk(message.params?.capabilities);
}

/**
 * A session id that nobody stores: it only tells every server that this client can ask. It grants no access, since each
 * request carries its own token.
 */
export const sessionOfAsked = (): string => `${PREFIX}${randomUUID()}`;

/** Whether a request comes from a client that said it can ask. */
export function isAsked({ headers }: IncomingMessage): boolean {
  return String(headers[SESSION] ?? '').startsWith(PREFIX);
}
