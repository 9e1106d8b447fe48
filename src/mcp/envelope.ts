import type { Message } from './odd-messages.ts';
import { envelope, errorCodes, ProtocolError } from './protocol.ts';

export const MODERN_VERSION = '2026-07-28';

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
export function requireVersion(version: unknown): void {
  if (version === undefined || version === MODERN_VERSION) return;
  throw new ProtocolError(
    errorCodes.unsupportedVersion,
    `Only ${MODERN_VERSION} is spoken here, or initialize`,
    { supported: [MODERN_VERSION], requested: typeof version === 'string' ? version : 'unknown' },
  );
}
