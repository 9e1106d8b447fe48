import { gzipSync } from 'node:zlib';
import { type ApiHandler, hang } from './api-server.ts';

const moments = ['headers', 'first byte', 'middle', 'last byte', 'after the end'] as const;
const kinds = ['reset', 'stall', 'cut', 'garbage'] as const;
const framings = ['length', 'chunks', 'close', 'gzip'] as const;

type Moment = (typeof moments)[number];
type Kind = (typeof kinds)[number];
type Framing = (typeof framings)[number];

export type Broken = {
  name: string;
  /** Whether the client has to wait for what never comes. */
  isSilent: boolean;
  handler: (body: () => Buffer) => ApiHandler;
};

/** An answer as it goes wrong on the wire: at each moment of it, in each way, under each of the ways in which HTTP tells its end. */
export const brokenAnswers: Broken[] = moments.flatMap((moment) =>
  kinds.flatMap((kind) =>
    framings
      .filter((framing) => moment !== 'headers' || framing === 'length')
      .map((framing) => ({
        name: [kind, 'at', moment, ...(moment === 'headers' ? [] : [`(${framing})`])].join(' '),
        isSilent: kind === 'stall',
        handler: (body: () => Buffer): ApiHandler => broken(moment, kind, framing, body),
      })),
  ),
);

const GARBAGE = Buffer.from('\xff\x00\n{"custom_id":\n<html>\r\n', 'latin1');

function broken(moment: Moment, kind: Kind, framing: Framing, body: () => Buffer): ApiHandler {
  return (request, response) => {
    const { socket } = request;
    const end = () => {
      if (kind === 'reset') socket.resetAndDestroy();
      else if (kind === 'cut') socket.end();
      else if (kind === 'garbage') socket.end(GARBAGE);
    };
    if (moment === 'headers') return kind === 'stall' ? hang(request, response) : end();
    const whole = framing === 'gzip' ? gzipSync(body()) : body();
    const sent = { 'first byte': 1, middle: whole.length >> 1, 'last byte': whole.length - 1 };
    const bytes = whole.subarray(0, moment === 'after the end' ? whole.length : sent[moment]);
    const isChunked = framing === 'chunks';
    const head = {
      length: `content-length: ${whole.length}`,
      chunks: 'transfer-encoding: chunked',
      close: 'connection: close',
      gzip: `content-encoding: gzip\r\ncontent-length: ${whole.length}`,
    };
    socket.write(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n${head[framing]}\r\n\r\n`);
    if (isChunked) socket.write(`${bytes.length.toString(16)}\r\n`);
    socket.write(bytes, () => setTimeout(end, 5));
    if (isChunked && moment === 'after the end') socket.write('\r\n');
  };
}
