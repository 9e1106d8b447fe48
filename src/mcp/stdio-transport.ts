import { isUtf8 } from 'node:buffer';
import type { Readable, Writable } from 'node:stream';
import { TextDecoder } from 'node:util';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { stringifyExact } from '../lib/exact-json.ts';
import { END_CHARACTERS, framesIn, idAt, notJson } from './frames.ts';
import { errorCodes } from './protocol.ts';

/** More than any call's work may take, so that oversized work is mostly refused by the call itself. */
const LONGEST_MESSAGE_BYTES = 64 * 1024 * 1024;

const NEWLINE = 10;

/**
 * Messages of whatever shape as lines of JSON over two streams. Replaces the SDK's transport, which drops anything that is
 * not quite a message, so that a client with an odd request would wait for ever. An overlong message is answered unread.
 */
export class StdioTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #stdin: Readable;
  readonly #stdout: Writable;
  /** The pieces of the current line. */
  #begun: Buffer[] = [];
  #begunBytes = 0;
  /** The two ends of an overlong line, whose middle is not kept. */
  #overlong: { start: string; end: Buffer } | null = null;
  /** For input that is not UTF-8, as some shells pipe it; null until the first bytes arrive. */
  #decoder: TextDecoder | 'utf-8' | null = null;
  /** A message that spans several lines, as far as it has arrived. */
  #open: string | null = null;

  constructor(stdin: Readable, stdout: Writable) {
    this.#stdin = stdin;
    this.#stdout = stdout;
  }

  async start(): Promise<void> {
    this.#stdin.on('data', this.#take);
    this.#stdin.on('end', this.#finish);
    this.#stdin.on('error', this.#fail);
  }

  async close(): Promise<void> {
    this.#stdin.off('data', this.#take);
    this.#stdin.off('end', this.#finish);
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

  readonly #take = (given: Buffer): void => {
    this.#decoder ??= decoderFor(given);
    const chunk =
      this.#decoder === 'utf-8' ? given : Buffer.from(this.#decoder.decode(given, { stream: true }));
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      this.#gather(chunk.subarray(start, end));
      this.#endLine();
      start = end + 1;
    }
    this.#gather(chunk.subarray(start));
  };

  /** The last line may lack its newline. */
  readonly #finish = (): void => {
    this.#endLine();
    if (this.#open !== null) this.#refuse(this.#open);
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
    // A copy, because a view would keep the whole buffer in memory.
    this.#overlong = { start: whole.toString('utf8', 0, END_CHARACTERS), end: Buffer.from(lastOf(whole)) };
    this.#begun = [];
  }

  #endLine(): void {
    const overlong = this.#overlong;
    const bytes = Buffer.concat(this.#begun);
    const line = bytes.toString('utf8');
    this.#begun = [];
    this.#begunBytes = 0;
    this.#overlong = null;
    // Decoding invalid bytes would silently change them.
    if (overlong === null && !isUtf8(bytes)) this.#refuse(line);
    else if (overlong === null) this.#read(line);
    else void this.#write(tooLong(idAt(overlong.start, overlong.end.toString('utf8'))));
  }

  #read(line: string): void {
    // Some clients begin with a byte order mark.
    const text = line.replace(/^[\uFEFF\0]+/, '').trim();
    if (text === '') return;
    const open = this.#open;
    this.#open = null;
    if (open !== null && !text.startsWith('{"')) this.#readOpen(`${open}\n${text}`);
    else {
      if (open !== null) this.#refuse(open);
      if (text === '{' || text === '[') this.#open = text;
      else if (!this.#deliver(text)) this.#refuse(text);
    }
  }

  #readOpen(text: string): void {
    if (this.#deliver(text)) return;
    if (text.length < LONGEST_MESSAGE_BYTES) this.#open = text;
    else this.#refuse(text);
  }

  /** Returns whether the text could be read. */
  #deliver(text: string): boolean {
    const frames = framesIn(text);
    for (const frame of frames ?? []) {
      if ('value' in frame) this.onmessage?.(frame.value);
      else void this.#write(frame.answer);
    }
    return frames !== null;
  }

  #refuse(text: string): void {
    this.#fail(new SyntaxError('no JSON'));
    void this.#write(notJson(text));
  }
}

/** Judged by the byte order mark, or by the zero next to a first ASCII character. */
function decoderFor([first, second]: Buffer): TextDecoder | 'utf-8' {
  if ((first === 0xff && second === 0xfe) || (first !== 0 && second === 0))
    return new TextDecoder('utf-16le');
  if ((first === 0xfe && second === 0xff) || (first === 0 && second !== 0))
    return new TextDecoder('utf-16be');
  return 'utf-8';
}

const lastOf = (bytes: Buffer) => bytes.subarray(Math.max(0, bytes.length - END_CHARACTERS));

function tooLong(id: unknown): object {
  const message =
    `The message is longer than ${LONGEST_MESSAGE_BYTES / 1024 / 1024} MB and was not read; nothing was done. Write the work ` +
    'to a file and give its path: requests_file, rows_file or input_files.';
  return { jsonrpc: '2.0', id, error: { code: errorCodes.invalidRequest, message } };
}
