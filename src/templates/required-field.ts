import type { Problem } from '../errors.ts';
import { nearest, quoteName } from '../lib/nearest.ts';
import { isEmpty } from './input-text.ts';

/** The problem with a required field of `input_data` that is missing or empty, or none. */
export function checkRequired(
  input: Readonly<Record<string, unknown>>,
  field: string,
  valid: string,
): Problem[] {
  const where = { field: `input_data.${field}`, valid };
  const value = input[field];
  if (!isEmpty(value)) return [];
  if (value === undefined) {
    const mistyped = nearest(field, Object.keys(input));
    const hint = mistyped === undefined ? '' : `; ${quoteName(mistyped)} was given instead`;
    return [{ ...where, problem: `this field is required and is missing${hint}` }];
  }
  return [{ ...where, problem: value === null ? 'is null' : 'is empty' }];
}
