import * as z from 'zod';
import { isJsonObject } from '../../../lib/json.ts';
import type { AnswerUsage } from '../../pricing.ts';

/** One line of a results file, in our words. */
export type ResultLine =
  | { type: 'succeeded'; custom_id: string; message: AnswerMessage }
  | { type: 'errored'; custom_id: string; error: ResultError }
  | { type: 'canceled' | 'expired'; custom_id: string };

export type ResultError = { type: string; message: string };

const tokens = z.number().nonnegative().catch(0);

/** Open objects: the API adds fields and block types over time. */
const messageSchema = z.looseObject({
  model: z.string().catch(''),
  content: z.array(z.looseObject({ type: z.string() })),
  stop_reason: z.string().nullable().catch(null),
  usage: z
    .looseObject({
      input_tokens: tokens,
      output_tokens: tokens,
      cache_read_input_tokens: tokens,
      cache_creation_input_tokens: tokens,
      cache_creation: z
        .looseObject({ ephemeral_5m_input_tokens: tokens, ephemeral_1h_input_tokens: tokens })
        .nullish()
        .catch(null),
      server_tool_use: z.looseObject({ web_search_requests: tokens }).nullish().catch(null),
    })
    .catch({
      input_tokens: 0,
      output_tokens: 0,
      cache_read_input_tokens: 0,
      cache_creation_input_tokens: 0,
      cache_creation: null,
      server_tool_use: null,
    }),
});
export type AnswerMessage = z.infer<typeof messageSchema>;

/** What an answer took; cache writes of an unsaid kind are the 5-minute ones. */
export function usageOf({ model, usage }: AnswerMessage): AnswerUsage {
  const longWrites = usage.cache_creation?.ephemeral_1h_input_tokens ?? 0;
  return {
    model,
    tokens: {
      input_tokens: usage.input_tokens,
      output_tokens: usage.output_tokens,
      cache_read_tokens: usage.cache_read_input_tokens,
      cache_write_5m_tokens: Math.max(0, usage.cache_creation_input_tokens - longWrites),
      cache_write_1h_tokens: longWrites,
      web_searches: usage.server_tool_use?.web_search_requests ?? 0,
    },
    inference_geo: typeof usage.inference_geo === 'string' ? usage.inference_geo : null,
  };
}

type PlainLine = { custom_id: string; result: { type: string; message?: unknown; error?: unknown } };

/** A type gets into advice, where what is no plain name, but a text of somebody's, has no place. */
const errorType = z.string().transform((type) => (/^[a-z][a-z_]{0,49}$/.test(type) ? type : 'unknown_error'));
const plainError = z.looseObject({ type: errorType, message: z.string().catch('') });
/** The API nests it: `result.error` is an error response, which holds the error. A flat one is read too. */
const errorSchema = z.union([
  z.looseObject({ error: plainError }).transform(({ error }) => error),
  plainError,
]);

const isTokens = (value: unknown): value is number => typeof value === 'number' && value >= 0;

function isAbsentOrTokens(value: unknown, keys: readonly string[]): boolean {
  return (value ?? null) === null || (isJsonObject(value) && keys.every((key) => isTokens(value[key])));
}

/**
 * Whether a message is as the schema has it, down to every field, so that parsing it would give an equal copy. It
 * nearly always is, and a hundred thousand copies take longer than the reading; what is not goes the longer way.
 */
function isPlainMessage(value: unknown): value is AnswerMessage {
  if (!isJsonObject(value) || !isJsonObject(value.usage) || !Array.isArray(value.content)) return false;
  const { usage } = value;
  return (
    typeof value.model === 'string' &&
    (value.stop_reason === null || typeof value.stop_reason === 'string') &&
    value.content.every((block) => isJsonObject(block) && typeof block.type === 'string') &&
    isTokens(usage.input_tokens) &&
    isTokens(usage.output_tokens) &&
    isTokens(usage.cache_read_input_tokens) &&
    isTokens(usage.cache_creation_input_tokens) &&
    isAbsentOrTokens(usage.cache_creation, ['ephemeral_5m_input_tokens', 'ephemeral_1h_input_tokens']) &&
    isAbsentOrTokens(usage.server_tool_use, ['web_search_requests'])
  );
}

function isPlainLine(value: unknown): value is PlainLine {
  return (
    isJsonObject(value) &&
    typeof value.custom_id === 'string' &&
    isJsonObject(value.result) &&
    typeof value.result.type === 'string'
  );
}

const unreadable = (message: string): ResultError => ({ type: 'unreadable_result', message });

/** Reads one line of a results file; null where it is no result at all. */
export function readResultLine(text: string): ResultLine | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isPlainLine(value)) return null;
  const { custom_id, result } = value;
  switch (result.type) {
    case 'succeeded': {
      if (isPlainMessage(result.message)) return { type: 'succeeded', custom_id, message: result.message };
      const message = messageSchema.safeParse(result.message);
      if (message.success) return { type: 'succeeded', custom_id, message: message.data };
      return {
        type: 'errored',
        custom_id,
        error: unreadable('The API says succeeded, but gave no message.'),
      };
    }
    case 'errored': {
      const error = errorSchema.safeParse(result.error);
      return {
        type: 'errored',
        custom_id,
        error: error.success
          ? { type: error.data.type, message: error.data.message }
          : unreadable('The API gave no error.'),
      };
    }
    case 'canceled':
    case 'expired':
      return { type: result.type, custom_id };
    default:
      return {
        type: 'errored',
        custom_id,
        error: unreadable('The API gave a result of a type that is not known.'),
      };
  }
}

/**
 * Reads a line that was saved as a result. When it came in, its answer's content was passed over: one that turns out to
 * be no JSON, or was changed on the disk since, is an answer that can't be read, not one that is missing.
 */
export function readSavedLine(text: string, custom_id: string): ResultLine {
  const error = unreadable('The line that holds this answer is no JSON.');
  return readResultLine(text) ?? { type: 'errored', custom_id, error };
}

/** Stop reasons of answers that the API counts as succeeded, but that are not finished ones. */
const unfinished: Record<string, string> = {
  max_tokens: 'The answer was cut off at max_tokens.',
  refusal: 'The model declined to answer.',
  pause_turn: 'The model paused a long turn and was not resumed.',
  model_context_window_exceeded: 'The answer was cut off where the context window was full.',
};

/** What became of the task behind a line. */
export function outcomeOf(line: ResultLine): ResultLine['type'] | 'incomplete' {
  if (line.type !== 'succeeded') return line.type;
  return line.message.stop_reason !== null && Object.hasOwn(unfinished, line.message.stop_reason)
    ? 'incomplete'
    : 'succeeded';
}

/** Of a task for which the results hold no line. */
export const missingError: ResultError = {
  type: 'missing',
  message: 'The results that the API gave hold no line for this task.',
};

/** Why a task has no finished answer; null where it has one. */
export function errorOf(line: ResultLine): ResultError | null {
  switch (line.type) {
    case 'errored':
      return line.error;
    case 'canceled':
      return { type: 'canceled', message: 'The batch was canceled before this request was processed.' };
    case 'expired':
      return { type: 'expired', message: 'The batch expired before this request was processed.' };
    case 'succeeded': {
      const reason = line.message.stop_reason;
      if (reason === null || outcomeOf(line) === 'succeeded') return null;
      return { type: reason, message: unfinished[reason] ?? '' };
    }
  }
}
