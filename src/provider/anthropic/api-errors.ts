import { ZodError } from 'zod';
import { type ApiFailure, BatchError, type ErrorCode } from '../../errors.ts';
import { NotConnected } from '../../lib/http/connection.ts';
import { AnswerTooLong, Redirected } from '../../lib/http/http-fetch.ts';
import { redact } from '../../log.ts';
import {
  advice,
  type ErrorAnswer,
  isSpendLimit,
  KEY_REFUSALS,
  names,
  type Operation,
  retryAfterSeconds,
  uncertainAdvice,
} from './api-advice.ts';

const failed: Record<Operation, string> = {
  create: 'The batch could not be created',
  retrieve: "The batch's status could not be read",
  list: 'The batches could not be listed',
  cancel: 'The batch could not be canceled',
  results: "The batch's results could not be read",
  count: 'The tokens could not be counted',
  models: 'The models could not be listed',
};

const MESSAGE_QUOTED = 300;

/** The error for an unsuccessful answer. `secrets` are kept out of what it quotes. */
export function answerError(
  operation: Operation,
  given: ErrorAnswer,
  secrets: readonly string[],
  cause: unknown,
): BatchError {
  const answer = withoutSecrets(given, secrets);
  const code = codeOfAnswer(operation, answer);
  const inWords = answer.words ? ` "${quote(answer.words)}"` : '';
  const said = answer.message ? ` "${quote(answer.message)}"` : inWords;
  const told = [String(answer.status), answer.type && quote(answer.type)].filter(Boolean).join(' ');
  const echoesSecret = SAID.some((key) => answer[key] !== given[key]);
  // Bodies that are too large are refused by the network's edge, in any form.
  const isNamed = answer.status === 413 || (code === 'api_not_found' && !ABOUT_A_BATCH.includes(operation));
  const isSaid = code === 'api_refused' || code === 'api_not_found';
  const elsewhere = answer.isForeign && isSaid && !isNamed ? ` ${FOREIGN}` : '';
  const message = `${failed[operation]} (${told})${said && `:${said}`}. ${advice(code, operation, answer)}${elsewhere}`;
  const error = new BatchError(code, message, {
    api: apiFailure(answer),
    // Without the SDK's error as the cause: an answer that echoes the key would be passed on in it.
    ...(echoesSecret ? {} : { cause }),
  });
  if (answer.isForeign) foreign.set(error, { said: answer.message ? `:${said}` : '', inWords });
  return error;
}

const ABOUT_A_BATCH: readonly Operation[] = ['retrieve', 'cancel', 'results'];

const FOREIGN =
  "The answer is not in the form of Anthropic's errors: check ANTHROPIC_BASE_URL, and whether what answers there serves Message Batches.";

/** Errors in other forms, with their message wherever it is. */
const foreign = new WeakMap<BatchError, { said: string; inWords: string }>();

/** How the API, and gateways with budgets of their own, say that no more may be spent. */
const SPENDING = [400, 402, 403, 429];

function codeOfAnswer(operation: Operation, answer: ErrorAnswer): ErrorCode {
  const { status } = answer;
  if (SPENDING.includes(status) && isSpendLimit(answer.type, answer.errorCode)) return 'api_spend_limit';
  if (operation === 'create' && status === 503 && names(answer, KEY_REFUSALS)) return 'api_refused';
  switch (status) {
    case 400:
    case 401:
    case 402:
    case 403:
    case 413:
    case 422:
      return 'api_refused';
    case 404:
      return 'api_not_found';
    case 429:
    case 529:
      return 'api_busy';
    default:
      return 'api_uncertain';
  }
}

function apiFailure(answer: ErrorAnswer): ApiFailure {
  const wait = retryAfterSeconds(answer.retryAfter);
  return {
    status: answer.status,
    ...(answer.type ? { type: answer.type } : {}),
    ...(answer.requestId ? { request_id: answer.requestId } : {}),
    ...(wait === null ? {} : { retry_after_seconds: wait }),
  };
}

/** The parts of an answer with free text, in which it can repeat what it was sent. */
const SAID = ['type', 'message', 'words', 'requestId', 'errorCode'] as const;

function withoutSecrets(answer: ErrorAnswer, secrets: readonly string[]): ErrorAnswer {
  const clean = { ...answer };
  for (const key of SAID) {
    const text = answer[key];
    if (typeof text === 'string') clean[key] = redact(text, secrets);
  }
  return clean;
}

