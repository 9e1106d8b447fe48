import type { Transport, TransportSendOptions } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage, MessageExtraInfo } from '@modelcontextprotocol/sdk/types.js';
import { withPlainNumbers } from '../lib/exact-json.ts';
import { meaningsOf } from './odd-messages.ts';

type Receive = (message: JSONRPCMessage, extra?: MessageExtraInfo) => void;

/** Another transport, whose odd messages are taken as they are meant, or answered with an error. */
export class LenientTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: Receive;
  readonly #inner: Transport;

  constructor(inner: Transport) {
    this.#inner = inner;
  }

  get sessionId(): string | undefined {
    return this.#inner.sessionId;
  }

  setProtocolVersion(version: string): void {
    this.#inner.setProtocolVersion?.(version);
  }

  start(): Promise<void> {
    this.#inner.onclose = () => this.onclose?.();
    this.#inner.onerror = (error) => this.onerror?.(error);
    this.#inner.onmessage = (message, extra) => {
      for (const meaning of meaningsOf(message)) {
        if ('message' in meaning) this.onmessage?.(meaning.message, extra);
        else this.#inner.send(meaning.answer).catch((error: Error) => this.onerror?.(error));
      }
    };
    return this.#inner.start();
  }

  send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    // How it writes numbers is its own matter: it gets what it can write.
    return this.#inner.send(withPlainNumbers(message), options);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
