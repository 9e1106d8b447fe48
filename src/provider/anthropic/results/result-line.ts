import { isDeeper, isJsonObject, type JsonObject, MOST_LEVELS } from '../../../lib/json.ts';
import { ownId } from '../../../lib/mark.ts';
import type { AroundText } from '../../dialect.ts';
import type { CountedResult, ModelAnswer, Result, ResultError } from '../../result.ts';
import { isSpendLimit, saysNoCredit } from '../api-advice.ts';
import { type Block, hasAnswer, isBlock, isOneText, leftOutOf, textOf, toolCallsOf } from './content.ts';
import { sharedBy } from './share-line.ts';
import { skimLine, skimText } from './skim-line.ts';
import { createCounts, modelOf, objectOf, usageOf } from './usage.ts';

/**
 * Reads by hand what a schema would: a hundred thousand lines took zod 1.0 s more, on top of the 0.5 s that parsing
 * takes. What the API adds over time is passed over, and what is odd in an answer's accounting never costs the answer.
 */

type Line = { custom_id: string; type: string; result: JsonObject };

function parseLine(text: string, parse: (text: string) => unknown = JSON.parse): Line | null {
  let value: unknown;
  try {
    value = parse(text);
  } catch {
    return null;
  }
  if (!isJsonObject(value) || !isJsonObject(value.result)) return null;
  const { custom_id, result } = value;
  if (typeof custom_id !== 'string' || typeof result.type !== 'string') return null;
  return { custom_id, type: result.type, result };
}

/**
 * Reads one line of a results file; null where it is no result at all. `parse` reads JSON, as `JSON.parse` does, and is
 * asked only where numbers can be in what was said, for one that keeps them as they were written takes longer.
 */
export function readResultLine(text: string, parse?: (text: string) => unknown): Result | null {
  const plain = parseLine(text);
  const first = plain?.type === 'succeeded' ? messageOf(plain.result) : null;
  const line = parse && first && !isOneText(first.content) ? parseLine(text, parse) : plain;
  if (line === null) return null;
  const message = line === plain ? first : messageOf(line.result);
  return {
    ...countLine(line, message, message !== null && hasAnswer(message.content)),
    answer: message && sharedAnswer(answerOf(message), line),
  };
}

/** The same of a success that is one plain text, which is passed over; null for any other line. */
export function readAroundText(bytes: Buffer, standIn: string): AroundText | null {
  const found = skimText(bytes);
  if (found === null) return null;
  const { start, end } = found;
  const around = `${bytes.toString('utf8', 0, start)}${JSON.stringify(standIn)}${bytes.toString('utf8', end)}`;
  const result = readResultLine(around);
  if (result?.outcome !== 'succeeded' || result.answer === null) return null;
  const isAll = result.answer.text === standIn && result.answer.content === null;
  return isAll ? { result, text: bytes.subarray(start, end) } : null;
}

/** The same without the answer itself, whose content is passed over. */
export function countResultLine(bytes: Buffer): CountedResult | null {
  const { text, isAnswered } = skimLine(bytes);
  const line = parseLine(text);
  if (line === null) return null;
  const message = line.type === 'succeeded' ? messageOf(line.result) : null;
  return countLine(line, message, isAnswered ?? (message !== null && hasAnswer(message.content)));
}

const FIRST_ID = /^\s*\{\s*"custom_id"\s*:\s*("[\w-]+")/;
const LAST_ID = /,\s*"custom_id"\s*:\s*("[\w-]+")\s*\}\s*$/;

/** As the API tells of an error, with the id that the line begins or ends with. */
export function unreadLine(head: string, tail: string, why: string): string | null {
  const id = FIRST_ID.exec(head)?.[1] ?? LAST_ID.exec(tail)?.[1];
  if (id === undefined) return null;
  const error = { type: 'error', error: { type: 'unreadable_result', message: why } };
  return `{"custom_id":${id},"result":${JSON.stringify({ type: 'errored', error })}}`;
}

/** Of a request that tasks shared, what was used is this one's share. */
function sharedAnswer(answer: ModelAnswer, { result }: Line): ModelAnswer {
  const shared = sharedBy(result);
  if (shared === null) return answer;
  const { request, rows } = shared;
  return { ...answer, usage: { ...answer.usage, share_of: { request: ownId(request), rows } } };
}

function countLine(line: Line, message: Message | null, isAnswered: boolean): CountedResult {
  const counted = countOwn(line, message, isAnswered);
  const shared = sharedBy(line.result);
  if (shared === null) return counted;
  const { problem, rows } = shared;
  const error = problem === undefined ? counted.error : { type: 'invalid_answer', message: problem };
  return {
    ...counted,
    ...(problem !== undefined && { outcome: 'incomplete' as const }),
    error: error && rows > 1 ? { ...error, shared_by: rows } : error,
  };
}