function quote(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > MESSAGE_QUOTED ? `${line.slice(0, MESSAGE_QUOTED)}…` : line;
}

/** The error for an answer that came too late, broke off or can't be read: what the API did is not known. */
export function uncertainError(operation: Operation, what: string, cause?: unknown): BatchError {
  return new BatchError(
    'api_uncertain',
    `${failed[operation]}: ${what}. ${uncertainAdvice[operation]}`,
    cause === undefined ? {} : { cause },
  );
}

/** The error for a call that was aborted for `reason`: a time limit, its caller, or the provider's end. */
export function gaveUpError(operation: Operation, reason: unknown): BatchError {
  return uncertainError(operation, reason instanceof Error ? reason.message : 'it was given up', reason);
}

/**
 * The error for a call that got no answer. Nothing was sent only if no connection was made, or if the request could not
 * be put together; `route` describes the way to the API.
 */
export function connectionError(operation: Operation, cause: unknown, route = ''): BatchError {
  const causes = causesOf(cause);
  const tooLong = causes.find((each) => each instanceof AnswerTooLong);
  const said = tooLong ?? causes.find((each) => each instanceof Redirected);
  if (said !== undefined) return uncertainError(operation, redact(said.message, []), cause);
  const codes = causes.flatMap((each) => ('code' in each ? [String(each.code)] : []));
  const notConnected = causes.find((each) => each instanceof NotConnected);
  const why = notConnected?.reason ?? (codes.includes('ERR_INVALID_URL') ? 'ERR_INVALID_URL' : undefined);
  if (why === undefined) {
    const [code] = codes;
    const noHttp = code?.startsWith('HPE_')
      ? ': what answers does not speak HTTP, as behind an https address'
      : '';
    const known = code === undefined ? '' : ` (${code}${noHttp})`;
    return uncertainError(operation, `the connection failed${known}${route}`, cause);
  }
  const reason = why === 'EPROTO' ? 'EPROTO: it does not speak TLS, as behind an http address' : why;
  return new BatchError(
    'api_unreachable',
    `${failed[operation]}: the API can't be reached (${reason})${route}. Nothing was sent. ` +
      'Check the network, the proxy (HTTPS_PROXY, NO_PROXY) and ANTHROPIC_BASE_URL, then try again.',
    { cause },
  );
}

/** How hosts without the route answer, and some gateways that have it. */
const NO_SUCH_ROUTE = [404, 405, 410, 501];

/**
 * The error for a host that is not the API, shown by its answer to the listing of batches, which is the first call and exists
 * wherever batches do. Any other failure of that call, such as a passing one, is returned as it is.
 */
export function unlessElsewhere(error: unknown, baseUrl: string): unknown {
  if (!(error instanceof BatchError) || error.code === 'api_spend_limit') return error;
  const what = whatAnswers(error);
  if (what === null) return error;
  const { inWords = '' } = foreign.get(error) ?? {};

  return new BatchError(
    'api_unreachable',
    `What answers at ${new URL(baseUrl).host} is not a Message Batches API (${what})${inWords && ` and says${inWords}`}. Nothing was sent. Check ANTHROPIC_BASE_URL, the ` +
      'address alone and without /v1, and whether a gateway there serves batches; or leave it out for api.anthropic.com.',
    { cause: error },
  );
}

function whatAnswers(error: BatchError): string | null {
  const { status, type } = error.api ?? {};
  const told = foreign.get(error);
  if (status !== undefined && isElsewhere(status, told === undefined ? type : undefined))
    return `${status}${told?.said ?? ''}`;
  if (status !== undefined) return null;
  const causes = causesOf(error.cause);
  const redirected = causes.find((each) => each instanceof Redirected);
  if (redirected !== undefined) return redirected.message;
  if (causes.some((each) => 'code' in each && /^(?:Z_|ERR__)/.test(String(each.code))))
    return 'a body that is not compressed as its header says';
  const isUnreadable = causes.some((each) => each instanceof SyntaxError || each instanceof ZodError);
  return isUnreadable ? 'a page or something else that is not a list of batches' : null;
}

/** A 4xx without an error type does not come from the API; but a refused key or a busy host can be reported in any form. */
const isElsewhere = (status: number, type: string | undefined): boolean =>
  NO_SUCH_ROUTE.includes(status) ||
  (status >= 400 && status < 500 && type === undefined && ![401, 402, 408, 429].includes(status));

function causesOf(error: unknown): Error[] {
  return error instanceof Error ? [error, ...causesOf(error.cause)] : [];
}
