import { BatchError } from '../errors.ts';
import type { Context } from '../state/context.ts';
import { momentNow } from '../state/elapsed.ts';
import type { Failure } from '../store/part-state.ts';

/** What a failed create means for the money: only a definite refusal counts as not sent. */
export function meaningOf(error: unknown): 'not_sent' | 'busy' | 'uncertain' {
  if (!(error instanceof BatchError)) return 'uncertain';
  switch (error.code) {
    case 'api_busy':
      return 'busy';
    case 'api_refused':
    case 'api_not_found':
    case 'api_spend_limit':
    case 'api_unreachable':
    case 'no_credentials':
      return 'not_sent';
    default:
      return 'uncertain';
  }
}

export function apiOf(error: unknown) {
  return error instanceof BatchError ? error.api : undefined;
}

export function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function createFailureOf(error: unknown, context: Context): Failure {
  const code = error instanceof BatchError ? error.code : 'internal';
  const status = apiOf(error)?.status;
  const seen = momentNow(context);
  return { code, message: describe(error), ...seen, ...(status !== undefined && { status }) };
}

/** Where a busy API names no time. */
const BUSY_WAIT_SECONDS = 5;
const LEAST_PAUSE_MS = 1_000;
const LONGEST_STEP_MS = 16_000;

/** The pause before asking a busy API again: at least what it asks for, longer each time, and with jitter. */
export function busyPause(seconds = BUSY_WAIT_SECONDS, tries: number): number {
  const least = Math.min(LEAST_PAUSE_MS * 2 ** (tries - 1), LONGEST_STEP_MS);
  return Math.max(seconds * 1000, least) * (1 + Math.random() / 4);
}
