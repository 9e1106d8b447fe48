import * as z from 'zod';
import { BatchError } from '../errors.ts';
import { actualType, problemsOf } from '../tasks/problems.ts';

const isFunction = (value: unknown): boolean => typeof value === 'function';
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;

/** The options of a program (`ClientOptions`). */
const programOptions = z.strictObject({
  apiKey: z.string().min(1).optional(),
  // `process.env` is not a plain object.
  env: z.object({}).catchall(z.string().optional()).optional(),
  flags: z.array(z.string()).optional(),
  log: z.custom(isFunction, { error: 'a function of a level and a message, as createLog makes' }).optional(),
  store: z.custom(isObject, { error: 'an object, as { client: pool }' }).optional(),
});

/**
 * Throws `invalid_input` for options that would be ignored or would fail in the middle of a call: a misspelt one could
 * spend real money instead of using the sandbox.
 */
export function checkProgramOptions(given: unknown): void {
  const read = programOptions.safeParse(given, { reportInput: true });
  if (read.success) return;
  const isNone = !isObject(given) || Array.isArray(given);
  throw new BatchError('invalid_input', 'The options are not valid; nothing was opened.', {
    problems: isNone
      ? [
          {
            field: 'options',
            problem: `is ${actualType(given)}`,
            valid: "an object, as { flags: ['--sandbox'] }",
          },
        ]
      : problemsOf(read.error, Object.keys(programOptions.shape)),
  });
}
