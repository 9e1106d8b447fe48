import type { Readable, Writable } from 'node:stream';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { stringifyExact } from '../lib/exact-json.ts';
import { errorCodes } from './protocol.ts';

/** Larger than any call's work may be, so that too much of it is mostly refused by the call itself. */
const LONGEST_MESSAGE_BYTES = 64 * 1024 * 1024;
/** So much is kept of both ends of a longer one: its id stands there. */
const END_BYTES = 4096;

const NEWLINE = 10;

/**
 * Messages as lines of JSON over two streams, of whatever shape. In place of the SDK's, which drops what is not quite a
 * message: a client whose request is odd would wait for an answer for ever. One that is too long is answered unread.
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
  /** The ends of a line that is too long, whose middle is not kept. */
  #overlong: { start: string; end: Buffer } | null = null;

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
    return this.#write(message);
  }

  #write(message: object): Promise<void> {
    return new Promise((resolve) => {
      if (this.#stdout.write(`${stringifyExact(message)}\n`)) resolve();
      else this.#stdout.once('drain', resolve);
    });
  }

  readonly #fail = (error: Error): void => this.onerror?.(error);

  readonly #take = (chunk: Buffer): void => {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      this.#gather(chunk.subarray(start, end));
      this.#endLine();
      start = end + 1;
    }
    this.#gather(chunk.subarray(start));
  };

  #gather(piece: Buffer): void {
    if (this.#overlong !== null) {
      this.#overlong.end = lastOf(Buffer.concat([this.#overlong.end, lastOf(piece)]));
      return;
    }
    this.#begun.push(piece);
    this.#begunBytes += piece.length;
    if (this.#begunBytes <= LONGEST_MESSAGE_BYTES) return;
    const whole = Buffer.concat(this.#begun);
    // A copy of the end: a view would keep all of it.
    this.#overlong = { start: whole.toString('utf8', 0, END_BYTES), end: Buffer.from(lastOf(whole)) };
    this.#begun = [];
  }

  #endLine(): void {
    const overlong = this.#overlong;
    const line = Buffer.concat(this.#begun).toString('utf8');
    this.#begun = [];
    this.#begunBytes = 0;
    this.#overlong = null;
    if (overlong === null) this.#read(line);
    else void this.#write(tooLong(idAt(overlong.start, overlong.end.toString('utf8'))));
  }

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

const lastOf = (bytes: Buffer) => bytes.subarray(Math.max(0, bytes.length - END_BYTES));

const OTHERS = String.raw`"(?:jsonrpc|method)"\s*:\s*"[^"\\]*"`;
const ID = String.raw`"id"\s*:\s*(-?\d+|"(?:[^"\\]|\\.)*")`;
const AT_START = new RegExp(String.raw`^\uFEFF?\s*\{\s*(?:${OTHERS}\s*,\s*)*${ID}`);
const AT_END = new RegExp(String.raw`${ID}\s*(?:,\s*${OTHERS}\s*)*\}\s*$`);

/** The id of a message by its ends, where clients write it: what is long stands in its params. Null where it is not there. */
function idAt(start: string, end: string): unknown {
  const [, id] = AT_START.exec(start) ?? AT_END.exec(end) ?? [];
  try {
    return id === undefined ? null : JSON.parse(id);
  } catch {
    return null;
  }
}

function tooLong(id: unknown): object {
  const message =
    `The message is longer than ${LONGEST_MESSAGE_BYTES / 1024 / 1024} MB and was not read; nothing was done. Write the work ` +
    'to a file and give its path: requests_file, rows_file or input_files.';
  return { jsonrpc: '2.0', id, error: { code: errorCodes.invalidRequest, message } };
}
