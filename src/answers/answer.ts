import {
  type AnswerMessage,
  errorOf,
  missingError,
  outcomeOf,
  type ResultLine,
} from '../provider/anthropic/results/result-line.ts';
import type { Outcome } from '../store/record.ts';
import type { TaskEntry } from '../store/task-entry.ts';
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
  tool_calls?: { name: string; input: unknown }[];
  stop_reason?: string;
  error?: { type: string; message: string; retryable: boolean };
  details?: AnswerDetails;
};

/** What `detail: "full"` adds. */
export type AnswerDetails = {
  custom_id: string;
  attempt: number;
  model?: string;
  usage?: AnswerMessage['usage'];
};

/** The text of an answer: thinking comes first and is left out, citations split text into several blocks. */
export function textOf(message: AnswerMessage): string {
  return message.content
    .map((block) => (block.type === 'text' && typeof block.text === 'string' ? block.text : ''))
    .join('');
}

function toolCalls(message: AnswerMessage): { name: string; input: unknown }[] {
  return message.content
    .filter((block) => block.type === 'tool_use')
    .map((block) => ({ name: typeof block.name === 'string' ? block.name : '', input: block.input ?? null }));
}

/** Undefined where the text is not JSON: the text then speaks for itself. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * A task's answer from its line; `line` is null where the results had none for it. `structured` says whether it
 * was asked for JSON.
 */
export function toAnswer(
  task: TaskEntry,
  structured: boolean,
  line: ResultLine | null,
  attempt: number,
): Answer {
  const custom_id = task.custom_id ?? task.task_id;
  if (line === null) {
    return {
      task_id: task.task_id,
      outcome: 'missing',
      error: { ...missingError, retryable: isRetryable(missingError.type) },
      details: { custom_id, attempt },
    };
  }
  const error = errorOf(line);
  const answer: Answer = {
    task_id: task.task_id,
    outcome: outcomeOf(line),
    ...(error && { error: { ...error, retryable: isRetryable(error.type) } }),
    details: { custom_id, attempt },
  };
  if (line.type !== 'succeeded') return answer;
  const { message } = line;
  const text = textOf(message);
  const json = structured ? parsed(text) : undefined;
  const calls = toolCalls(message);
  return {
    ...answer,
    ...(json === undefined ? { text } : { json }),
    ...(calls.length > 0 && { tool_calls: calls }),
    ...(message.stop_reason !== null && { stop_reason: message.stop_reason }),
    details: { custom_id, attempt, model: message.model, usage: message.usage },
  };
}
