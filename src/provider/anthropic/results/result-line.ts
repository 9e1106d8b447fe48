import { isJsonObject, type JsonObject } from '../../../lib/json.ts';
import type { AnswerUsage, CountedResult, ModelAnswer, Result, ResultError } from '../../dialect.ts';
import { withoutContent } from './without-content.ts';

/**
 * Reads by hand what a schema would: a hundred thousand lines took zod 1.0 s more, on top of the 0.5 s that parsing
 * takes. What the API adds over time is passed over, and what is odd in an answer's accounting never costs the answer.
 */

type Line = { custom_id: string; type: string; result: JsonObject };

function parseLine(text: string): Line | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isJsonObject(value) || !isJsonObject(value.result)) return null;
  const { custom_id, result } = value;
  if (typeof custom_id !== 'string' || typeof result.type !== 'string') return null;
  return { custom_id, type: result.type, result };
}

/** Reads one line of a results file; null where it is no result at all. */
export function readResultLine(text: string): Result | null {
  const line = parseLine(text);
  if (line === null) return null;
  const message = line.type === 'succeeded' ? messageOf(line.result) : null;
  return { ...countLine(line, message), answer: message && answerOf(message) };
}

/** The same without the answer itself, whose content is passed over. */
export function countResultLine(bytes: Buffer): CountedResult | null {
  const line = parseLine(withoutContent(bytes));
  return line && countLine(line, line.type === 'succeeded' ? messageOf(line.result) : null);
}

function countLine({ custom_id, type, result }: Line, message: Message | null): CountedResult {
  switch (type) {
    case 'succeeded':
      if (message === null) return errored(custom_id, 'The API says succeeded, but gave no message.');
      return countAnswer(custom_id, stopReasonOf(message), usageOf(message));
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

/** What is counted of a model's answer. */
function countAnswer(request_id: string, stopReason: string | null, usage: AnswerUsage): CountedResult {
  const message = stopReason === null ? undefined : unfinished.get(stopReason);
  if (stopReason === null || message === undefined)
    return { request_id, outcome: 'succeeded', error: null, usage };
  return { request_id, outcome: 'incomplete', error: { type: stopReason, message }, usage };
}

/** The API nests it: `result.error` is an error response, which holds the error. A flat one is read too. */
function errorOf(given: unknown): ResultError | null {
  const error = isJsonObject(given) && isJsonObject(given.error) ? given.error : given;
  if (!isJsonObject(error) || typeof error.type !== 'string') return null;
  return {
    // A type gets into advice, where what is no plain name, but a text of somebody's, has no place.
    type: /^[a-z][a-z_]{0,49}$/.test(error.type) ? error.type : 'unknown_error',
    message: typeof error.message === 'string' ? error.message : '',
  };
}

type Message = JsonObject & { content: (JsonObject & { type: string })[] };

function messageOf({ message }: JsonObject): Message | null {
  if (!isJsonObject(message) || !Array.isArray(message.content)) return null;
  const { content } = message;
  return content.every(isBlock) ? { ...message, content } : null;
}

function isBlock(value: unknown): value is JsonObject & { type: string } {
  return isJsonObject(value) && typeof value.type === 'string';
}

const stopReasonOf = ({ stop_reason }: JsonObject) => (typeof stop_reason === 'string' ? stop_reason : null);
const modelOf = ({ model }: JsonObject) => (typeof model === 'string' ? model : '');
const objectOf = (value: unknown) => (isJsonObject(value) ? value : {});
const tokensOf = (value: unknown) => (typeof value === 'number' && value >= 0 ? value : 0);

/** What an answer took; cache writes of an unsaid kind are the 5-minute ones. */
function usageOf(message: Message): AnswerUsage {
  const usage = objectOf(message.usage);
  const longWrites = tokensOf(objectOf(usage.cache_creation).ephemeral_1h_input_tokens);
  return {
    model: modelOf(message),
    tokens: {
      input_tokens: tokensOf(usage.input_tokens),
      output_tokens: tokensOf(usage.output_tokens),
      cache_read_tokens: tokensOf(usage.cache_read_input_tokens),
      cache_write_5m_tokens: Math.max(0, tokensOf(usage.cache_creation_input_tokens) - longWrites),
      cache_write_1h_tokens: longWrites,
      web_searches: tokensOf(objectOf(usage.server_tool_use).web_search_requests),
    },
    inference_geo: typeof usage.inference_geo === 'string' ? usage.inference_geo : null,
  };
}

function answerOf(message: Message): ModelAnswer {
  const usage = objectOf(message.usage);
  return {
    model: modelOf(message),
    text: textOf(message),
    tool_calls: message.content
      .filter(({ type }) => type === 'tool_use')
      .map(({ name, input }) => ({ name: typeof name === 'string' ? name : '', input: input ?? null })),
    stop_reason: stopReasonOf(message),
    usage: {
      ...usage,
      input_tokens: tokensOf(usage.input_tokens),
      output_tokens: tokensOf(usage.output_tokens),
    },
  };
}

/** Thinking comes first and is left out, citations split text into several blocks. */
function textOf({ content }: Message): string {
  return content.map(({ type, text }) => (type === 'text' && typeof text === 'string' ? text : '')).join('');
}
