import { isUtf8 } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { stringifyExact } from '../../lib/exact-json.ts';
import type { Log } from '../../log.ts';
import { mayUse, type Subject } from '../../state/subject.ts';
import type { McpServer } from '../create-server.ts';
import { eraOf } from '../era.ts';
import { type Meaning, type Message, meaningsOf } from '../odd-messages.ts';
import { errorCodes, ProtocolError } from '../protocol.ts';
import { insufficientScope, requiredScope } from './auth/authenticate.ts';
import type { HttpLimits } from './limits.ts';
import {
  isAsked,
  requireHeaders,
  SESSION,
  saysItCanAsk,
  sessionOfAsked,
  statusOfAnswer,
} from './message-headers.ts';
import { readBody } from './read-body.ts';
import { isRefusal, type Refusal, refuse } from './refusal.ts';
import { RequestTransport } from './request-transport.ts';

type McpEndpoint = (request: IncomingMessage, response: ServerResponse, subject: Subject) => Promise<void>;

type Options = {
  /** A server for one request. `asksApart`: its client can be asked, and answers in another request. */
  serverFor: (subject: Subject, asksApart: boolean) => Promise<McpServer>;
  /** Receives every message, which may be a client's answer to a question. */
  takeAnswer: (subject: Subject, message: Message) => Promise<void>;
  /** Whether this server ever asks questions. */
  asks: boolean;
  limits: HttpLimits;
  metadataUrl: string | null;
  log: Log;
};

/**
 * Streamable HTTP for both eras, without sessions: each request is answered on its own, by whichever replica receives it.
 * Nothing is ever sent between requests, so only POST is answered.
 */
export function createMcpEndpoint(options: Options): McpEndpoint {
  const { takeAnswer, asks, limits, metadataUrl } = options;
  const open = createOpenAnswers(limits);
  return async (request, response, subject) => {
    const refusal = whyNotTaken(request) ?? open.whyBusy(subject);
    if (refusal !== null) return refuse(response, refusal);
    open.add(subject, response);
    const read = await readBody(request, { bytes: limits.messageBytes, ms: limits.messageMs });
    if (isRefusal(read)) return refuse(response, read);
    const given = parsed(read.body);
    const meanings = meaningsOf(given);
    if (given === undefined || meanings.length === 0) return answerNoMessage(response, given);
    if (meanings.length > limits.messages) return answerWith(response, 400, tooMany(limits.messages));
    const messages = meanings.flatMap((each) => ('message' in each ? [each.message] : []));
    for (const message of messages) {
      const unfit = whyUnfit(message, request.headers, subject, metadataUrl);
      if (unfit === null) continue;
      return 'refusal' in unfit ? refuse(response, unfit.refusal) : answerWith(response, 400, unfit.answer);
    }
    for (const message of messages) {
      await takeAnswer(subject, message);
      if (asks && saysItCanAsk(message)) response.setHeader(SESSION, sessionOfAsked());
    }
    await serveMessages(options, { request, response, subject }, given, meanings);
  };
}

/** Counts the answers in progress, by user. */
function createOpenAnswers(limits: HttpLimits) {
  const open = new Map<string, number>();
  return {
    whyBusy(subject: Subject): Refusal | null {
      const all = [...open.values()].reduce((sum, count) => sum + count, 0);
      const own = open.get(subject.name) ?? 0;
      const headers = { 'retry-after': '2' };
      if (own >= limits.answersEach) {
        const message = `You have ${own} requests open, which is the limit. Wait for one to be answered.`;
        return { status: 429, error: 'too_many_requests', message, headers };
      }
      if (all < limits.answers) return null;
      const message = 'This server is answering as many requests as it can. Try again in a moment.';
      return { status: 503, error: 'busy', message, headers };
    },
    /** An answer counts until its connection is closed. */
    add(subject: Subject, response: ServerResponse): void {
      open.set(subject.name, (open.get(subject.name) ?? 0) + 1);
      response.once('close', () => {
        const left = (open.get(subject.name) ?? 1) - 1;
        if (left === 0) open.delete(subject.name);
        else open.set(subject.name, left);
      });
    },
  };
}

