import { modelOfFewRefusals } from '../provider/dialects.ts';
import type { FailureGroup } from '../store/saved-results.ts';

/** A cause of failure. The advice is entirely ours: nothing from an answer gets into it. */
type Cause = { retryable: boolean; suggestion: string };

const causes: Record<string, Cause> = {
  invalid_request_error: {
    retryable: false,
    suggestion:
      'The request itself is wrong and fails again unchanged: call retry_batch with corrected tasks in requests, or with ' +
      'remove_params or model where the message names a parameter or the model.',
  },
  authentication_error: { retryable: false, suggestion: 'Ask the person to check the API key.' },
  permission_error: {
    retryable: false,
    suggestion: 'The key may not use this model or feature; ask the person.',
  },
  billing_error: {
    retryable: true,
    suggestion:
      "This is about the account's credit, not the requests: ask the person to top it up, then call retry_batch. They cost nothing.",
  },
  spend_limit_error: {
    retryable: true,
    suggestion:
      'This is about a spend limit, not the requests, and waiting does not help: ask the person to raise it in the Anthropic ' +
      'Console, then call retry_batch. They cost nothing.',
  },
  not_found_error: {
    retryable: false,
    suggestion:
      'The API does not know the model, or something else that the message names: call retry_batch with error_types and another model.',
  },
  request_too_large: {
    retryable: false,
    suggestion:
      'Shorten the input of these tasks and give them to retry_batch in requests, or submit it in pieces.',
  },
  rate_limit_error: {
    retryable: true,
    suggestion: 'A passing limit: call retry_batch, after some time.',
  },
  overloaded_error: {
    retryable: true,
    suggestion: 'The API was overloaded: call retry_batch. They cost nothing.',
  },
  api_error: {
    retryable: true,
    suggestion: 'A passing fault at the API: call retry_batch. They cost nothing.',
  },
  timeout_error: {
    retryable: true,
    suggestion: 'A passing fault at the API: call retry_batch. They cost nothing.',
  },
  expired: {
    retryable: true,
    suggestion:
      'The batch ran for 24 hours and expired before these were processed: call retry_batch. They cost nothing.',
  },
  canceled: {
    retryable: true,
    suggestion:
      'The batch was canceled before these were processed: call retry_batch if they are wanted after all. They cost nothing.',
  },
  missing: { retryable: true, suggestion: 'The API gave no line for these tasks: call retry_batch.' },
  nothing_to_merge: {
    retryable: false,
    suggestion:
      'None of the answers that these were to merge is finished. Once those tasks can succeed, retry_batch sends them again and repeats the merge.',
  },
  max_tokens: {
    retryable: true,
    suggestion:
      'The answers were cut off: retry_batch sends these tasks again with max_tokens doubled, or the max_tokens you give.',
  },
  empty_answer: {
    retryable: true,
    suggestion: 'The model said nothing: retry_batch sends these tasks again.',
  },
  invalid_answer: {
    retryable: true,
    suggestion:
      'The answers do not match their output_schema: retry_batch sends these tasks again. If that persists, look at ' +
      'some of them, and make the schema or the prompt clearer.',
  },
  refusal: {
    retryable: false,
    suggestion:
      'The model declined, which happens in ordinary work too: another model, or an older one without that classifier, often ' +
      `answers: call retry_batch with error_types ["refusal"] and model, such as ${modelOfFewRefusals}. Or reword the tasks and give them in requests.`,
  },
  unreadable_result: {
    retryable: false,
    suggestion:
      'The answers came, perhaps paid, but cannot be read: call retry_batch with error_types to pay for new ones.',
  },
  pause_turn: {
    retryable: false,
    suggestion:
      'A long turn is continued by a new request: the same params, with the content that get_results gives (detail full) as the last ' +
      'assistant message, in a new batch or in requests of retry_batch.',
  },
  model_context_window_exceeded: {
    retryable: false,
    suggestion:
      'The context window was full: shorten the input of these tasks and give them to retry_batch in requests.',
  },
};

