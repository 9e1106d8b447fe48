import type { MessageExtraInfo } from '@modelcontextprotocol/sdk/types.js';
import { isJsonObject } from '../lib/json.ts';
import type { Message } from './odd-messages.ts';
import { envelope } from './protocol.ts';

/** One era of the protocol over a connection. */
export type Era = {
  /** Resolves when what the message asks for is answered, as far as that can be told. */
  take(message: Message, extra?: MessageExtraInfo): Promise<void>;
  close(): Promise<void>;
};

export type EraName = 'legacy' | 'modern';

export const MODERN_VERSION = '2026-07-28';

/**
 * Which era a message is of: what each request of the new one carries says so, and `initialize` begins the old one. Null
 * for what says neither: it goes by how its connection began.
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
  // Whoever began with `initialize` may repeat in each request which version was agreed on there. They are dates.
  const isModern = typeof version === 'string' && version >= MODERN_VERSION;
  return begun === 'legacy' && !isModern ? null : 'modern';
}
