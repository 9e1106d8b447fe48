import { BatchError, type ErrorCode } from '../../errors.ts';

const codes: Record<string, { code: ErrorCode; problem: string; next: string }> = {
  ENOENT: {
    code: 'not_found',
    problem: 'it, or a folder above it, does not exist',
    next: 'Check the path, or make the folder first.',
  },
  ENOTDIR: {
    code: 'invalid_input',
    problem: 'something above it is a file, not a folder',
    next: 'Give a path whose folders exist.',
  },
  EISDIR: { code: 'invalid_input', problem: 'it is a folder', next: 'Give the path of a file.' },
  ENAMETOOLONG: { code: 'invalid_input', problem: 'its name is too long', next: 'Give a shorter name.' },
  EACCES: {
    code: 'not_allowed',
    problem: 'the operating system denies access',
    next: 'Ask the person to change its permissions, or use another folder.',
  },
  EPERM: {
    code: 'not_allowed',
    problem: 'the operating system denies access',
    next: 'Ask the person to change its permissions, or use another folder.',
  },
  ERR_ACCESS_DENIED: {
    code: 'not_allowed',
    problem: "Node's permission model forbids it",
    next: 'Ask the person to start the server without --permission.',
  },
  EROFS: {
    code: 'not_allowed',
    problem: 'it is on a read-only file system',
    next: 'Use another folder.',
  },
  EDQUOT: {
    code: 'store_failed',
    problem: 'the disk quota is used up',
    next: 'Ask the person to make room, or use another folder.',
  },
  EFBIG: {
    code: 'store_failed',
    problem: 'it is larger than its file system, or a limit of the process, allows a file to be',
    next: 'Use another folder, or write less into one file.',
  },
  ENOSPC: { code: 'store_failed', problem: 'the disk is full', next: 'Ask the person to make room.' },
};

/** The code of a system error, such as `ENOSPC`; undefined for other errors. */
export function systemErrorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/**
 * Turns the error of an operation on a caller's file into a `BatchError`; one that is a `BatchError` already is
 * returned as it is. `what` says what was tried, as in `write "/work/out.csv"`.
 */
export function fileFailure(what: string, error: unknown): BatchError {
  if (error instanceof BatchError) return error;
  const system = systemErrorCode(error);
  const known = system === undefined ? undefined : codes[system];
  if (known) {
    return new BatchError(known.code, `Could not ${what}: ${known.problem}. ${known.next}`, { cause: error });
  }
  return new BatchError('store_failed', `Could not ${what} (${system ?? 'unknown cause'}). Try again.`, {
    cause: error,
  });
}
