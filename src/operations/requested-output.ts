import { checkOutputFile } from '../answers/output-file.ts';
import { BatchError } from '../errors.ts';
import type { Context } from '../state/context.ts';

/** The file that a submission asks for, or why it can't be had. */
export type RequestedOutput = { path: string | null; problem: BatchError | null };

/**
 * Checks the path now and tells a problem later: a call repeated after the file was written gets its batch back,
 * and a call with wrong tasks hears of both.
 */
export async function requestOutput(context: Context, given: string | undefined): Promise<RequestedOutput> {
  if (!given) return { path: null, problem: null };
  try {
    return { path: await checkOutputFile(context, given), problem: null };
  } catch (error) {
    if (error instanceof BatchError) return { path: null, problem: error };
    throw error;
  }
}

/** What was wrong with the work, and with the output beside it. */
export function withOutputProblem(error: unknown, { problem }: RequestedOutput): unknown {
  if (problem === null || !(error instanceof BatchError) || error.code !== 'invalid_input') return error;
  const first = problem.problems[0] ?? { field: 'output_file', problem: problem.message };
  return new BatchError('invalid_input', error.message, {
    cause: error,
    problems: [first, ...error.problems],
    problemCount: error.problemCount + 1,
  });
}
