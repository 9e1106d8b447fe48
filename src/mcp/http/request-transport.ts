import type { ServerResponse } from 'node:http';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { stringifyExact } from '../../lib/exact-json.ts';

/** How a request's answers go out. */
export type AnswerForm = {
  /** How many answers there will be. */
  expected: number;
  /** The request was an array of messages, so the answer is one too, unless it is a stream. */
  isArray: boolean;
  /** What the client accepts: a document, a stream of events. */
  takes: { json: boolean; events: boolean };
  /** The status of a single answer. */
  statusOf: (answer: JSONRPCMessage) => number;
  /** A stream sends a sign of life after so many silent milliseconds. */
  silenceMs: number;
};

/**
 * Answers one HTTP request: with a single document if nothing is sent before the answer, otherwise with a stream of events.
 * Nothing outlasts the request.
 */
export class RequestTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #response: ServerResponse;
  readonly #form: AnswerForm;
  #answers: JSONRPCMessage[] = [];
  #left: number;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(response: ServerResponse, form: AnswerForm) {
    this.#response = response;
    this.#form = form;
    this.#left = form.expected;
    if (!form.takes.json) this.#startStream();
  }

  async start(): Promise<void> {}

  async close(): Promise<void> {
    clearInterval(this.#heartbeat);
    this.onclose?.();
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (this.#left === 0 || this.#response.destroyed) return;
    const isAnswer = 'result' in message || 'error' in message;
    if (isAnswer) this.#left -= 1;
    if (this.#isStream()) await this.#write(eventOf(message));
    else if (isAnswer) this.#answers.push(message);
    else if (this.#form.takes.events) {
      this.#startStream();
      await this.#write(eventOf(message));
    }
    if (this.#left === 0) this.#finish();
  }

  #isStream(): boolean {
    return this.#heartbeat !== undefined;
  }

  #startStream(): void {
    this.#response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    this.#heartbeat = setInterval(() => void this.#write(': still here\n\n'), this.#form.silenceMs).unref();
    for (const answer of this.#answers.splice(0)) void this.#write(eventOf(answer));
  }

  #finish(): void {
    clearInterval(this.#heartbeat);
    if (this.#isStream()) {
      this.#response.end();
      return;
    }
    const [only, ...more] = this.#answers;
    const isAlone = only !== undefined && more.length === 0 && !this.#form.isArray;
    const text = stringifyExact(isAlone ? only : this.#answers);
    this.#response.writeHead(isAlone ? this.#form.statusOf(only) : 200, {
      'content-type': 'application/json',
      'cache-control': 'no-store',
    });
    this.#response.end(text);
  }

  /** Waits for a slow reader, as long as it stays connected. */
  #write(text: string): Promise<void> {
    const response = this.#response;
    return new Promise((resolve) => {
      if (response.destroyed || response.write(text)) return resolve();
      response.once('drain', resolve);
      response.once('close', resolve);
    });
  }
}

const eventOf = (message: JSONRPCMessage) => `event: message\ndata: ${stringifyExact(message)}\n\n`;