/** Causes for which a single task of a shared request may be to blame: in smaller packs the others may succeed. */
const OF_ONE = new Set([
  'refusal',
  'invalid_request_error',
  'request_too_large',
  'model_context_window_exceeded',
]);

const unknownCause: Cause = {
  retryable: false,
  suggestion:
    'Look at the message: call retry_batch with corrected tasks in requests, or with error_types to send them unchanged.',
};

function causeOf(type: string): Cause {
  return Object.hasOwn(causes, type) ? (causes[type] ?? unknownCause) : unknownCause;
}

/**
 * Whether sending a task again may end differently; a task that shared its request is sent again with fewer others.
 */
export function isRetryable(type: string, sharedBy = 1): boolean {
  return causeOf(type).retryable || (sharedBy > 1 && OF_ONE.has(type));
}

/** Whether one of several tasks that shared a request may be the reason that the whole request failed. */
export const canBeOfOne = (type: string): boolean => OF_ONE.has(type);

export function suggestionFor(type: string): string {
  return causeOf(type).suggestion;
}

const GROUPS = 20;
const TYPE_GROUPS = 5;
const SAMPLES = 5;
const LONGEST_TYPE = 64;
const LONGEST_MESSAGE = 300;

/** Messages of one cause are alike except for numbers, quoted names and ids. */
function pattern(message: string): string {
  return message.replaceAll(/"[^"]*"|'[^']*'|`[^`]*`/g, '"…"').replaceAll(/\d+/g, '#');
}

/** What tells one cause from another. */
function keyOf(type: string, message: string): string {
  return `${type}\n${pattern(message)}`;
}

const byCount = (a: FailureGroup, b: FailureGroup) => b.count - a.count;

function cut(text: string, characters: number): string {
  return text.length > characters ? `${text.slice(0, characters).toWellFormed()}…` : text;
}

/**
 * Groups failures by cause as they come in. Beyond 20 groups, further ones of a type go into one group per type;
 * beyond 5 of those, all others into a single one: what is kept of a batch stays small whatever the API says.
 */
export function createFailureGroups() {
  const groups = new Map<string, FailureGroup>();

  function groupOf(type: string, message: string): FailureGroup {
    const choices = [
      { key: keyOf(type, message), type, message, most: GROUPS },
      { key: `${type}\n`, type, message: 'Other messages of this type', most: GROUPS + TYPE_GROUPS },
    ];
    const last = { key: '', type: 'other', message: 'Failures of other types' };
    const chosen = choices.find(({ key, most }) => groups.has(key) || groups.size < most) ?? last;
    const group = groups.get(chosen.key) ?? {
      type: cut(chosen.type, LONGEST_TYPE),
      message: cut(chosen.message, LONGEST_MESSAGE),
      count: 0,
      sample_ordinals: [],
    };
    groups.set(chosen.key, group);
    return group;
  }

  return {
    /** Returns the group that it became part of. */
    add(type: string, message: string, ordinal: number): FailureGroup {
      const group = groupOf(type, message);
      group.count += 1;
      if (group.sample_ordinals.length < SAMPLES) group.sample_ordinals.push(ordinal);
      return group;
    },
    /** Takes one back out of its group. */
    remove(group: FailureGroup, ordinal: number) {
      group.count -= 1;
      group.sample_ordinals = group.sample_ordinals.filter((each) => each !== ordinal);
    },
    finish: (): FailureGroup[] => [...groups.values()].filter(({ count }) => count > 0).sort(byCount),
  };
}

/** The groups of several parts as one list, the same cause once, the most frequent first. */
export function mergeFailureGroups(groups: readonly FailureGroup[]): FailureGroup[] {
  const merged = new Map<string, FailureGroup>();
  for (const group of groups) {
    const key = keyOf(group.type, group.message);
    const sum = merged.get(key);
    merged.set(key, {
      ...group,
      ...(sum && { message: sum.message }),
      count: (sum?.count ?? 0) + group.count,
      sample_ordinals: [...(sum?.sample_ordinals ?? []), ...group.sample_ordinals].slice(0, SAMPLES),
    });
  }
  return [...merged.values()].sort(byCount);
}
