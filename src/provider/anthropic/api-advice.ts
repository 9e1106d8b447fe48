import type { ErrorCode } from '../../errors.ts';
import { counted } from '../../lib/numbers.ts';

/** The operations of the API, as messages name them. */
export type Operation = 'create' | 'retrieve' | 'list' | 'cancel' | 'results' | 'count' | 'models';

/** An unsuccessful answer of the API. */
export type ErrorAnswer = {
  status: number;
  type: string | null | undefined;
  message: string | null | undefined;
  /** Its message, if it is in another place than in the API's errors. */
  words?: string | null | undefined;
  /** `error.details.error_code`: a stable name of the cause, if there is one. */
  errorCode: string | null | undefined;
  requestId: string | null | undefined;
  retryAfter: string | null | undefined;
  /** Whether it does not have the form of the API's errors. */
  isForeign?: boolean;
};

const NO_BATCHES = 'workspace_human_review_disabled';
/** Refusals of a workspace whose own encryption key can't be used: nothing was made. */
export const KEY_REFUSALS = ['cmek_context_unavailable', 'cmek_key_unreachable'];

export const names = ({ type, errorCode }: ErrorAnswer, known: readonly string[]) =>
  known.some((name) => name === errorCode || name === type);

/** Nobody waits longer than this. */
const LONGEST_RETRY_AFTER_SECONDS = 86_400;

/** With their unit, as some gateways write them, and twice where two of them have added the header. */
const SECONDS = /^\s*(-?\d+(?:\.\d+)?)\s*(?:s|secs?|seconds?)?\s*(?:,|$)/i;
/** `Date.parse` takes almost anything with a number in it for a day of some year. */
const HAS_TIME = /\d:\d\d/;

/** The header holds seconds or a date (RFC 9110, 10.2.3). */
export function retryAfterSeconds(header: string | null | undefined): number | null {
  if (!header) return null;
  const [, seconds] = SECONDS.exec(header) ?? [];
  const until = HAS_TIME.test(header) ? Date.parse(header) : Number.NaN;
  const wait = seconds === undefined ? Math.ceil((until - Date.now()) / 1000) : Number(seconds);
  return Number.isNaN(wait) ? null : Math.min(Math.max(0, wait), LONGEST_RETRY_AFTER_SECONDS);
}

export function advice(code: ErrorCode, operation: Operation, answer: ErrorAnswer): string {
  if (code === 'api_spend_limit') {
    const where = answer.isForeign
      ? 'where it is set, at what answers at ANTHROPIC_BASE_URL'
      : 'in the Anthropic Console';
    return `Waiting does not lift a spend limit: ask the person to raise it ${where}, then submit again.`;
  }
  if (code === 'api_busy') {
    const wait = retryAfterSeconds(answer.retryAfter);
    return `The API is busy; try again ${wait === null || wait < 1 ? 'in a minute' : `in ${counted(Math.ceil(wait), 'second')}`}.`;
  }
  if (names(answer, [NO_BATCHES]))
    return 'This workspace cannot create batches: use a key of another workspace, or ask the person to have human review allowed in it.';
  if (names(answer, KEY_REFUSALS) && code === 'api_refused')
    return "Nothing was made: the workspace's own encryption key can't be used. Ask the person to look at it, then call retry_batch.";
  if (saysNoCredit(answer.message))
    return 'This is about the account, not the request: ask the person to top up its credit in the Anthropic Console, then call retry_batch.';
  switch (answer.status) {
    case 401:
      return 'The API does not accept the key: check ANTHROPIC_API_KEY and restart the client.';
    case 402:
      return "This is about billing: ask the person to check the account's credit in the Anthropic Console.";
    case 403:
      return 'This key is not allowed to do this: use one whose workspace has access to Message Batches.';
    case 404:
      if (operation === 'create')
        return answer.isForeign
          ? 'The host has no Message Batches API: check ANTHROPIC_BASE_URL.'
          : 'What the API names is not there: a model, or the batches themselves. Check the model, ANTHROPIC_BASE_URL and the workspace of the key.';
      return operation === 'count' || operation === 'models'
        ? 'What answers at ANTHROPIC_BASE_URL does not offer this; everything else works without it.'
        : 'A batch just made can be unknown for a moment: try again in a minute. If that does not help, check the id and that the key belongs to the same workspace.';
    case 413:
      return 'The batch is too large: a Message Batch takes at most 256 MB; submit it in smaller pieces.';
    default:
      return code === 'api_refused'
        ? 'Correct what the API names, then try again.'
        : uncertainAdvice[operation];
  }
}

export const uncertainAdvice: Record<Operation, string> = {
  create:
    'Whether the batch was made is not known, so nothing more is sent until that is settled: look again with batch_status in a minute.',
  retrieve: 'Try again in a minute.',
  list: 'Try again in a minute.',
  cancel:
    'Whether the cancellation arrived is not known: look with batch_status, then cancel again if need be.',
  results: 'Nothing is lost, the results stay at the API: try again in a minute.',
  count: 'Nothing was sent or paid. Try again in a minute.',
  models: 'Try again in a minute.',
};

/** Spend limits, by their stable names. `ramp_limit_exceeded` is not among them: it passes. */
const SPEND_LIMITS = [
  'enforced_spend_limit_reached',
  'contract_spend_limit_reached',
  // The names that gateways use, from OpenAI and LiteLLM.
  'insufficient_quota',
  'billing_hard_limit_reached',
  'budget_exceeded',
];

/** Whether an error's type, or the stable name of its cause, means that no more may be spent. */
export const isSpendLimit = (...names: readonly unknown[]): boolean =>
  SPEND_LIMITS.some((limit) => names.includes(limit));

const NO_CREDIT = /credit balance is too low/i;

/** Concerns the account, though it is reported as a fault of the request: the same request succeeds once the account is topped up. */
export const saysNoCredit = (message: string | null | undefined): boolean => NO_CREDIT.test(message ?? '');
