/** What can go wrong, as a closed set: programs branch on it, so a code is never renamed or reused. */
export const errorCodes = [
  'invalid_input',
  'not_found',
  'not_allowed',
  'already_exists',
  'wrong_state',
  'unknown_model',
  'cost_limit',
  'no_credentials',
  'api_refused',
  'api_not_found',
  'api_busy',
  'api_spend_limit',
  'api_unreachable',
  'api_uncertain',
  'store_damaged',
  'store_failed',
  'internal',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** One thing wrong with what the caller gave. */
export type Problem = {
  /** Which item: a task id, `requests[3]`, `line 12`. Absent for a call's own arguments. */
  item?: string;
  /** The field's path within the item, as in `input_data.logs`. */
  field?: string;
  /** What was wrong, without quoting content. */
  problem: string;
  /** What is valid instead. */
  valid?: string;
};

/** What the API reported of a failed call. */
export type ApiFailure = {
  status?: number;
  type?: string;
  request_id?: string;
  retry_after_seconds?: number;
};

/** How many problems an error names; the rest are counted. */
export const PROBLEMS_NAMED = 20;

type Details = {
  cause?: unknown;
  problems?: readonly Problem[];
  /** How many problems there are in all, where `problems` holds only the first of them. */
  problemCount?: number;
  api?: ApiFailure;
  /** The store as a whole is unavailable, not just one record of it: it may be back in a moment. */
  isOfStore?: boolean;
};

/**
 * The only error class of the product. `message` is written for whoever reads it, often a model: what
 * failed, what is valid, what to do next. It holds no key and no content of the caller's.
 */
export class BatchError extends Error {
  override readonly name = 'BatchError';
  readonly code: ErrorCode;
  readonly problems: readonly Problem[];
  readonly problemCount: number;
  readonly api: ApiFailure | undefined;
  readonly isOfStore: boolean;

  constructor(code: ErrorCode, message: string, details: Details = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.problems = (details.problems ?? []).slice(0, PROBLEMS_NAMED);
    this.problemCount = details.problemCount ?? details.problems?.length ?? 0;
    this.api = details.api;
    this.isOfStore = details.isOfStore ?? false;
  }
}

/** One problem per key up to the number that is named, and one that counts the rest: there may be a million. */
export function describeSome(
  keys: readonly string[],
  what: string,
  describe: (key: string) => Problem,
): Problem[] {
  if (keys.length <= PROBLEMS_NAMED) return keys.map(describe);
  const named = keys.slice(0, PROBLEMS_NAMED - 1);
  const more = (keys.length - named.length).toLocaleString('en-US');
  return [...named.map(describe), { problem: `${more} more ${what}` }];
}

function renderProblem({ item, field, problem, valid }: Problem): string {
  const where = [item, field].filter((part) => part !== undefined).join(': ');
  return `- ${where ? `${where}: ` : ''}${problem}${valid ? `. Valid: ${valid}` : ''}`;
}

/** The error as text for a reader: its message, then one line per problem, the unnamed ones counted. */
export function renderError(error: BatchError): string {
  const unnamed = error.problemCount - error.problems.length;
  return [
    error.message,
    ...error.problems.map(renderProblem),
    ...(unnamed > 0 ? [`- and ${unnamed} more of these (${error.problemCount} in all)`] : []),
  ].join('\n');
}

/** Whether `error` is a system error with this code, as Node's file and network calls throw them. */
export function hasErrorCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
