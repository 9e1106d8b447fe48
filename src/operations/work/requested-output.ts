import * as z from 'zod';
import { checkOutputFile, type OutputRequest } from '../../answers/files/output-file.ts';
import { outputFormat } from '../../answers/files/output-format.ts';
import { checkAnswerFiles } from '../../answers/files/write-answer-files.ts';
import { BatchError } from '../../errors.ts';
import type { Context } from '../../state/context.ts';
import type { Work, WorkSource } from '../../tasks/work.ts';
import { outputPatternArgument } from '../file-argument.ts';

/** Arguments for writing answers to files of their own, the same at submission and afterwards. */
export const answerFileFields = {
  output_pattern: outputPatternArgument
    .optional()
    .describe('A file per finished answer: {{dir}}/{{stem}}.md'),
  output_key: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe('Only that key; in output_file a line per entry'),
};

export type OutputArguments = {
  output_file?: string | undefined;
  output_pattern?: string | undefined;
  output_key?: string | undefined;
};

/** The files that a submission asks for, or why they can't be written. */
export type RequestedOutput = {
  file: Omit<OutputRequest, 'replace'> | null;
  answerFiles: { pattern: string; key?: string | undefined; places: readonly string[] } | null;
  problem: BatchError | null;
};

/**
 * Checks the paths now but reports a problem later: a call repeated after the file was written gets its batch back,
 * and a call with wrong tasks is told of both.
 */
export async function requestOutput(
  context: Context,
  args: OutputArguments,
  source: WorkSource['kind'],
): Promise<RequestedOutput> {
  const { output_file, output_pattern } = args;
  const nothing = { file: null, answerFiles: null };
  try {
    const { fileKey, patternKey } = checkOutputKey(args);
    const file = output_file ? { path: await checkOutputFile(context, output_file), key: fileKey } : null;
    if (!output_pattern) return { ...nothing, file, problem: null };
    const { places } = await checkAnswerFiles(context, output_pattern, source);
    return { file, answerFiles: { pattern: output_pattern, key: patternKey, places }, problem: null };
  } catch (error) {
    if (error instanceof BatchError) return { ...nothing, problem: error };
    throw error;
  }
}

/** A merge that leaves one answer can't have a file per answer. */
export function requireOneFile({ merge }: Pick<Work, 'merge'>, { output_pattern }: OutputArguments): void {
  if (typeof merge !== 'number' || output_pattern === undefined) return;
  const problem = 'does not go with a merge that leaves one answer';
  throw new BatchError('invalid_input', 'The work was refused; nothing was sent.', {
    problems: [{ field: 'output_pattern', problem, valid: 'output_file, or a merge by a column' }],
  });
}

/**
 * What `output_key` applies to: the files of single answers where there are any, leaving `output_file` whole;
 * otherwise `output_file`. Throws `invalid_input` where it applies to nothing.
 */
export function checkOutputKey({ output_file, output_pattern, output_key }: OutputArguments) {
  if (output_key === undefined) return {};
  if (output_pattern !== undefined) return { patternKey: output_key };
  if (output_file === undefined) {
    throw wrongKey(
      'says what goes into files, and none is asked for',
      'output_file or output_pattern beside it',
    );
  }
  if (outputFormat(output_file) === 'raw') {
    throw wrongKey(
      'does not go with .raw.jsonl, which has the lines as they came',
      '.csv, .jsonl, .json or .md',
    );
  }
  return { fileKey: output_key };
}

function wrongKey(problem: string, valid: string): BatchError {
  return new BatchError('invalid_input', 'output_key cannot be used like that; nothing was done.', {
    problems: [{ field: 'output_key', problem, valid }],
  });
}

/** Adds the problem with the output to a refusal of the work. */
export function withOutputProblem(error: unknown, { problem }: RequestedOutput): unknown {
  if (
    problem === null ||
    error === problem ||
    !(error instanceof BatchError) ||
    error.code !== 'invalid_input'
  )
    return error;
  const first = problem.problems[0] ?? { field: 'output_file', problem: problem.message };
  // It may be the very problem that was thrown, wrapped in another error.
  if (error.problems.some((each) => each.field === first.field && each.problem === first.problem))
    return error;
  return new BatchError('invalid_input', error.message, {
    cause: error,
    problems: [first, ...error.problems],
    problemCount: error.problemCount + 1,
  });
}
