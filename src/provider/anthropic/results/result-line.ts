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
 * takes. What the API adds over time is ignored, and oddities in an answer's accounting never cost the answer.
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
 * Reads one line of a results file; null if it is no result at all. `parse` reads JSON as `JSON.parse` does. It is used
 * only if the content can have numbers, as a parser that keeps them as they were written takes longer.
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

/** The same for a success that is one plain text, which is skipped; null for any other line. */
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

/** The same without the answer itself, whose content is skipped. */
export function countResultLine(bytes: Buffer): CountedResult | null {
  const { text, isAnswered } = skimLine(bytes);
  const line = parseLine(text);
  if (line === null) return null;
  const message = line.type === 'succeeded' ? messageOf(line.result) : null;
  return countLine(line, message, isAnswered ?? (message !== null && hasAnswer(message.content)));
}

const FIRST_ID = /^\s*\{\s*"custom_id"\s*:\s*("[\w-]+")/;
const LAST_ID = /,\s*"custom_id"\s*:\s*("[\w-]+")\s*\}\s*$/;

/** An error as the API reports it, with the id at the beginning or end of the line. */
export function unreadLine(head: string, tail: string, why: string): string | null {
  const id = FIRST_ID.exec(head)?.[1] ?? LAST_ID.exec(tail)?.[1];
  if (id === undefined) return null;
  const error = { type: 'error', error: { type: 'unreadable_result', message: why } };
  return `{"custom_id":${id},"result":${JSON.stringify({ type: 'errored', error })}}`;
}

/** For a request that tasks shared, the usage is this task's share. */
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
      // Paid like any other, however little of it can be read.
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
      return {
        ...errored(custom_id, 'The API gave a result of a type that is not known.'),
        // What a model has written is paid, whatever it is called.
        ...(isJsonObject(result.message) && usageOf(result.message)),
      };
  }
}

function errored(request_id: string, message: string): CountedResult {
  return { request_id, outcome: 'errored', error: { type: 'unreadable_result', message }, usage: null };
}

/** Stop reasons of answers that the API counts as succeeded, though they are not finished. */
const unfinished = new Map([
  ['max_tokens', 'The answer was cut off at max_tokens.'],
  ['refusal', 'The model declined to answer.'],
  ['pause_turn', 'The model paused a long turn and was not resumed.'],
  ['model_context_window_exceeded', 'The answer was cut off where the context window was full.'],
]);

const EMPTY = { type: 'empty_answer', message: 'The model ended its turn without an answer.' };

/** The outcome of a request that the API calls succeeded: only a usable answer is a success. */
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

/** What a refusal was about. Refusals are grouped by it, so anything but a plain name counts as none. */
function categoryOf({ stop_details: details }: Message): string | null {
  const category = isJsonObject(details) ? details.category : null;
  return typeof category === 'string' && /^[a-z][a-z0-9_]{0,39}$/.test(category) ? category : null;
}

/** The API nests errors: `result.error` is an error response, which holds the error. Flat ones and a gateway's texts are read too. */
function errorOf(given: unknown): ResultError | null {
  const inner = isJsonObject(given) ? (given.error ?? given) : given;
  const error = typeof inner === 'string' ? { message: inner } : objectOf(inner);
  const message = wordsOf(error.message);
  if (typeof error.type !== 'string' && message === '') return null;
  if (isSpendLimit(error.type, objectOf(error.details).error_code))
    return { type: 'spend_limit_error', message };
  if (saysNoCredit(message)) return { type: 'billing_error', message };
  // A type appears in advice, so it must be a plain name and not somebody's text.
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

/** A text instead of a list of blocks, which requests may have and some gateways answer, counts as a single block; null as none. */
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

/** What the API says about an answer besides its content, if anything. */
const MORE = ['stop_sequence', 'stop_details', 'container', 'context_management'];

function moreOf(message: Message): JsonObject {
  const said = MORE.map((key) => [key, message[key]] as const);
  return Object.fromEntries(
    said.filter(([, value]) => value !== undefined && value !== null && isFlat(value)),
  );
}

/** Content nested too deep to be written again is left out, so that it does not cost the whole answer. */
const isFlat = (value: unknown): boolean => !isDeeper(value, MOST_LEVELS);
