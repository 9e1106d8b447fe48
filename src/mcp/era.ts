import type { MessageExtraInfo } from '@modelcontextprotocol/sdk/types.js';
import { isJsonObject } from '../lib/json.ts';
import type { Message } from './odd-messages.ts';
import { envelope } from './protocol.ts';

/** One era of the protocol over a connection. */
export type Era = {
  /** Resolves once the message has been answered, as far as that can be known. */
  take(message: Message, extra?: MessageExtraInfo): Promise<void>;
  close(): Promise<void>;
};

export type EraName = 'legacy' | 'modern';

export const MODERN_VERSION = '2026-07-28';

/**
 * Which era a message belongs to: every request of the new one says so in its `_meta`, and `initialize` begins the old one.
 * Null if the message says neither; it then follows how its connection began.
 */
export function eraOf(message: Message, begun: EraName | null = null): EraName | null {
  if (!('method' in message)) return null;
  const said = message.params?._meta ?? {};
  const version = said[envelope.version];
  if (message.method === 'initialize') {
    const isModern = version === MODERN_VERSION && isJsonObject(said[envelope.clientCapabilities]);
    return isModern ? 'modern' : 'legacy';
  }
  if (version === undefined) return null;
  // A client that began with `initialize` may repeat the agreed version in each request. Versions are dates.
  const isModern = typeof version === 'string' && version >= MODERN_VERSION;
  return begun === 'legacy' && !isModern ? null : 'modern';
}
