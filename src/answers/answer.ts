import type { JsonObject } from '../lib/json.ts';
import type { Dialect } from '../provider/dialect.ts';
import type { CountedResult, ModelAnswer, Result, ResultError } from '../provider/result.ts';
import type { Outcome } from '../store/saved-results.ts';
import type { TaskEntry } from '../store/task-entry.ts';
import { itemId } from '../tasks/variants.ts';
import { jsonOf } from './answer-json.ts';
import { isRetryable } from './failures.ts';

/** One task's answer under the caller's id, as replies and files give it. */
export type Answer = {
  task_id: string;
  outcome: Outcome | 'pending';
  /** The text of all text blocks; absent where `json` stands for it. */
  text?: string;
  /** The parsed answer, where the task asked for JSON and got it. */
  json?: unknown;
  /** Calls of the request's own tools, which nobody has run. */
  tool_calls?: ModelAnswer['tool_calls'];
  stop_reason?: string;
  error?: { type: string; message: string; retryable: boolean };
  /** Where the JSON stood in a fenced block, from which it was taken. */
  fenced?: true;
  /** Kinds of what was said and only `details` hold, as `thinking`, `citations` or `stop_details`. */
  left_out?: string[];
  /** Whether it is as its row has it, where the work said what to compare. */
  expected?: boolean;
  details?: AnswerDetails;
};

/** What `detail: "full"` adds. */
export type AnswerDetails = {
  custom_id: string;
  attempt: number;
  model?: string;
  usage?: ModelAnswer['usage'];
  /** Of the output, where there was any thinking. */
  thinking_tokens?: number;
  /** All that was said, as it came, where that is more than one text. */
  content?: readonly JsonObject[];
  /** What else the provider says of it, by its own names. */
  more?: JsonObject;
};

/** All that is known of an answer, flat: nothing of it is left out then. Key by key, for with spreads it took five times as long. */
export function withDetails(answer: Answer): Pick<Answer, 'task_id' | 'outcome'> & JsonObject {
  const { task_id, outcome, details } = answer;
  const flat: Pick<Answer, 'task_id' | 'outcome'> & JsonObject = { task_id, outcome };
  for (const [key, value] of Object.entries(answer)) {
    if (key !== 'details' && key !== 'left_out') flat[key] = value;
  }
  for (const [key, value] of Object.entries(details ?? {})) {
    if (key !== 'more') flat[key] = value;
  }
  return details?.more === undefined ? flat : Object.assign(flat, details.more);
}

/** Of a task for which the results hold no line. */
export const missingError: ResultError = {
  type: 'missing',
  message: 'The results that the API gave hold no line for this task.',
};

/** Of a task of a merge that was not sent. */
export const nothingToMerge: ResultError = {
  type: 'nothing_to_merge',
  message: 'None of the answers that it was to merge was finished, so it was not sent.',
};

/** Why a task has no finished answer; null where it has one. */
export function failureOf({ outcome, error }: Pick<CountedResult, 'outcome' | 'error'>): ResultError | null {
  switch (outcome) {
    case 'canceled':
      return { type: 'canceled', message: 'The batch was canceled before this request was processed.' };
    case 'expired':
      return { type: 'expired', message: 'The batch expired before this request was processed.' };
    default:
      return error;
  }
}

/**
 * Reads a line that was saved as a result. When it came in, its answer's content was passed over: one that turns out to
 * be no JSON, or was changed on the disk since, is an answer that can't be read, not one that is missing.
 */
export function readSavedLine(
  dialect: Dialect,
  line: string,
  requestId: string,
  parse?: (text: string) => unknown,
): Result {
  const error = { type: 'unreadable_result', message: 'The line that holds this answer is not JSON.' };
  const unreadable = { request_id: requestId, outcome: 'errored', error, usage: null, answer: null } as const;
  return dialect.results.read(line, parse) ?? unreadable;
}

