import type { MessageExtraInfo } from '@modelcontextprotocol/sdk/types.js';
import type { Message } from './odd-messages.ts';
import { envelope } from './protocol.ts';

/** One era of the protocol over a connection. */
export type Era = {
  /** Resolves when what the message asks for is answered, as far as that can be told. */
  take(message: Message, extra?: MessageExtraInfo): Promise<void>;
  close(): Promise<void>;
};

export type EraName = 'legacy' | 'modern';

/**
 * Which era a message is of: what each request of the new one carries says so, and `initialize` begins the old one. Null
 * for what says neither: it goes by the messages before it.
 */
export function eraOf(message: Message): EraName | null {
  if (!('method' in message)) return null;
  if (message.params?._meta?.[envelope.version] !== undefined) return 'modern';
  return message.method === 'initialize' ? 'legacy' : null;
}
