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
  /** The text of all text blocks; absent if `json` replaces it. */
  text?: string;
  /** The parsed answer, if the task asked for JSON and got it. */
  json?: unknown;
  /** Calls of the request's own tools, which are not run. */
  tool_calls?: ModelAnswer['tool_calls'];
  stop_reason?: string;
  error?: { type: string; message: string; retryable: boolean };
  /** Set if the JSON was taken out of a fenced block. */
  fenced?: true;
  /** The kinds of content that only `details` hold, such as `thinking`, `citations` or `stop_details`. */
  left_out?: string[];
  /** Whether it matches its row, if the work says what to compare. */
  expected?: boolean;
  details?: AnswerDetails;
};

/** What `detail: "full"` adds. */
export type AnswerDetails = {
  custom_id: string;
  attempt: number;
  model?: string;
  usage?: ModelAnswer['usage'];
  /** How much of the output was thinking, if there was any. */
  thinking_tokens?: number;
  /** The content as received, if it is more than one text. */
  content?: readonly JsonObject[];
  /** Further facts from the provider, under its own names. */
  more?: JsonObject;
};

/**
 * An answer with its details at the top level, and therefore without `left_out`. Copied key by key: spreads took five
 * times as long.
 */
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

/** The error of a task without a line in the results. */
export const missingError: ResultError = {
  type: 'missing',
  message: 'The results that the API gave hold no line for this task.',
};

/** The error of a merge's task that was not sent. */
export const nothingToMerge: ResultError = {
  type: 'nothing_to_merge',
  message: 'None of the answers that it was to merge was finished, so it was not sent.',
};

/** Why a task has no finished answer; null if it has one. */
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
 * Reads a saved line as a result. When it came in, the content of its answer was skipped: a line that turns out not
 * to be JSON, or was changed on disk since, is an unreadable answer rather than a missing one.
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

/** How a result was judged, for turning it into an answer. */
type Judged = {
  /** The task's outcome when its result came in, which is what is counted. */
  outcome: Outcome;
  /** Why an answer that the provider calls finished can't be used. */
  invalid: ResultError | null;
  /** Whether the task asked for JSON. */
  structured: boolean;
  attempt: number;
};

/** Why there is no finished answer, as judged when the result came in; null if there is one. */
export function errorOf(
  { outcome, invalid }: Pick<Judged, 'outcome' | 'invalid'>,
  result: Result,
): ResultError | null {
  return outcome === 'succeeded' ? null : (failureOf(result) ?? invalid);
}

function toldError({ type, message, shared_by }: ResultError): NonNullable<Answer['error']> {
  return { type, message, retryable: isRetryable(type, shared_by) };
}

/** Makes a task's answer from its result, or from null if the results had none. `parse` reads its JSON. */
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
  // An unusable answer is shown as it came.
  const found = read?.fenced && judged.outcome !== 'succeeded' ? null : read;
  // Set one by one, in the order in which they are shown: spreads took as long as parsing the line.
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
 * An answer with the columns of its row or the path of its file, or null if its task was given on its own; and with its
 * variant, if there are variants.
 */
export type AnsweredRow = {
  answer: Answer;
  row: JsonObject | null;
  variant?: string;
  /** The JSON of its text as it came, if the answer has a placeholder instead. */
  text?: Uint8Array;
};

/** The answers to one row, file or task under each variant. */
export type AnsweredItem = {
  /** Its id, without the name of a variant. */
  task_id: string;
  row: JsonObject | null;
  answers: Map<string, Answer>;
};

/** Groups consecutive answers to one item; leaves out those of tasks without variants. */
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