/** What is known of a result when it is made an answer. */
export type Judged = {
  /** What became of the task when its result came in, which is what is counted. */
  outcome: Outcome;
  /** Why an answer that the provider calls finished can't be used. */
  invalid: ResultError | null;
  /** Whether it was asked for JSON. */
  structured: boolean;
  attempt: number;
};

/** Why there is no finished answer, by what was judged when the result came in; null where there is one. */
export function errorOf(
  { outcome, invalid }: Pick<Judged, 'outcome' | 'invalid'>,
  result: Result,
): ResultError | null {
  return outcome === 'succeeded' ? null : (failureOf(result) ?? invalid);
}

function toldError({ type, message, shared_by }: ResultError): NonNullable<Answer['error']> {
  return { type, message, retryable: isRetryable(type, shared_by) };
}

/** A task's answer from its result; `result` is null where the results had none for it. `parse` reads its JSON. */
export function toAnswer(
  task: TaskEntry,
  judged: Judged,
  result: Result | null,
  parse: (text: string) => unknown = JSON.parse,
): Answer {
  const { attempt } = judged;
  const custom_id = task.custom_id ?? task.task_id;
  if (result === null) {
    const why = judged.invalid ?? missingError;
    return {
      task_id: task.task_id,
      outcome: 'missing',
      error: toldError(why),
      details: { custom_id, attempt },
    };
  }
  const error = errorOf(judged, result);
  const answer: Answer = {
    task_id: task.task_id,
    outcome: judged.outcome,
    ...(error && { error: toldError(error) }),
    details: { custom_id, attempt },
  };
  if (result.answer === null) return answer;
  const { model, text, tool_calls, stop_reason, usage, content, more } = result.answer;
  const thinking_tokens = result.usage?.thinking_tokens ?? 0;
  const left_out = [...result.answer.left_out, ...Object.keys(more)];
  const read = judged.structured ? jsonOf(text, parse) : null;
  // An answer that can't be used stands there as it came.
  const found = read?.fenced && judged.outcome !== 'succeeded' ? null : read;
  // Set one by one, in the order in which they are told: with spreads this took as long as to parse the line.
  const details: AnswerDetails = { custom_id, attempt, model, usage };
  if (thinking_tokens > 0) details.thinking_tokens = thinking_tokens;
  if (content !== null) details.content = content;
  if (Object.keys(more).length > 0) details.more = more;
  if (found === null) answer.text = text;
  else answer.json = found.json;
  if (tool_calls.length > 0) answer.tool_calls = tool_calls;
  if (stop_reason !== null) answer.stop_reason = stop_reason;
  if (found?.fenced) answer.fenced = true;
  if (left_out.length > 0) answer.left_out = left_out;
  answer.details = details;
  return answer;
}

/**
 * An answer beside the columns of its row, or the path of its file; null where its task was given by itself. With the variant
 * that was asked, where there are such.
 */
export type AnsweredRow = {
  answer: Answer;
  row: JsonObject | null;
  variant?: string;
  /** The JSON of its text, as it came, where a stand-in is in the place of that. */
  text?: Uint8Array;
};

/** The answers to one row, file or task under each variant. */
export type AnsweredItem = {
  /** Its id, without a variant's name behind it. */
  task_id: string;
  row: JsonObject | null;
  answers: Map<string, Answer>;
};

/** Puts the answers to one item together, which stand one after another; those of tasks without variants are left out. */
export async function* byItem(answers: AsyncIterable<AnsweredRow>): AsyncGenerator<AnsweredItem> {
  let item: AnsweredItem | null = null;
  for await (const { answer, row, variant } of answers) {
    if (variant === undefined) continue;
    const task_id = itemId({ task_id: answer.task_id, variant });
    if (item !== null && item.task_id !== task_id) {
      yield item;
      item = null;
    }
    item ??= { task_id, row, answers: new Map() };
    item.answers.set(variant, answer);
  }
  if (item !== null) yield item;
}
