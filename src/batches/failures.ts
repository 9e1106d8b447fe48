import type { FailureGroup } from '../store/record.ts';

/** What is known of a cause of failure. The advice is ours alone: nothing that an answer holds gets into it. */
type Cause = { retryable: boolean; suggestion: string };

const causes: Record<string, Cause> = {
  invalid_request_error: {
    retryable: false,
    suggestion:
      'The request itself is wrong: correct these tasks and submit them again. Sending them unchanged fails again.',
  },
  authentication_error: { retryable: false, suggestion: 'Ask the person to check the API key.' },
  permission_error: {
    retryable: false,
    suggestion: 'The key may not use this model or feature; ask the person.',
  },
  billing_error: { retryable: false, suggestion: 'Ask the person to look at the billing of their account.' },
  not_found_error: {
    retryable: false,
    suggestion:
      'The model or something else named is not known to the API: submit these tasks with another model.',
  },
  request_too_large: { retryable: false, suggestion: 'Split the input of these tasks into smaller ones.' },
  rate_limit_error: { retryable: true, suggestion: 'A passing limit: submit these tasks again later.' },
  overloaded_error: { retryable: true, suggestion: 'The API was overloaded: submit these tasks again.' },
  api_error: { retryable: true, suggestion: 'A fault at the API: submit these tasks again.' },
  timeout_error: { retryable: true, suggestion: 'A fault at the API: submit these tasks again.' },
  expired: {
    retryable: true,
    suggestion:
      'The batch ran for 24 hours and expired before these were processed: submit them again. They cost nothing.',
  },
  canceled: {
    retryable: true,
    suggestion: 'The batch was canceled before these were processed. They cost nothing.',
  },
  missing: { retryable: true, suggestion: 'The API gave no line for these tasks: submit them again.' },
  max_tokens: {
    retryable: true,
    suggestion: 'The answers were cut off: submit these tasks again with a higher max_tokens.',
  },
  refusal: { retryable: false, suggestion: 'The model declined: reword these tasks, or try another model.' },
  pause_turn: {
    retryable: false,
    suggestion: 'These need a conversation of several turns, which a batch does not have.',
  },
  model_context_window_exceeded: {
    retryable: false,
    suggestion: 'Shorten the input of these tasks, or split it.',
  },
};

const unknownCause: Cause = {
  retryable: false,
  suggestion: 'Look at the messages, correct these tasks and submit them again.',
};

function causeOf(type: string): Cause {
  return Object.hasOwn(causes, type) ? (causes[type] ?? unknownCause) : unknownCause;
}

/** Whether sending a task again can end otherwise. */
export function isRetryable(type: string): boolean {
  return causeOf(type).retryable;
}

export function suggestionFor(type: string): string {
  return causeOf(type).suggestion;
}

const GROUPS = 20;
const SAMPLES = 5;
const LONGEST_MESSAGE = 300;

/** Failures of one cause read alike but for numbers, quoted names and ids. */
function pattern(message: string): string {
  return message.replaceAll(/"[^"]*"|'[^']*'|`[^`]*`/g, '"…"').replaceAll(/\d+/g, '#');
}

/** Groups failures by cause as they come in; beyond 20 groups the rest of a type goes into one. */
export function createFailureGroups() {
  const groups = new Map<string, FailureGroup>();
  return {
    add(type: string, message: string, ordinal: number) {
      const exact = `${type}\n${pattern(message)}`;
      const key = groups.has(exact) || groups.size < GROUPS ? exact : `${type}\n`;
      const shown = key === exact ? message.slice(0, LONGEST_MESSAGE) : 'Other messages of this type';
      const group = groups.get(key) ?? { type, message: shown, count: 0, sample_ordinals: [] };
      group.count += 1;
      if (group.sample_ordinals.length < SAMPLES) group.sample_ordinals.push(ordinal);
      groups.set(key, group);
    },
    finish: (): FailureGroup[] => [...groups.values()].sort((a, b) => b.count - a.count),
  };
}