/** Why a message is not taken: its user may not send it, or its headers contradict it. */
function whyUnfit(
  message: Message,
  headers: IncomingMessage['headers'],
  subject: Subject,
  metadataUrl: string | null,
): { refusal: Refusal } | { answer: object } | null {
  const scope = requiredScope(message);
  if (scope !== null && !mayUse(subject, scope))
    return { refusal: insufficientScope(metadataUrl, subject, scope) };
  try {
    requireHeaders(headers, message);
    return null;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    const id = 'id' in message ? message.id : null;
    return { answer: { jsonrpc: '2.0', id, error: { code: error.code, message: error.message } } };
  }
}

type Exchange = { request: IncomingMessage; response: ServerResponse; subject: Subject };

/** Has the messages of a request answered by a server of their own. */
async function serveMessages(
  { serverFor, asks, limits, log }: Options,
  { request, response, subject }: Exchange,
  given: JSONRPCMessage,
  meanings: readonly Meaning[],
): Promise<void> {
  const expected = meanings.filter(isAnswered).length;
  const isModern = meanings.some((each) => 'message' in each && eraOf(each.message) === 'modern');
  const takes = takenBy(request);
  const transport = new RequestTransport(response, {
    expected,
    isArray: Array.isArray(given),
    takes,
    statusOf: (answer) => statusOfAnswer(answer, isModern),
    silenceMs: limits.silenceMs,
  });
  const server = await serverFor(subject, asks && takes.events && isAsked(request));
  server.onerror = (error) => log('warn', `A message over HTTP could not be answered (${error.name})`);
  const tooLate = setTimeout(() => response.destroy(), limits.answerMs).unref();
  // Also when the client has gone: what merely waits for it is stopped, but not what it has sent off.
  response.once('close', () => {
    clearTimeout(tooLate);
    void server.close();
  });
  await server.connect(transport);
  if (expected === 0) accept(response);
  transport.onmessage?.(given);
}

function whyNotTaken({ headers }: IncomingMessage): Refusal | null {
  const type = headers['content-type'] ?? '';
  if (/^application\/json\s*(?:;|$)/i.test(type)) return null;
  const message = 'Send one message of MCP as application/json.';
  return { status: 415, error: 'unsupported_type', message };
}

/** A client without an Accept header accepts everything. */
function takenBy({ headers: { accept = '*/*' } }: IncomingMessage): { json: boolean; events: boolean } {
  const takes = (type: string) => new RegExp(String.raw`(?:^|[\s,])(?:\*/\*|${type})`, 'i').test(accept);
  const events = takes('text/(?:event-stream|\\*)');
  return { json: takes('application/(?:json|\\*)') || !events, events };
}

const isAnswered = (meaning: Meaning): boolean =>
  'answer' in meaning || ('id' in meaning.message && 'method' in meaning.message);

/** Undefined if the body is not JSON in UTF-8; decoding invalid bytes would silently change them. */
function parsed(body: Buffer): JSONRPCMessage | undefined {
  if (!isUtf8(body)) return undefined;
  try {
    return JSON.parse(body.toString('utf8').replace(/^\uFEFF/, ''));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

const failure = (code: number, message: string) => ({ jsonrpc: '2.0', id: null, error: { code, message } });
const NO_JSON = failure(errorCodes.parse, 'The body is not JSON in UTF-8.');
const NO_MESSAGE = failure(errorCodes.invalidRequest, 'The body is not a message of JSON-RPC.');

const tooMany = (most: number) =>
  failure(errorCodes.invalidRequest, `At most ${most} messages are taken at a time; nothing was done.`);

/** A reply to something that was never asked is accepted, since its sender did nothing wrong. */
function answerNoMessage(response: ServerResponse, given: JSONRPCMessage | undefined): void {
  const isReply = typeof given === 'object' && given !== null && !Array.isArray(given) && 'result' in given;
  if (isReply) accept(response);
  else answerWith(response, 400, given === undefined ? NO_JSON : NO_MESSAGE);
}

function accept(response: ServerResponse): void {
  response.writeHead(202).end();
}

function answerWith(response: ServerResponse, status: number, answer: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(stringifyExact(answer));
}
