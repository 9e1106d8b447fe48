import type { Readable, Writable } from 'node:stream';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { stringifyExact } from '../lib/exact-json.ts';

/** Larger than any call's work may be, so that too much of it is refused in words and not by a closed connection. */
const LONGEST_MESSAGE_BYTES = 64 * 1024 * 1024;

const NEWLINE = 10;

/**
 * Messages as lines of JSON over two streams, of whatever shape. In place of the SDK's, which drops what is not quite a
 * message: a client whose request is odd would wait for an answer for ever.
 */
export class StdioTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #stdin: Readable;
  readonly #stdout: Writable;
  /** The line that has begun, in pieces. */
  #begun: Buffer[] = [];
  #begunBytes = 0;

  constructor(stdin: Readable, stdout: Writable) {
    this.#stdin = stdin;
    this.#stdout = stdout;
  }

  async start(): Promise<void> {
    this.#stdin.on('data', this.#take);
    this.#stdin.on('error', this.#fail);
  }

  async close(): Promise<void> {
    this.#stdin.off('data', this.#take);
    this.#stdin.off('error', this.#fail);
    this.#stdin.pause();
    this.#begun = [];
    this.onclose?.();
  }

  send(message: JSONRPCMessage): Promise<void> {
    return new Promise((resolve) => {
      if (this.#stdout.write(`${stringifyExact(message)}\n`)) resolve();
      else this.#stdout.once('drain', resolve);
    });
  }

  readonly #fail = (error: Error): void => this.onerror?.(error);

  readonly #take = (chunk: Buffer): void => {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      const line = Buffer.concat([...this.#begun, chunk.subarray(start, end)]).toString('utf8');
      this.#begun = [];
      this.#begunBytes = 0;
      start = end + 1;
      this.#read(line);
    }
    this.#begun.push(chunk.subarray(start));
    this.#begunBytes += chunk.length - start;
    if (this.#begunBytes <= LONGEST_MESSAGE_BYTES) return;
    this.#fail(new Error('A message is too long'));
    void this.close();
  };

  #read(line: string): void {
    // Some clients begin with a byte order mark.
    const text = line.replace(/^\uFEFF/, '').trim();
    if (text === '') return;
    try {
      this.onmessage?.(JSON.parse(text));
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }
}