function countOwn(
  { custom_id, type, result }: Line,
  message: Message | null,
  isAnswered: boolean,
): CountedResult {
  switch (type) {
    case 'succeeded':
      // Paid like any other, whatever can be read of it.
      if (message === null)
        return {
          ...errored(custom_id, 'The API says succeeded, but gave no message.'),
          ...usageOf(objectOf(result.message)),
        };
      return { request_id: custom_id, ...judge(message, isAnswered), ...usageOf(message) };
    case 'errored': {
      const error = errorOf(result.error);
      return error === null
        ? errored(custom_id, 'The API gave no error.')
        : { request_id: custom_id, outcome: 'errored', error, usage: null };
    }
    case 'canceled':
    case 'expired':
      return { request_id: custom_id, outcome: type, error: null, usage: null };
    default:
      return errored(custom_id, 'The API gave a result of a type that is not known.');
  }
}

function errored(request_id: string, message: string): CountedResult {
  return { request_id, outcome: 'errored', error: { type: 'unreadable_result', message }, usage: null };
}

/** Stop reasons of answers that the API counts as succeeded, but that are not finished ones. */
const unfinished = new Map([
  ['max_tokens', 'The answer was cut off at max_tokens.'],
  ['refusal', 'The model declined to answer.'],
  ['pause_turn', 'The model paused a long turn and was not resumed.'],
  ['model_context_window_exceeded', 'The answer was cut off where the context window was full.'],
]);

const EMPTY = { type: 'empty_answer', message: 'The model ended its turn without an answer.' };

/** What became of a request that the API calls succeeded: a success is an answer that one can use. */
function judge(answer: Message, isAnswered: boolean): Pick<CountedResult, 'outcome' | 'error'> {
  const stopReason = stopReasonOf(answer);
  const why = stopReason === null ? undefined : unfinished.get(stopReason);
  if (stopReason !== null && why !== undefined) {
    const category = stopReason === 'refusal' ? categoryOf(answer) : null;
    const message = category === null ? why : `${why.slice(0, -1)} (${category}).`;
    return { outcome: 'incomplete', error: { type: stopReason, message } };
  }
  return isAnswered ? { outcome: 'succeeded', error: null } : { outcome: 'incomplete', error: EMPTY };
}

/** What a refusal was about; it is grouped by, so what is no plain name counts as none. */
function categoryOf({ stop_details: details }: Message): string | null {
  const category = isJsonObject(details) ? details.category : null;
  return typeof category === 'string' && /^[a-z][a-z0-9_]{0,39}$/.test(category) ? category : null;
}

/** The API nests it: `result.error` is an error response, which holds the error. A flat one is read too, and a text of a gateway's. */
function errorOf(given: unknown): ResultError | null {
  const inner = isJsonObject(given) ? (given.error ?? given) : given;
  const error = typeof inner === 'string' ? { message: inner } : objectOf(inner);
  const message = wordsOf(error.message);
  if (typeof error.type !== 'string' && message === '') return null;
  if (isSpendLimit(error.type, objectOf(error.details).error_code))
    return { type: 'spend_limit_error', message };
  if (saysNoCredit(message)) return { type: 'billing_error', message };
  // A type gets into advice, where what is no plain name, but a text of somebody's, has no place.
  const [type = 'unknown_error'] = /^[a-z][a-z_]{0,49}$/.exec(wordsOf(error.type)) ?? [];
  return { type, message };
}

const wordsOf = (value: unknown) => (typeof value === 'string' ? value : '');

type Message = JsonObject & { content: Block[] };

function messageOf({ message }: JsonObject): Message | null {
  if (!isJsonObject(message)) return null;
  const content = blocksOf(message.content);
  if (!Array.isArray(content)) return null;
  return content.every(isBlock) && !isDeeper(content, MOST_LEVELS) ? { ...message, content } : null;
}

/** A text in the place of the list of blocks, as requests may have it and some gateways answer, is its one block; null is no block. */
function blocksOf(content: unknown): unknown {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content === null ? [] : content;
}

const stopReasonOf = ({ stop_reason }: JsonObject) => (typeof stop_reason === 'string' ? stop_reason : null);

function answerOf(message: Message): ModelAnswer {
  const { content } = message;
  const usage = objectOf(message.usage);
  return {
    model: modelOf(message),
    text: textOf(content),
    tool_calls: toolCallsOf(content),
    stop_reason: stopReasonOf(message),
    content: isOneText(content) ? null : content,
    more: moreOf(message),
    left_out: leftOutOf(content),
    usage: {
      ...(isFlat(usage) && usage),
      input_tokens: createCounts().required(usage.input_tokens),
      output_tokens: createCounts().required(usage.output_tokens),
    },
  };
}

/** What the API says of an answer beside its content, where it says anything. */
const MORE = ['stop_sequence', 'stop_details', 'container', 'context_management'];

function moreOf(message: Message): JsonObject {
  const said = MORE.map((key) => [key, message[key]] as const);
  return Object.fromEntries(
    said.filter(([, value]) => value !== undefined && value !== null && isFlat(value)),
  );
}

/** What is nested without end is no part of an answer that it should cost: nobody could write it down again. */
const isFlat = (value: unknown): boolean => !isDeeper(value, MOST_LEVELS);
